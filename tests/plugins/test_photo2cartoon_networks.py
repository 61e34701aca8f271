"""photo2cartoon's networks are the authors': their files load as they are and give their output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from golden.make import texture
from golden.photo2cartoon_parts import drawn
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors import safe_open
from torch import Tensor, nn

import imtrans
from imtrans.errors import UsageError, WeightsError
from imtrans.nn.attention_discriminator import AttentionDiscriminator
from imtrans.weights.loading import load_network
from imtrans_photo2cartoon import card
from imtrans_photo2cartoon.config import GeneratorConfig
from imtrans_photo2cartoon.networks import build_generator
from imtrans_photo2cartoon.recognise import describe, recognise

GOLDEN = Path(__file__).parent / "golden"
NAMES = ("photo2cartoon-light", "photo2cartoon-light8", "photo2cartoon-full")


class Golden:
    """What the authors' code gives, their keys and shapes, and the weights that it was given."""

    def __init__(self, name: str) -> None:
        with safe_open(GOLDEN / f"{name}.safetensors", "pt") as file:
            told = file.metadata()
            self.tensors: dict[str, Tensor] = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        self.case: dict[str, Any] = json.loads(told["case"])
        self.state = drawn(json.loads(told["shapes"]), self.case["seed"])

    @property
    def config(self) -> GeneratorConfig:
        return GeneratorConfig(self.case["ngf"], self.case["light"], self.case["img_size"])

    def saved_as_by_authors(self, folder: Path) -> Path:
        """Their trainer saves all six networks in one file."""
        weights = {key: value.float() for key, value in self.state.items()}
        judge = {key: value.clone() for key, value in AttentionDiscriminator(3, 2, 5).state_dict().items()}
        other = {key: torch.zeros_like(value) for key, value in weights.items()}
        path = folder / "photo2cartoon_params_latest.pt"
        torch.save({"genA2B": weights, "genB2A": other, "disGA": judge, "disLA": judge}, path)
        return path

    def differences(self, network: nn.Module, dtype: torch.dtype) -> dict[str, float]:
        stride = self.case["stride"]
        with torch.no_grad():
            found = network(texture(*self.case["size"]).to(dtype), attention=True)
        found = found._replace(image=found.image[..., ::stride, ::stride])
        return {name: (getattr(found, name).double() - self.tensors[name]).abs().max().item() for name in self.tensors}


# --- the authors' files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_authors_file_gives_their_output(name: str, tmp_path: Path) -> None:
    golden = Golden(name)
    translator = imtrans.load(
        "photo2cartoon", weights=golden.saved_as_by_authors(tmp_path), device="cpu", precision="fp32"
    )
    light = golden.case["light"]
    assert translator.config == (golden.config if not light else GeneratorConfig(golden.case["ngf"]))
    assert any("'genA2B'" in note for note in translator.notes)
    differences = golden.differences(translator.network, torch.float32)
    assert differences["image"] < 1e-4
    assert differences["cam_logit"] < 1e-4
    assert differences["heatmap"] < 1e-3  # a sum over all channels, of values up to 60


@pytest.mark.parametrize("name", NAMES)
def test_the_output_is_the_authors(name: str) -> None:
    golden = Golden(name)
    network = build_generator(golden.config).double()
    network.load_state_dict(golden.state)
    assert all(difference < 1e-10 for difference in golden.differences(network.eval(), torch.float64).values())


def test_the_other_generator_of_the_file_goes_by_its_name(tmp_path: Path) -> None:
    path = Golden("photo2cartoon-light").saved_as_by_authors(tmp_path)
    other = load_network(card, f"{path}#genB2A").network
    assert not any(parameter.any() for parameter in other.parameters())


def test_the_authors_sizes() -> None:
    with torch.device("meta"):
        light, full = (build_generator(GeneratorConfig(light=light)) for light in (True, False))
    assert [sum(each.numel() for each in network.parameters()) for network in (light, full)] == [3_831_079, 70_923_559]


