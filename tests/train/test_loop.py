"""What the loop does with a method's phases, and what it writes down."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from imtrans.errors import OutputError, TrainingError
from imtrans.train.checkpoint import checkpoints, step_of
from imtrans.train.loop import Trainer
from imtrans.train.observer import Observer, Progress

Make = Callable[..., Trainer]


class Listener(Observer):
    """Remembers all that it hears."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.reports: list[Progress] = []
        self.unread: list[str] = []

    def step(self, step: int) -> None:
        self.steps.append(step)

    def report(self, progress: Progress) -> None:
        self.reports.append(progress)

    def unreadable(self, path: str, reason: str) -> None:
        self.unread.append(path)


def test_phases_run_in_order_as_often_as_they_say(trainer: Make) -> None:
    run = trainer("train.steps=5")
    assert run.fit()
    turns = [(phase, index) for phase, index, _ in run.method.seen]
    assert turns == [
        *(("generator", 0), ("critic", 0), ("critic", 0)),
        *(("generator", 1), ("generator", 2)),
        *(("generator", 3), ("critic", 3), ("critic", 3)),
        ("generator", 4),
    ]


def test_only_the_phase_s_own_networks_need_gradients(trainer: Make) -> None:
    run = trainer("train.steps=1")
    run.fit()
    assert {phase: needs for phase, _, needs in run.method.seen} == {
        "generator": (True, False),
        "critic": (False, True),
    }
    assert all(parameter.requires_grad for parameter in run.method.networks.parameters())


def test_learning_rate_follows_the_schedule(trainer: Make) -> None:
    run = trainer("train.steps=4", "train.decay_from=0.5", "lr=0.3")
    rates: list[float] = []

    class Rates(Observer):
        def step(self, step: int) -> None:
            rates.append(run.optimisers["generator"].param_groups[0]["lr"])

    run.fit(Rates())
    assert rates == pytest.approx([0.3, 0.3, 0.2, 0.1])


def test_records_come_when_they_are_due_and_at_the_end(trainer: Make, tmp_path: Path) -> None:
    run, listener = (
        trainer("train.steps=7", "train.log_every=3", "train.sample_every=4", "train.checkpoint_every=2"),
        Listener(),
    )
    assert run.fit(listener)
    assert listener.steps == [1, 2, 3, 4, 5, 6, 7]
    assert [report.step for report in listener.reports] == [3, 6, 7]
    lines = [json.loads(line) for line in run.run.log_path.read_text().splitlines()]
    assert [line["step"] for line in lines] == [3, 6, 7]
    assert lines[0]["distance"] == pytest.approx(listener.reports[0].losses["distance"], abs=1e-6)
    assert {"learning_rate_factor", "images_per_second", "seconds", "critic"} <= lines[0].keys()
    assert [step_of(path) for path in checkpoints(run.run.checkpoints)] == [4, 6, 7]
    assert sorted(path.name for path in run.run.samples.iterdir()) == ["step-00000004.png", "step-00000007.png"]
    with Image.open(run.run.samples / "step-00000004.png") as grid:
        assert grid.size == (8 + 2 + 8, 3 * 8 + 2 * 2)


def test_training_learns(trainer: Make) -> None:
    """The gain that brings A nearest to B in the mean of squares is near <A, B> / <A, A>, which is not 0."""
    run, listener = trainer("train.steps=60", "train.log_every=20", "lr=0.05", "network.start=1"), Listener()
    run.fit(listener)
    assert listener.reports[-1].losses["distance"] < listener.reports[0].losses["distance"]


def test_a_finished_run_trains_no_further(trainer: Make) -> None:
    trainer("train.steps=2").fit()
    again, listener = trainer("train.steps=2", resume=True), Listener()
    assert again.fit(listener)
    assert listener.steps == []


def test_bf16_keeps_weights_in_fp32(trainer: Make) -> None:
    run = trainer("train.steps=2", dtype=torch.bfloat16)
    run.fit()
    assert all(parameter.dtype == torch.float32 for parameter in run.method.networks.parameters())


@pytest.mark.parametrize("log_every", [1, 100])
def test_a_loss_that_is_no_number_ends_the_run_before_it_spoils_a_checkpoint(trainer: Make, log_every: int) -> None:
    run = trainer("explode_at=5", f"train.log_every={log_every}", "train.checkpoint_every=2")
    with pytest.raises(TrainingError, match="training broke down by step") as caught:
        run.fit()
    assert caught.value.have
    assert "--resume" in caught.value.hint
    assert [step_of(path) for path in checkpoints(run.run.checkpoints)] == [2, 4]


def test_unreadable_pictures_are_told_once_each(trainer: Make, data: Path) -> None:
    (data / "trainA" / "1.png").write_bytes(b"")
    (data / "trainB" / "2.png").write_text("hello")
    run, listener = trainer("train.steps=20"), Listener()
    run.fit(listener)
    assert sorted(listener.unread) == [str(data / "trainA" / "1.png"), str(data / "trainB" / "2.png")]
    assert run.unreadable.keys() == set(listener.unread)


def test_a_folder_that_vanishes_is_an_error_in_words(trainer: Make) -> None:
    run = trainer()
    run.run.log_path.mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        run.fit()


def test_memory_that_runs_out_is_an_error_in_words(trainer: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    run = trainer()

    def too_much(step: object) -> dict[str, torch.Tensor]:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    run.phases = tuple(type(phase)(phase.name, phase.learns, too_much) for phase in run.phases)
    with pytest.raises(TrainingError, match="does not fit into memory") as caught:
        run.fit()
    assert "--batch-size" in caught.value.hint
