"""The averages of a run, beside its networks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from imtrans.train.export import export
from imtrans.train.loop import Trainer
from imtrans.train.observer import Observer

Make = Callable[..., Trainer]


def test_the_average_follows_its_equation(trainer: Make) -> None:
    """The average becomes beta average + (1 - beta) weights, from the first weights on; the critic has none."""
    expected = 0.5

    class Follower(Observer):
        def step(self, step: int) -> None:
            nonlocal expected
            expected = 0.9 * expected + 0.1 * run.method.networks["generator"].gain.item()

    run = trainer("train.steps=5", "train.ema=0.9", "network.start=0.5")
    run.fit(Follower())
    assert list(run.averages.networks) == ["generator.ema"]
    assert run.averages.networks["generator.ema"].gain.item() == pytest.approx(expected, rel=1e-5)
    assert run.averages.state_dict() == {"generator": 5}


def test_an_export_prefers_the_average(trainer: Make, tmp_path: Path) -> None:
    run = trainer("train.steps=3", "train.ema=0.9", "network.start=0.5")
    run.fit()
    averaged = export(run.run.root, tmp_path / "a.safetensors")
    learnt = export(run.run.root, tmp_path / "b.safetensors", averaged=False)
    assert (averaged.averaged, learnt.averaged) == (True, False)
    assert torch.equal(load_file(averaged.path)["gain"], run.averages.networks["generator.ema"].gain)
    assert torch.equal(load_file(learnt.path)["gain"], run.method.networks["generator"].gain)


def test_a_resumed_run_may_begin_to_average(trainer: Make) -> None:
    first = trainer("train.steps=2")
    first.fit()
    later = trainer("train.steps=4", "train.ema=0.9", resume=True)
    assert torch.equal(later.averages.networks["generator.ema"].gain, first.method.networks["generator"].gain)
    assert later.fit()
    assert trainer("train.steps=5", resume=True).fit(), "and stop it again"


def test_no_average_unless_wanted(trainer: Make) -> None:
    run = trainer("train.steps=1")
    run.fit()
    assert run.averages.networks == {}
    assert not list(run.run.latest_checkpoint().glob("*.ema.*"))
