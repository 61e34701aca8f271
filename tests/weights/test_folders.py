"""Which weights files a folder stands for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from imtrans.errors import WeightsError
from imtrans.weights.folders import AmbiguousWeightsError, translator_in, translators_in, weights_in


def checkpoint(folder: Path, step: int, **directions: str) -> Path:
    """A checkpoint as a training writes it, with a file for each direction, and averages where the name says so."""
    place = folder / f"step-{step:08d}"
    place.mkdir(parents=True)
    for name, direction in directions.items():
        identity = {"model": "cyclegan", "config": {}, "direction": direction, "averaged": name.endswith("_ema")}
        save_file({"w": torch.ones(1)}, place / f"{name}.safetensors", {"imtrans": json.dumps(identity)})
    save_file({"w": torch.ones(1)}, place / "judge.safetensors")
    torch.save({}, place / "state.pt")
    return place


def run(folder: Path) -> Path:
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.toml").touch()
    return folder


def test_a_run_stands_for_its_newest_checkpoint(tmp_path: Path) -> None:
    root = run(tmp_path / "run")
    for step in (5, 100):
        checkpoint(root / "checkpoints", step, ab="a2b")
    (root / "checkpoints" / "step-00000200").mkdir()  # begun and not finished
    found = weights_in(root)
    assert (found.what, found.newest, found.steps) == ("run", "step-00000100", 2)
    assert [path.name for path in found.files] == ["ab.safetensors", "judge.safetensors"]
    assert found.files[0].parent.name == "step-00000100"


def test_a_run_stands_for_the_network_that_is_named_or_the_only_one(tmp_path: Path) -> None:
    one, two = run(tmp_path / "one"), run(tmp_path / "two")
    checkpoint(one / "checkpoints", 5, ab="a2b")
    checkpoint(two / "checkpoints", 5, ab="a2b", ba="b2a")
    assert translator_in(one, None).name == "ab.safetensors"
    assert translator_in(two, "b2a").name == "ba.safetensors"
    with pytest.raises(AmbiguousWeightsError, match="holds 2 networks that translate") as caught:
        translator_in(two, None)
    assert f"--weights '{two}#a2b'" in caught.value.hint
    with pytest.raises(AmbiguousWeightsError, match="no network that translates 'b2c'"):
        translator_in(two, "b2c")


def test_a_run_that_has_no_checkpoint_yet(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no checkpoint yet"):
        weights_in(run(tmp_path / "run"))


def test_a_checkpoint_and_any_other_folder(tmp_path: Path) -> None:
    place = checkpoint(tmp_path, 5, ab="a2b")
    found = weights_in(place)
    assert (found.what, [path.name for path in found.files]) == ("checkpoint", ["ab.safetensors", "judge.safetensors"])
    (place / "state.pt").unlink()
    (place / "x.pdparams").touch()
    (place / "notes.txt").touch()
    assert (weights_in(place).what, len(weights_in(place).files)) == ("folder", 3)


def test_networks_that_translate_come_first(tmp_path: Path) -> None:
    place = checkpoint(tmp_path, 5, z="a2b")
    save_file({"w": torch.ones(1)}, place / "a.safetensors")
    assert [path.name for path in weights_in(place).files] == ["z.safetensors", "a.safetensors", "judge.safetensors"]


def test_an_empty_folder_says_what_is_below(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    with pytest.raises(WeightsError, match="no weights files") as caught:
        weights_in(tmp_path)
    assert "weights" in caught.value.have


def test_translators_by_direction_and_the_average_first(tmp_path: Path) -> None:
    place = checkpoint(tmp_path, 5, ab="a2b", ab_ema="a2b", ba="b2a")
    (place / "broken.safetensors").write_bytes(b"nothing")
    found = translators_in(place)
    assert {direction: path.stem for direction, path in found.items()} == {"a2b": "ab_ema", "b2a": "ba"}
