"""Weights without a model's name: found where only one can be meant, and never guessed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from test_folders import checkpoint, run

import imtrans
from imtrans import registry
from imtrans.errors import UnknownNameError, UsageError, WeightsError
from imtrans.nn.discriminators import build_discriminator
from imtrans.nn.generator_config import DiscriminatorConfig, GeneratorConfig
from imtrans.nn.generators import build_generator
from imtrans.weights.choosing import choose
from imtrans.weights.folders import AmbiguousWeightsError
from imtrans.weights.identity import metadata_for

CONFIG = GeneratorConfig(ngf=2, blocks=1)


def state() -> dict[str, torch.Tensor]:
    return build_generator(CONFIG).state_dict()


def ours(path: Path, **more: Any) -> Path:
    identity = {**json.loads(metadata_for("cyclegan", CONFIG)["imtrans"]), **more}
    save_file(state(), path, {"imtrans": json.dumps(identity)})
    return path


def test_a_name_that_one_card_has() -> None:
    card, source = choose("horse2zebra")
    assert (card.name, source) == ("cyclegan", "horse2zebra")
    assert choose("edges2shoes")[0].name == "pix2pix"


def test_a_name_that_two_cards_have_is_ambiguous() -> None:
    with pytest.raises(AmbiguousWeightsError, match="2 models have weights called 'sat2map'") as caught:
        choose("sat2map")
    assert "imtrans run cyclegan --weights sat2map" in caught.value.hint
    assert caught.value.exit_status == 2


@pytest.mark.parametrize(("source", "words"), [("horse2zebr", "called 'horse2zebr'"), ("x/y.pth", "no weights file")])
def test_neither_a_name_nor_a_file(source: str, words: str) -> None:
    with pytest.raises(UnknownNameError, match=words):
        choose(source)


def test_a_file_of_ours(tmp_path: Path) -> None:
    path = ours(tmp_path / "x.safetensors")
    card, source = choose(path)
    assert (card.name, source) == ("cyclegan", str(path))
    translator = imtrans.load(weights=path, device="cpu", precision="fp32")
    assert (translator.card.name, translator.config) == ("cyclegan", CONFIG)


def test_a_file_that_several_fit_lists_the_commands(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "net G.pth")
    with pytest.raises(AmbiguousWeightsError, match="fits several models") as caught:
        choose(tmp_path / "net G.pth")
    assert f"imtrans run pix2pix --weights '{tmp_path / 'net G.pth'}' --input PICTURE" in caught.value.have


def test_a_file_with_several_networks_lists_them(tmp_path: Path) -> None:
    torch.save({"genA2B": state(), "genB2A": state()}, tmp_path / "run.pt")
    with pytest.raises(AmbiguousWeightsError, match="holds 2 networks") as caught:
        choose(tmp_path / "run.pt")
    assert "run.pt#genB2A" in caught.value.have


def test_a_file_that_none_can_run(tmp_path: Path) -> None:
    torch.save(build_discriminator(DiscriminatorConfig(ndf=2)).state_dict(), tmp_path / "D.pth")
    with pytest.raises(WeightsError, match="no installed model can run") as caught:
        choose(tmp_path / "D.pth")
    assert "discriminator" in caught.value.have
    short = state()
    short.pop("model.4.bias")
    torch.save(short, tmp_path / "short.pth")
    with pytest.raises(WeightsError, match="no installed model can run") as caught:
        choose(tmp_path / "short.pth")
    assert "As cyclegan: 1 missing" in caught.value.have


def test_a_network_and_its_running_average_are_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cyclegan = [entry for entry in registry.entries() if entry.name == "cyclegan"]
    monkeypatch.setattr(registry, "entries", lambda: cyclegan)
    torch.save({"params": state(), "params_ema": state()}, tmp_path / "x.pth")
    assert choose(tmp_path / "x.pth")[0].name == "cyclegan"


def test_a_run_by_its_direction(tmp_path: Path) -> None:
    root = run(tmp_path / "run")
    place = checkpoint(root / "checkpoints", 5)
    ours(place / "ab.safetensors", direction="a2b")
    assert choose(root)[1] == str(place / "ab.safetensors")
    ours(place / "ba.safetensors", direction="b2a")
    with pytest.raises(AmbiguousWeightsError, match="2 networks that translate") as caught:
        choose(root)
    assert "a2b, b2a" in caught.value.have
    assert choose(f"{place}#b2a")[1] == str(place / "ba.safetensors")
    with pytest.raises(AmbiguousWeightsError, match="translates 'b2c'"):
        choose(f"{root}#b2c")


def test_a_folder_that_is_no_checkpoint(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "G.pth")
    with pytest.raises(AmbiguousWeightsError, match="no checkpoint of imtrans"):
        choose(tmp_path)


def test_loading_needs_one_of_the_two() -> None:
    with pytest.raises(UsageError, match="neither a model nor weights"):
        imtrans.load()
