"""A run that was killed and resumed is the run that was not."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from imtrans.errors import TrainingError
from imtrans.train.loop import Trainer
from imtrans.train.observer import Observer

from .toys import SMALL_CYCLEGAN, assert_equal, cyclegan, everything

Make = Callable[..., Trainer]


class KilledError(Exception):
    """Stands for the end of the process."""


class Killer(Observer):
    """Ends the run at once after the 13th step, where no checkpoint is due."""

    def step(self, step: int) -> None:
        if step == 13:
            raise KilledError


@pytest.mark.parametrize(
    ("dtype", "workers", "pool_size", "batch_size", "more"),
    [
        (torch.float32, 0, 4, 1, ()),
        (torch.float32, 1, 50, 2, ("train.accumulate=2", "train.ema_half_life=10", "train.ema_ramp_up=0.5")),
        (torch.bfloat16, 1, 4, 1, ("train.ema=0.9", "train.schedule=cosine", "train.warmup=3")),
        (torch.bfloat16, 0, 0, 2, ("train.clip_norm=0.1", "train.channels_last=false")),
        (torch.float16, 0, 4, 2, ("train.ema=0.9", "train.clip_norm=1")),
    ],
)
def test_twenty_steps_equal_thirteen_and_death_and_ten_more(
    trainer: Make, dtype: torch.dtype, workers: int, pool_size: int, batch_size: int, more: tuple[str, ...]
) -> None:
    """With dropout, whose random numbers are the global generator's; the pool of 4 is full by then, that of 50 not."""
    settings = (
        *SMALL_CYCLEGAN,
        f"train.workers={workers}",
        f"pool_size={pool_size}",
        f"train.batch_size={batch_size}",
        "train.checkpoint_every=5",
        "train.sample_every=7",
        *more,
    )
    straight = trainer(*settings, card=cyclegan(), dtype=dtype, name="straight")
    if straight.engine.scaler is not None:
        straight.engine.scaler.set_growth_interval(3)  # so that the scale moves in so few steps
    assert straight.fit()
    broken = trainer(*settings, card=cyclegan(), dtype=dtype, name="broken")
    if broken.engine.scaler is not None:
        broken.engine.scaler.set_growth_interval(3)
    with pytest.raises(KilledError):
        broken.fit(Killer())
    torch.manual_seed(random.randrange(1000))  # a new process would not know where this one's numbers were
    resumed = trainer(*settings, card=cyclegan(), dtype=dtype, name="broken", resume=True)
    assert resumed.step == 10
    assert resumed.fit()
    assert_equal(everything(straight), everything(resumed))
    assert len(straight.pools["a"]) == min(pool_size, 20 * batch_size)


def test_the_resumed_log_has_no_gap_and_no_echo(trainer: Make) -> None:
    settings = ("train.log_every=2", "train.checkpoint_every=5")
    broken = trainer(*settings)
    with pytest.raises(KilledError):
        broken.fit(Killer())
    with broken.run.log_path.open("a") as log:
        log.write('{"step": 14, "dis')
    resumed = trainer(*settings, resume=True)
    resumed.fit()
    steps = [int(line.split(":")[1].split(",")[0]) for line in resumed.run.log_path.read_text().splitlines()]
    assert steps == list(range(2, 21, 2))


def test_more_steps_go_on_from_the_end(trainer: Make) -> None:
    trainer("train.steps=4").fit()
    longer = trainer("train.steps=9", resume=True)
    assert (longer.step, longer.total) == (4, 9)
    assert longer.fit()
    assert longer.step == 9


def test_changed_settings_of_adam_hold_after_a_resume(trainer: Make) -> None:
    trainer("train.steps=4", "beta1=0.5").fit()
    changed = trainer("train.steps=6", "beta1=0.9", resume=True)
    changed.fit()
    assert changed.optimisers["generator"].param_groups[0]["betas"] == (0.9, 0.999)


def test_a_smaller_pool_holds_after_a_resume(trainer: Make) -> None:
    settings = (*SMALL_CYCLEGAN, "train.steps=6")
    trainer(*settings, card=cyclegan()).fit()
    smaller = trainer(*settings, "pool_size=2", "train.steps=8", card=cyclegan(), resume=True)
    smaller.fit()
    assert len(smaller.pools["a"]) == 2


def test_other_networks_are_refused(trainer: Make) -> None:
    trainer(*SMALL_CYCLEGAN, "train.steps=1", card=cyclegan()).fit()
    with pytest.raises(TrainingError, match="another generator_ab than the settings") as caught:
        trainer(*SMALL_CYCLEGAN, "generator.ngf=3", card=cyclegan(), resume=True)
    assert "in the checkpoint" in caught.value.have
    assert "--output" in caught.value.hint


def test_a_state_of_another_version_is_refused(trainer: Make) -> None:
    run = trainer("train.steps=1")
    run.fit()
    path = run.run.latest_checkpoint() / "state.pt"
    state = torch.load(path, weights_only=True)
    del state["optimisers"]["critic"]
    torch.save(state, path)
    with pytest.raises(TrainingError, match="does not fit the model") as caught:
        trainer(resume=True)
    assert caught.value.have
    assert caught.value.hint


def test_a_run_without_checkpoint_cannot_be_resumed(trainer: Make) -> None:
    trainer()
    with pytest.raises(TrainingError, match="no checkpoint to go on from") as caught:
        trainer(resume=True)
    assert caught.value.have
    assert caught.value.hint


def test_half_written_drafts_are_ignored_and_cleared(trainer: Make, tmp_path: Path) -> None:
    trainer("train.steps=2").fit()
    draft = tmp_path / "run" / "checkpoints" / ".step-00000003.draft"
    draft.mkdir()
    (draft / "state.pt").write_bytes(b"half")
    resumed = trainer("train.steps=4", resume=True)
    assert resumed.step == 2
    resumed.fit()
    assert not draft.exists()


def test_random_numbers_drawn_by_others_do_not_count(trainer: Make) -> None:
    """Of a new run and of a resumed one: a progress bar draws some while it is imported."""
    expected = trainer("train.steps=2", name="one")
    expected.fit()
    run = trainer("train.steps=2", name="two")
    random.random(), torch.rand(())
    run.fit()
    assert_equal(everything(run), everything(expected))
    resumed = trainer("train.steps=3", name="two", resume=True)
    random.random(), torch.rand(())
    resumed.fit()
    longer = trainer("train.steps=3", name="one", resume=True)
    longer.fit()
    assert_equal(everything(resumed), everything(longer))
