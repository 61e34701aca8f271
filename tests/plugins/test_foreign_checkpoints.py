"""PaddleGAN's, mmagic's and CUT's own files give what these projects' own code gave; see golden/README.md."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from golden.make import texture
from safetensors.torch import load_file, save_file

import imtrans
from imtrans.errors import WeightsError
from imtrans.weights.converting import convert
from imtrans.weights.inspection import inspect

GOLDEN = Path(__file__).parent / "golden"
SIZES = {"cyclegan": (16, 20), "pix2pix": (64, 32)}
TORCH = {
    "mmagic-cyclegan": "cyclegan",
    "mmagic-cyclegan-dropout": "cyclegan",
    "mmagic-pix2pix": "pix2pix",
    "cut-antialias": "cyclegan",
    "cut-antialias-down": "cyclegan",
    "cut-antialias-up": "cyclegan",
}
PROJECTS = {"mmagic": "mmagic", "cut": "CUT", "paddle": "PaddleGAN"}


def as_published(name: str, folder: Path) -> tuple[Path, torch.Tensor]:
    """The file as its project writes it, and what the project's code made of the texture."""
    if name.startswith("paddle"):
        path = Path(shutil.copy(GOLDEN / f"{name}.pdparams", folder))
        return path, load_file(GOLDEN / f"{name}-output.safetensors")["golden.output"]
    state = load_file(GOLDEN / f"{name}.safetensors")
    output = state.pop("golden.output")
    state = {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
    wrapped = {"meta": {"iter": 7}, "state_dict": state, "optimizer": {"param_groups": []}}
    torch.save(wrapped if name.startswith("mmagic") else state, folder / f"{name}.pth")
    return folder / f"{name}.pth", output


def difference(model: str | None, weights: str | Path, output: torch.Tensor) -> float:
    family = "pix2pix" if output.shape[2] == 64 else "cyclegan"
    translator = imtrans.load(
        model,
        weights=weights,
        device="cpu",
        precision="fp32",
        backend="reference",
        sample_noise=False if family == "pix2pix" else None,
    )
    with torch.no_grad():
        given = translator.network(texture(*SIZES[family]).float())
    return float((given - output).abs().max())


CASES = [*((name, model, "") for name, model in TORCH.items()), ("paddle-pix2pix", "pix2pix", "")]
CASES.append(("paddle-cyclegan", "cyclegan", "#netG_A"))


@pytest.mark.parametrize(("name", "model", "network"), CASES)
def test_the_file_runs_as_its_project_runs_it(name: str, model: str, network: str, tmp_path: Path) -> None:
    path, output = as_published(name, tmp_path)
    assert output.std() > 0.2
    assert difference(model, f"{path}{network}", output) < 1e-5
    report = inspect(f"{path}{network}")
    (found,) = report.networks
    assert found.project == PROJECTS[name.partition("-")[0]]
    assert {"cyclegan", "pix2pix"} <= {candidate.model for candidate in found.verdict.runnable}


@pytest.mark.parametrize(("name", "model", "network"), CASES)
def test_converted_it_runs_without_a_models_name(name: str, model: str, network: str, tmp_path: Path) -> None:
    path, output = as_published(name, tmp_path)
    done = convert(f"{path}{network}", tmp_path / "out.safetensors", model=model)
    assert done.manifest["source"]["project"] == PROJECTS[name.partition("-")[0]]
    assert difference(None, done.path, output) < 1e-5
    assert not any(".conv.weight" in key or "scale" in key for key in load_file(done.path))


def test_mmagics_channels_matter(tmp_path: Path) -> None:
    path, output = as_published("mmagic-cyclegan", tmp_path)
    done = convert(path, tmp_path / "rgb.safetensors", model="cyclegan", channels="rgb")
    assert difference(None, done.path, output) > 0.1


def test_networks_that_share_a_state_dict_are_told_apart(tmp_path: Path) -> None:
    state = load_file(GOLDEN / "mmagic-cyclegan.safetensors")
    output = state.pop("golden.output")
    other = {key.replace("photo", "mask"): torch.zeros_like(value) for key, value in state.items()}
    judge = {"discriminators.photo.conv.0.conv.weight": torch.ones(2, 3, 4, 4)}
    torch.save({"state_dict": {**state, **other, **judge}}, tmp_path / "both.pth")
    torch.save({"state_dict": {**state, **judge}}, tmp_path / "one.pth")
    assert [network.name for network in inspect(tmp_path / "both.pth").networks] == [
        "generators.photo",
        "generators.mask",
        "discriminators.photo",
    ]
    with pytest.raises(WeightsError, match="holds 3 networks"):
        imtrans.load("cyclegan", weights=tmp_path / "both.pth", device="cpu")
    assert difference("cyclegan", f"{tmp_path / 'both.pth'}#generators.photo", output.float()) < 1e-2  # half precision
    notes = imtrans.load("cyclegan", weights=tmp_path / "one.pth", device="cpu").notes
    assert any("the only one of 2 networks" in note for note in notes)


def test_an_instance_norm_that_learned_is_refused_in_words(tmp_path: Path) -> None:
    import pickle

    import numpy as np

    content = pickle.loads((GOLDEN / "paddle-cyclegan.pdparams").read_bytes())
    content["netG_A"]["model.2.scale"] = np.full(2, 1.5, "float32")
    (tmp_path / "changed.pdparams").write_bytes(pickle.dumps(content, 2))
    report = inspect(tmp_path / "changed.pdparams")
    assert ["learned a scale" in network.problem for network in report.networks] == [True, False]
    with pytest.raises(WeightsError, match="learned a scale"):
        imtrans.load("cyclegan", weights=f"{tmp_path / 'changed.pdparams'}#netG_A", device="cpu")


def test_a_file_of_the_authors_keeps_its_own_name(tmp_path: Path) -> None:
    state = load_file(GOLDEN / "resnet9.safetensors")
    state.pop("golden.output")
    save_file(state, tmp_path / "latest_net_G.safetensors")
    (found,) = inspect(tmp_path / "latest_net_G.safetensors").networks
    assert "authors" in found.project
