"""TensorBoard events and Weights & Biases, with and without their libraries."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from imtrans.errors import MissingExtraError
from imtrans.train.loop import Trainer
from imtrans.train.observer import Observer

Make = Callable[..., Trainer]
SETTINGS = ("train.steps=4", "train.log_every=2", "train.sample_every=2")


class Notes(Observer):
    """Remembers what it was told on the side."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_tensorboard_gets_scalars_and_pictures(trainer: Make) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = trainer(*SETTINGS, "train.tensorboard=true")
    run.fit()
    trainer(*SETTINGS, "train.steps=6", "train.tensorboard=true", resume=True).fit()
    events = EventAccumulator(str(run.run.events))
    events.Reload()
    assert {"loss/distance", "images_per_second", "learning_rate_factor/critic"} <= set(events.Tags()["scalars"])
    assert [event.step for event in events.Scalars("loss/distance")] == [2, 4, 6]
    assert [event.step for event in events.Images("samples")] == [2, 4, 6]


def test_without_its_library_training_goes_on_and_says_so_once(trainer: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    notes = Notes()
    run = trainer(*SETTINGS, "train.tensorboard=true")
    assert run.fit(notes)
    assert len(notes.notes) == 1
    assert "imtrans[train]" in notes.notes[0]
    assert not run.run.events.exists()


def test_wandb_is_needed_where_it_is_asked_for(trainer: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(MissingExtraError, match=r"train\.wandb") as caught:
        trainer(*SETTINGS, "train.wandb=faces").fit()
    assert "pip install wandb" in caught.value.hint


def test_wandb_gets_the_same(trainer: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[tuple[int, set[str]]] = []
    begun: list[dict[str, Any]] = []

    def init(**options: Any) -> SimpleNamespace:
        begun.append(options)
        return SimpleNamespace(log=lambda values, step: logged.append((step, set(values))), finish=lambda: None)

    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=init, Image=lambda picture: picture))
    trainer(*SETTINGS, "train.wandb=faces").fit()
    trainer(*SETTINGS, "train.wandb=faces", resume=True).fit()
    assert begun[0]["project"] == "faces"
    assert begun[0]["id"] == begun[1]["id"], "a resumed run goes on in its place"
    assert begun[0]["config"]["train"]["wandb"] == "faces"
    assert [step for step, names in logged if "loss/distance" in names] == [2, 4]
    assert [step for step, names in logged if "samples" in names] == [2, 4]
