"""What a folder tells of its run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from imtrans.errors import TrainingError
from imtrans.train.history import read_log, read_run, runs_in
from imtrans.train.loop import Trainer


@pytest.fixture
def run(trainer: Callable[..., Trainer]) -> Path:
    trained = trainer("train.steps=6", "train.log_every=2", "train.checkpoint_every=3", "train.sample_every=3")
    trained.fit()
    return trained.run.root


def test_a_run(run: Path) -> None:
    found = read_run(run)
    assert (found.name, found.model, found.step, found.checkpoints) == ("run", "toy", 6, (3, 6))
    assert found.losses.keys() == {"distance", "critic"}
    assert found.speed is not None
    assert found.speed > 0
    assert list(found.samples) == [3, 6]
    assert [step for step, _ in found.curves()["distance"]] == [2, 4, 6]
    assert found.best is None


def test_metrics_and_lines_that_are_half_written(run: Path) -> None:
    with (run / "log.jsonl").open("ab") as log:
        log.write(
            b'{"step": 6, "metrics": {"a2b/kid": 0.5}}\n{"step": 8, "distance": NaN}\n[1]\n\xff\n{"step": 9, "dis'
        )
    found = read_run(run)
    assert found.metrics == {"a2b/kid": 0.5}
    assert found.curves()["a2b/kid"] == [(6, 0.5)]
    assert [step for step, _ in found.curves()["distance"]] == [2, 4, 6], "a NaN is in no curve"
    assert found.step == 8


def test_a_damaged_configuration_does_not_hide_the_rest(run: Path) -> None:
    (run / "config.toml").write_text("= nonsense")
    assert (read_run(run).model, read_run(run).step) == ("?", 6)


def test_the_runs_of_a_folder(run: Path) -> None:
    (run.parent / "notes").mkdir()
    assert [found.root for found in runs_in(run.parent)] == [run]
    assert [found.root for found in runs_in(run)] == [run]
    assert read_log(run / "nothing") == []


def test_what_is_no_run(run: Path) -> None:
    with pytest.raises(TrainingError, match="ran is no training run") as caught:
        read_run(run.parent / "ran")
    assert "Did you mean 'run'?" in caught.value.have
    assert caught.value.hint
    with pytest.raises(TrainingError, match="does not exist"):
        runs_in(run.parent / "nowhere")
