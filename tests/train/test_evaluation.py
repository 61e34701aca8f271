"""The judge's hook, and the checkpoint that it likes best."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from imtrans.errors import ConfigError, TrainingError, UsageError
from imtrans.train.checkpoint import checkpoints, step_of
from imtrans.train.evaluation import Best, Translate, as_translate, is_better, read_best, write_best
from imtrans.train.export import export
from imtrans.train.loop import Trainer

from .toys import CARD, assert_equal, everything

Make = Callable[..., Trainer]


class Judge:
    """Gives the numbers that it was told to give, one a call."""

    higher_is_better: Mapping[str, bool] = {"score": True, "distance": False}

    def __init__(self, scores: list[float]) -> None:
        self.scores = scores
        self.seen: list[float] = []

    def __call__(self, translators: Mapping[str, Translate]) -> dict[str, float]:
        assert not torch.is_grad_enabled()
        torch.rand(())  # what a judge draws must not change the training
        self.seen.append(float(translators["a2b"](torch.full((1, 3, 2, 2), 0.75)).mean()))
        return {"score": self.scores[len(self.seen) - 1], "distance": 0.0}


def settings(metric: str = "score") -> tuple[str, ...]:
    return (
        *("train.steps=10", "train.evaluate_every=2", f"train.best_metric={metric}", "network.start=0.5"),
        *("train.checkpoint_every=3", "train.keep=1"),
    )


def test_the_best_stays_though_it_is_old(trainer: Make) -> None:
    run = trainer(*settings(), evaluator=Judge([0.1, 0.7, 0.3, float("nan"), 0.2]))
    run.fit()
    assert read_best(run.run.checkpoints) == Best(4, "score", 0.7)
    assert [step_of(path) for path in checkpoints(run.run.checkpoints)] == [4, 10]
    records = [json.loads(line) for line in run.run.log_path.read_text().splitlines()]
    assert [record["step"] for record in records if "metrics" in record] == [2, 4, 6, 8, 10]
    assert export(run.run.root, run.run.root / "x.safetensors", best=True).step == 4
    with pytest.raises(UsageError, match="--best and --step"):
        export(run.run.root, run.run.root / "y.safetensors", best=True, step=4)


def test_judging_changes_nothing(trainer: Make) -> None:
    judged = trainer(*settings(), name="judged", evaluator=Judge([0.1] * 5))
    plain = trainer("train.steps=10", "network.start=0.5", name="plain")
    assert judged.fit()
    assert plain.fit()
    assert_equal(everything(judged), everything(plain))


def test_the_average_is_what_is_judged_and_restored_after(trainer: Make) -> None:
    judge = Judge([0.0, 0.0])
    run = trainer("train.steps=2", "train.evaluate_every=1", "train.ema=0.9", "network.start=0.5", evaluator=judge)
    run.fit()
    averaged = run.averages.networks["generator.ema"].gain.item()
    assert averaged != run.method.networks["generator"].gain.item()
    # A pixel of 0.75 is 0.5 to the network, whose range is -1..1.
    assert judge.seen[-1] == pytest.approx((0.5 * averaged + 1) / 2)


def test_no_best_to_export(trainer: Make) -> None:
    run = trainer("train.steps=1")
    run.fit()
    with pytest.raises(TrainingError, match="has no best checkpoint") as caught:
        export(run.run.root, run.run.root / "x.safetensors", best=True)
    assert "train.best_metric" in caught.value.have
    assert caught.value.hint


@pytest.mark.parametrize(
    ("new", "old", "higher", "expected"),
    [
        (1.0, None, True, True),
        (1.0, 2.0, True, False),
        (1.0, 2.0, False, True),
        (1.0, 1.0, True, False),
        (float("nan"), None, True, False),
    ],
)
def test_better(new: float, old: float | None, higher: bool, expected: bool) -> None:
    before = None if old is None else Best(1, "m", old)
    assert is_better(Best(2, "m", new), before, higher=higher) is expected
    assert is_better(Best(2, "other", 0.0), before, higher=higher), "numbers of two metrics do not compare"


def test_a_best_whose_checkpoint_is_gone_is_none(tmp_path: Path) -> None:
    write_best(tmp_path, Best(7, "m", 1.0))
    assert read_best(tmp_path) is None
    (tmp_path / "best.json").write_text("[1")
    assert read_best(tmp_path) is None


def test_metrics_that_nobody_measures(trainer: Make, data: Path, tmp_path: Path) -> None:
    run = trainer("train.steps=1")
    parts: list[Any] = [run.card, run.settings.override(list(settings("scor"))), run.run, run.dataset, run.preview]
    with pytest.raises(ConfigError, match="no metric 'scor'") as caught:
        Trainer(*parts, torch.device("cpu"), evaluator=Judge([]))
    assert "Did you mean 'score'?" in caught.value.have
    with pytest.raises(ConfigError, match="nothing evaluates this run") as caught:
        Trainer(*parts, torch.device("cpu"))
    assert caught.value.hint


@pytest.mark.parametrize("channels", ["RGB", "BGR", "L"])
def test_a_translator_sees_its_own_channels_and_range(channels: str) -> None:
    seen: list[torch.Tensor] = []

    class Same(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x)
            return x

    pictures = torch.rand(2, 3, 4, 4)
    translated = as_translate(Same(), replace(CARD, channels=channels), torch.device("cpu"))(pictures)
    assert translated.shape == pictures.shape
    if channels == "L":
        assert seen[0].shape == (2, 1, 4, 4)
        assert torch.equal(translated[:, 0], translated[:, 2])
    else:
        torch.testing.assert_close(translated, pictures)
        red = seen[0][:, 0 if channels == "RGB" else 2]
        torch.testing.assert_close(red, pictures[:, 0] * 2 - 1)


def test_pictures_are_measured_one_at_a_time_where_batches_would_change_them() -> None:
    network, pictures = nn.BatchNorm2d(3), torch.rand(3, 3, 4, 4)
    translate = as_translate(network, replace(CARD, norm_at_inference="train"), torch.device("cpu"))
    together, alone = translate(pictures), [translate(picture[None]) for picture in pictures]
    assert together.equal(torch.cat(alone))
