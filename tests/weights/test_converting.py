"""Converted files say of themselves what they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from test_folders import checkpoint, run

from imtrans.errors import UsageError, WeightsError
from imtrans.nn.generator_config import GeneratorConfig
from imtrans.nn.generators import build_generator
from imtrans.weights.choosing import choose
from imtrans.weights.converting import NOT_STATED, convert
from imtrans.weights.digests import sha256_of
from imtrans.weights.folders import AmbiguousWeightsError
from imtrans.weights.identity import metadata_for

CONFIG = GeneratorConfig(ngf=2, blocks=1)


def source(folder: Path, name: str = "G.pth", **wrap: Any) -> Path:
    state = build_generator(CONFIG).state_dict()
    torch.save(
        {**wrap, "net": {f"module.{key}": value for key, value in state.items()}} if wrap else state, folder / name
    )
    return folder / name


def metadata(path: Path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        return dict(file.metadata())


def test_the_manifest_says_all_that_a_stranger_needs(tmp_path: Path) -> None:
    path = source(tmp_path)
    done = convert(path, model="pix2pix", licence="CC-BY-4.0")
    assert done.path == tmp_path / "G.safetensors"
    manifest = json.loads(metadata(done.path)["manifest"])
    assert manifest == done.manifest
    assert (manifest["family"], manifest["norm_at_inference"], manifest["value_range"]) == ("pix2pix", "train", [-1, 1])
    assert manifest["configuration"]["kind"] == "resnet"
    assert manifest["licence"] == "CC-BY-4.0"
    assert manifest["source"]["sha256"] == sha256_of(path)
    assert manifest["source"]["file"] == "G.pth"
    assert choose(done.path)[0].name == "pix2pix"


def test_keys_and_values_are_the_networks(tmp_path: Path) -> None:
    torch.manual_seed(1)
    path = source(tmp_path, epoch=3)
    done = convert(path, tmp_path / "out" / "x.safetensors", model="cyclegan")
    given = torch.load(path)["net"]
    found = load_file(done.path)
    assert found.keys() == {key.removeprefix("module.") for key in given}
    assert all(torch.equal(found[key], given[f"module.{key}"]) for key in found)
    assert any("DataParallel" in note for note in done.manifest["done"])
    assert done.manifest["licence"] == NOT_STATED


def test_half_precision_stays_half(tmp_path: Path) -> None:
    state = {key: value.half() for key, value in build_generator(CONFIG).state_dict().items()}
    save_file(state, tmp_path / "half.safetensors", {"licence": "CC0-1.0"})
    done = convert(tmp_path / "half.safetensors", tmp_path / "x.safetensors", model="cyclegan")
    assert {tensor.dtype for tensor in load_file(done.path).values()} == {torch.float16}
    assert done.manifest["licence"] == "CC0-1.0"
    again = convert(done.path, tmp_path / "y.safetensors")
    assert (again.manifest["licence"], again.manifest["source"]["project"]) == ("CC0-1.0", "imtrans")


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    path = source(tmp_path)
    (tmp_path / "G.safetensors").write_text("precious")
    with pytest.raises(UsageError, match="exists already"):
        convert(path, model="cyclegan")
    assert (tmp_path / "G.safetensors").read_text() == "precious"
    convert(path, model="cyclegan", force=True)
    with pytest.raises(UsageError, match="replace its own source"):
        convert(tmp_path / "G.safetensors", force=True)


@pytest.mark.parametrize(
    ("output", "words"), [("x.pth", "under another name"), ("folder.safetensors", "is a folder"), ("", "another name")]
)
def test_outputs_that_make_no_sense(tmp_path: Path, output: str, words: str) -> None:
    (tmp_path / "folder.safetensors").mkdir()
    with pytest.raises(UsageError, match=words):
        convert(source(tmp_path), tmp_path / output, model="cyclegan")


def test_what_is_ambiguous_asks_for_the_options(tmp_path: Path) -> None:
    with pytest.raises(AmbiguousWeightsError) as caught:
        convert(source(tmp_path))
    assert "--model" in caught.value.hint
    with pytest.raises(UsageError, match="no order of channels"):
        convert(source(tmp_path), model="cyclegan", channels="xyz")  # type: ignore[arg-type]


def test_one_network_of_several(tmp_path: Path) -> None:
    state = build_generator(CONFIG).state_dict()
    torch.save({"netG_A": state, "x/../y": {key: value + 1 for key, value in state.items()}}, tmp_path / "run.pth")
    done = convert(tmp_path / "run.pth", network="x/../y", model="cyclegan")
    assert done.path == tmp_path / "run-x_.._y.safetensors"
    assert done.manifest["source"]["network"] == "x/../y"
    assert convert(f"{tmp_path / 'run.pth'}#netG_A", model="cyclegan").path == tmp_path / "run-netG_A.safetensors"
    with pytest.raises(WeightsError, match="no network called"):
        convert(tmp_path / "run.pth", network="netG_C", model="cyclegan")


@pytest.mark.parametrize("model", [None, "cyclegan"])
def test_a_direction_of_a_run(tmp_path: Path, model: str | None) -> None:
    root = run(tmp_path / "vintage")
    place = checkpoint(root / "checkpoints", 5)
    for direction in ("a2b", "b2a"):
        identity = {**json.loads(metadata_for("cyclegan", CONFIG)["imtrans"]), "direction": direction}
        save_file(
            build_generator(CONFIG).state_dict(), place / f"{direction}.safetensors", {"imtrans": json.dumps(identity)}
        )
    done = convert(root, network="b2a", model=model)
    assert done.path == tmp_path / "vintage-b2a.safetensors"
    assert done.manifest["source"]["file"] == "b2a.safetensors"
