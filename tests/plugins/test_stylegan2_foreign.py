"""StyleGAN2's checkpoints as other projects write them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest
import torch
from golden.stylegan2_values import drawn
from hypothesis import given, settings
from hypothesis import strategies as st
from stylegan2_golden import FOLDER, golden
from torch import Tensor

import imtrans
from imtrans.errors import WeightsError
from imtrans.weights.loading import load_network
from imtrans_stylegan2 import card
from imtrans_stylegan2.config import GeneratorConfig
from imtrans_stylegan2.foreign import convert
from imtrans_stylegan2.generator import build_generator
from imtrans_stylegan2.recognise import describe, recognise

TOLERANCE = {"atol": 1e-4, "rtol": 1e-4}


def rosinalitys() -> dict[str, Tensor]:
    """A state dict of rosinality's generator with the values that its golden picture was made from."""
    shapes = golden("rosinality")[1]["shapes"]
    values = {key: drawn(key, tuple(shape)) for key, shape in shapes.items() if not key.endswith("kernel")}
    return values | {k: 100 * v for k, v in values.items() if k.startswith("style.") and k.endswith("weight")}


def mmagics(values: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same by mmagic's keys, which are other names for the same tensors."""
    renamed = {}
    for key, value in values.items():
        if key.startswith("style."):
            _, index, name = key.split(".")
            ours = f"style_mapping.{index}." + ("linear.weight_orig" if name == "weight" else "bias")
        else:
            ours = key.replace("modulation.weight", "style_modulation.linear.weight_orig")
            ours = ours.replace("conv.modulation.bias", "conv.style_modulation.bias")
            ours = ours.replace("noises.noise_", "injected_noise_").replace("noise.weight", "noise_injector.weight")
            ours = ours.replace("input.input", "constant_input.input")
            ours = ours + "_orig" if ours.endswith("conv.weight") else ours
        renamed[ours] = value
    return renamed


def test_nvidias_pickle_is_read(tmp_path: Path) -> None:
    """The average of the generator, its clamping, and the picture that NVIDIA's code draws."""
    loaded = load_network(card, FOLDER / "stylegan2-nvidia.pkl")
    assert any("G_ema" in note for note in loaded.notes)
    assert loaded.config == GeneratorConfig(8, channel_max=4, z_dim=4, w_dim=4, mapping_layers=2, conv_clamp=256.0)
    with torch.no_grad():
        picture = loaded.network(drawn("z", (1, 4)))
    torch.testing.assert_close(picture, golden("nvidia-pickle")[0]["picture"], **TOLERANCE)
    other = load_network(card, f"{FOLDER / 'stylegan2-nvidia.pkl'}#G")
    assert not torch.equal(other.network.mapping.fc0.weight, loaded.network.mapping.fc0.weight)


def test_nvidias_discriminator_is_told(tmp_path: Path) -> None:
    """It is in the same file, and no generator."""
    with pytest.raises(WeightsError, match="StyleGAN2 discriminator"):
        load_network(card, f"{FOLDER / 'stylegan2-nvidia.pkl'}#D")


def rosinality_files() -> dict[str, Any]:
    """What rosinality's convert_weight.py and train.py write."""
    values = rosinalitys()
    optimiser = {"state": {0: {"exp_avg": torch.zeros(1)}}, "param_groups": []}
    return {
        "bare": values,
        "converted": {"g_ema": values, "latent_avg": torch.zeros(12)},
        "training": {
            "g": {key: torch.zeros_like(value) for key, value in values.items()},
            "d": {"convs.0.0.weight": torch.zeros(2)},
            "g_ema": values,
            "g_optim": optimiser,
            "d_optim": optimiser,
            "args": argparse.Namespace(size=64, ckpt=None),
            "ada_aug_p": 0.1,
        },
    }


@pytest.mark.parametrize("kind", ["bare", "converted", "training"])
def test_rosinalitys_files_draw_rosinalitys_pictures(kind: str, tmp_path: Path) -> None:
    """Golden pictures of its own code, truncated ones too: the average style is of the latents of 4096 seeds."""
    torch.save(rosinality_files()[kind], tmp_path / "x.pt")
    network, (wanted, _) = load_network(card, tmp_path / "x.pt").network, golden("rosinality")
    z = drawn("z", (2, 12))
    with torch.no_grad():
        torch.testing.assert_close(network(z)[..., ::4, ::4], wanted["const"], **TOLERANCE)
        truncated = network(z, truncation_psi=0.5)[..., ::4, ::4]
    torch.testing.assert_close(truncated, wanted["truncated"], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("prefix", ["generator_ema.", "generator.", ""])
def test_mmagics_keys_are_other_names(prefix: str, tmp_path: Path) -> None:
    """One state dict holds all of mmagic's networks, the average of the generator first."""
    values = {f"{prefix}{key}": value for key, value in mmagics(rosinalitys()).items()}
    values["discriminator.convs.0.conv.weight_orig"] = torch.zeros(1)
    if not prefix:
        del values["discriminator.convs.0.conv.weight_orig"]
    torch.save({"meta": {"epoch": 1}, "state_dict": values}, tmp_path / "x.pth")
    loaded = load_network(card, tmp_path / "x.pth")
    assert any("mmagic" in note for note in loaded.notes)
    with torch.no_grad():
        picture = loaded.network(drawn("z", (2, 12)))[..., ::4, ::4]
    torch.testing.assert_close(picture, golden("rosinality")[0]["const"], **TOLERANCE)


def test_incomplete_files_are_refused_in_words(tmp_path: Path) -> None:
    """What is missing or unknown is named by NVIDIA's key, or by the key that nobody knows."""
    values = rosinalitys()
    del values["to_rgbs.2.bias"]
    values["convs.3.surprise"] = torch.zeros(1)
    torch.save(values, tmp_path / "x.pt")
    with pytest.raises(WeightsError, match=r"b32\.torgb\.bias.*convs\.3\.surprise"):
        load_network(card, tmp_path / "x.pt")


def test_own_files_need_no_conversion() -> None:
    """Neither do strangers."""
    assert convert(dict(build_generator(GeneratorConfig(8, 64, 4)).state_dict())) is None
    assert convert({"model.1.weight": torch.zeros(1)}) is None


@settings(max_examples=25, deadline=None)
@given(
    resolution=st.sampled_from([8, 16, 64]),
    channel_max=st.integers(1, 9),
    base=st.integers(1, 9),
    c_dim=st.integers(0, 3),
    layers=st.integers(1, 3),
    dims=st.tuples(st.integers(1, 5), st.integers(1, 5)),
)
def test_settings_are_read_from_keys_and_shapes(
    resolution: int, channel_max: int, base: int, c_dim: int, layers: int, dims: tuple[int, int]
) -> None:
    """The recognised generator has the very shapes that it was recognised by."""
    config = GeneratorConfig(resolution, base * resolution, channel_max, *dims, c_dim=c_dim, mapping_layers=layers)
    with torch.device("meta"):
        shapes = {key: tuple(value.shape) for key, value in build_generator(config).state_dict().items()}
        found = recognise(shapes)
        assert found is not None
        again = {key: tuple(value.shape) for key, value in build_generator(found).state_dict().items()}
    assert again == shapes


@pytest.mark.parametrize(("resolution", "base"), [(256, 16384), (256, 32768), (512, 32768), (1024, 32768)])
def test_published_configurations_are_recognised(resolution: int, base: int) -> None:
    """paper256, config F at 256, 512 and 1024 pixels."""
    config = GeneratorConfig(resolution, base)
    with torch.device("meta"):
        shapes = {key: tuple(value.shape) for key, value in build_generator(config).state_dict().items()}
    assert recognise(shapes) == config


def test_other_networks_are_described() -> None:
    """What the user holds instead."""
    assert describe({"synthesis.input.freqs": (1,)}) == "a StyleGAN3 generator, which is another network"
    assert "another architecture" in str(describe({"synthesis.b4.conv1.noise_strength": ()}))
    assert describe({"model.1.weight": (1,)}) is None
    assert recognise({"model.1.weight": (1,)}) is None


def test_pictures_of_a_pickle_come_by_name() -> None:
    """``imtrans.load`` takes the pickle as it is."""
    generator = imtrans.load("stylegan2", weights=FOLDER / "stylegan2-nvidia.pkl", device="cpu")
    (picture,) = generator([3])
    assert picture.size == (8, 8)
