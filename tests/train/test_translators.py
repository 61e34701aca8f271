"""What the files of a checkpoint say of themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from imtrans.errors import TrainingError
from imtrans.train.loop import Trainer
from imtrans.train.translators import translator_metadata, translators_in

from .toys import SMALL_CYCLEGAN, ToyNetworkConfig, cyclegan


def test_the_identity() -> None:
    metadata = translator_metadata("toy", ToyNetworkConfig(0.5), "a2b", 7)
    assert json.loads(metadata["imtrans"]) == {
        "model": "toy",
        "config": {"start": 0.5},
        "direction": "a2b",
        "step": 7,
    }


def test_both_ways_of_cyclegan(trainer: Callable[..., Trainer]) -> None:
    run = trainer(*SMALL_CYCLEGAN, "train.steps=1", card=cyclegan())
    run.fit()
    found = translators_in(run.run.latest_checkpoint())
    assert {direction: file.path.name for direction, file in found.items()} == {
        "a2b": "generator_ab.safetensors",
        "b2a": "generator_ba.safetensors",
    }
    assert found["b2a"].step == 1


def test_strangers_do_not_count(tmp_path: Path) -> None:
    save_file({"x": torch.zeros(1)}, tmp_path / "discriminator.safetensors")
    assert translators_in(tmp_path) == {}


@pytest.mark.parametrize("identity", ["no json", "3", '{"direction": "a2b", "step": "x"}'])
def test_damaged_words(tmp_path: Path, identity: str) -> None:
    save_file({"x": torch.zeros(1)}, tmp_path / "generator.safetensors", metadata={"imtrans": identity})
    with pytest.raises(TrainingError, match="cannot be read") as caught:
        translators_in(tmp_path)
    assert caught.value.hint


def test_damaged_file(tmp_path: Path) -> None:
    (tmp_path / "generator.safetensors").write_bytes(b"hello")
    with pytest.raises(TrainingError, match="cannot be read"):
        translators_in(tmp_path)