def test_attention_is_left_out_of_what_runs() -> None:
    network = build_generator(GeneratorConfig(4)).eval()
    x = torch.rand(1, 3, 32, 48)
    with torch.inference_mode():
        image, logits, heatmap = network(x, attention=True)
        assert network(x).equal(image)
    assert (logits.shape, heatmap.shape) == ((1, 2), (1, 1, 8, 12))


# --- sizes ----------------------------------------------------------------------------------------------------------


def test_the_full_network_gets_pictures_of_its_size(tmp_path: Path) -> None:
    path = Golden("photo2cartoon-full").saved_as_by_authors(tmp_path)
    translator = imtrans.load("photo2cartoon", weights=path, device="cpu", precision="fp32")
    assert "this network takes pictures of 64 x 64 pixels; others are resized to that and back" in translator.notes
    seen: list[torch.Size] = []
    translator.network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape))
    for size in ((40, 20), (60, 70), (64, 64)):
        assert translator(Image.new("RGB", size)).size == size
    assert set(seen) == {(1, 3, 64, 64)}


def test_the_full_network_itself_says_which_size_it_takes() -> None:
    network = build_generator(GeneratorConfig(4, light=False, img_size=32))
    with pytest.raises(UsageError, match="takes pictures of 32 x 32 pixels, not 48 x 32") as caught:
        network(torch.zeros(1, 3, 32, 48))
    assert "light network" in caught.value.hint


@pytest.mark.parametrize("settings_", [{"ngf": 6}, {"ngf": 0}, {"img_size": 40}, {"img_size": 16}])
def test_impossible_settings_are_refused(settings_: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be a multiple of"):
        GeneratorConfig(**settings_)


# --- what a file holds ----------------------------------------------------------------------------------------------


def shapes_of(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in network.state_dict().items()}


@given(st.integers(1, 16), st.booleans(), st.integers(2, 20))
@settings(deadline=None, max_examples=3)
def test_every_generator_is_recognised(quarters: int, light: bool, size: int) -> None:
    config = GeneratorConfig(4 * quarters, light, 16 * size)
    with torch.device("meta"):
        found = recognise(shapes_of(build_generator(config)))
    assert found == (GeneratorConfig(4 * quarters) if light else config)


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        ("FC.0.weight", (16, 17)),
        ("FC.0.weight", (12, 16)),
        ("FC.0.weight", (16, 48)),
        ("ConvBlock1.1.weight", (4, 1, 7, 7)),
    ],
)
def test_damaged_shapes_are_not_recognised(key: str, shape: tuple[int, ...]) -> None:
    with torch.device("meta"):
        shapes = shapes_of(build_generator(GeneratorConfig(4)))
    assert recognise({**shapes, key: shape}) is None


def test_relatives_are_told_apart(tmp_path: Path) -> None:
    torch.save(AttentionDiscriminator(3, 2, 5).state_dict(), tmp_path / "d.pt")
    with pytest.raises(WeightsError, match="no weights that the model 'photo2cartoon' can run") as caught:
        load_network(card, tmp_path / "d.pt")
    assert "a discriminator of U-GAT-IT or photo2cartoon" in caught.value.have
    ugatit = {"DownBlock.1.weight": (64, 3, 7, 7), "UpBlock1_1.conv1.weight": (256, 256, 3, 3)}
    assert "neither hourglasses" in (describe(ugatit) or "")
    paddle = {"HourGlass1.HG.0.ConvBlock1_1.ConvBlock1.3.weight": (1,), "DecodeBlock1.norm1.w_gamma": (1, 128)}
    assert "Paddle" in (describe(paddle) or "")
    assert describe({"weight": (3,)}) is None


def test_a_file_that_lacks_a_layer_is_refused_by_the_layer_s_name(tmp_path: Path) -> None:
    state = build_generator(GeneratorConfig(4)).state_dict()
    del state["HourGlass2.Conv3.bias"]
    torch.save({"genA2B": state, "genB2A": state}, tmp_path / "cut.pt")
    with pytest.raises(WeightsError, match=r"1 missing \(HourGlass2.Conv3.bias\)"):
        load_network(card, tmp_path / "cut.pt")
