"""DeblurGAN's networks are the authors': their files load as they are and give their output in their mode."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from golden.make import dropout_with, fill, texture
from PIL import Image
from safetensors import safe_open
from torch import Tensor, nn

import imtrans
from imtrans.errors import UnsafeCheckpointError, WeightsError
from imtrans.infer.translator import Translator
from imtrans.nn import generator_config as shared
from imtrans.nn import generators
from imtrans.nn.discriminators import build_discriminator
from imtrans.nn.inference_mode import set_inference_mode
from imtrans.weights.identity import metadata_for
from imtrans.weights.writer import save
from imtrans_deblurgan.config import CriticConfig, GeneratorConfig
from imtrans_deblurgan.networks import SingleBlock, build_generator
from imtrans_deblurgan.recognise import describe, recognise

GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(path.stem for kind in ("resnet", "pyramid") for path in GOLDEN.glob(f"deblurgan-{kind}*.safetensors"))


class _Drawn(nn.Module):
    """Stands for a network of which only the shapes are kept, so that ``fill`` can draw its weights again."""

    def __init__(self, shapes: dict[str, list[int]]) -> None:
        super().__init__()
        counts = {key for key in shapes if key.endswith("num_batches_tracked")}
        self.tensors = {key: torch.zeros(s, dtype=torch.int64 if key in counts else None) for key, s in shapes.items()}

    def state_dict(self, *_: Any, **__: Any) -> dict[str, Any]:
        return self.tensors


class Golden:
    """A file that the authors' code made: their state dict, their dropout, and what they give for the texture."""

    def __init__(self, name: str) -> None:
        with safe_open(GOLDEN / f"{name}.safetensors", "pt") as file:
            self.case: dict[str, Any] = json.loads(file.metadata()["case"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        self.output = tensors.pop("golden.output")
        self.masks = [tensors.pop(key) for key in sorted(tensors) if key.startswith("golden.mask")]
        self.state: dict[str, Tensor] = tensors
        if self.case["drawn"]:
            drawn = _Drawn(self.case["shapes"])
            fill(drawn, self.case["seed"])
            self.state = drawn.tensors

    def saved_as_by_authors(self, folder: Path, prefix: str = "", inside: str = "") -> Path:
        path = folder / "latest_net_G.pth"
        state = {prefix + k: v.float() if v.is_floating_point() else v for k, v in self.state.items()}
        torch.save({inside: state} if inside else state, path)
        return path

    def configured(self) -> GeneratorConfig:
        case = self.case
        if case["network"] == "pyramid":
            return GeneratorConfig(kind="fpn-mobilenet", norm=case["norm"], dropout=False)
        return GeneratorConfig(
            ngf=case["width"],
            blocks=case["depth"],
            norm=case["norm"],
            dropout=case["dropout"],
            block="single" if case["drawn"] else "double",
            learn_residual=case["learn_residual"],
        )

    def difference(self, network: nn.Module, dtype: torch.dtype) -> float:
        with torch.no_grad(), dropout_with(self.masks):
            output = network(texture(*self.case["size"]).to(dtype))
        stride = self.case["stride"]
        output = output[..., ::stride, ::stride]
        return (output.double() - self.output).abs().max().item()


def load(path: Path, **options: Any) -> Translator:
    return imtrans.load("deblurgan", weights=path, device="cpu", precision="fp32", **options)


def shapes_of(golden: Golden) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in golden.state.items()}


# --- the authors' files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_authors_file_gives_their_output_in_their_mode(name: str, tmp_path: Path) -> None:
    """As saved, with the statistics that their instance norms carry; the residual learning leaves no trace in it."""
    golden = Golden(name)
    translator = load(golden.saved_as_by_authors(tmp_path, prefix="module.", inside="model" if "pyr" in name else ""))
    residual = translator.config.learn_residual
    assert residual
    assert recognise(shapes_of(golden)) == translator.config
    assert (translator.norm, translator.noise) == ("train", bool(golden.masks))
    translator.network.learn_residual = golden.case["learn_residual"]
    assert golden.difference(translator.network, torch.float32) < 1e-4


@pytest.mark.parametrize("name", NAMES)
def test_the_output_is_the_authors(name: str) -> None:
    golden = Golden(name)
    network = build_generator(golden.configured()).double()
    kept = {key: value for key, value in golden.state.items() if key in network.state_dict()}
    network.load_state_dict(kept)
    set_inference_mode(network, "train")
    assert golden.difference(network, torch.float64) < 1e-10


def test_instance_norms_statistics_are_dropped_with_a_word(tmp_path: Path) -> None:
    golden = Golden("deblurgan-resnet9")
    assert any(key.endswith("running_mean") for key in golden.state)
    translator = load(golden.saved_as_by_authors(tmp_path))
    assert any("running statistics" in note for note in translator.notes)


def test_the_critic_is_the_authors() -> None:
    """Their zeros around the maps are two wide where those of CycleGAN's authors are one."""
    golden = Golden("deblurgan-critic")
    critic = build_discriminator(CriticConfig(ndf=golden.case["width"])).double()
    critic.load_state_dict({key: value for key, value in golden.state.items() if key in critic.state_dict()})
    assert golden.difference(critic, torch.float64) < 1e-10
    with pytest.raises(ValueError, match="padding must be 1 or 2, not 3"):
        CriticConfig(padding=3)


# --- the way round the network --------------------------------------------------------------------------------------


def silent(**settings: Any) -> nn.Module:
    """A generator whose G(x) is nothing but zeros."""
    network = build_generator(GeneratorConfig(ngf=2, blocks=1, **settings))
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    return network.eval()


def test_the_picture_goes_round_the_network() -> None:
    x = texture(16, 16).float()
    assert torch.equal(silent()(x), x)
    assert torch.equal(silent(bound="halve")(x), x / 2)
    assert not silent(learn_residual=False)(x).any()


def test_the_sum_stays_in_range() -> None:
    network = build_generator(GeneratorConfig(ngf=2, blocks=1)).eval()
    with torch.no_grad():
        network.model[-2].bias.fill_(3.0)
        assert network(texture(16, 16).float()).max() == 1.0


@pytest.mark.parametrize("norm", ["instance", "batch"])
@pytest.mark.parametrize("dropout", [True, False])
def test_a_single_block_is_the_plain_sum(norm: Any, dropout: bool) -> None:
    """Borders are an affair between blocks: with them and without, the result is x + block(x)."""
    config = GeneratorConfig(ngf=1, norm=norm, dropout=dropout, block="single")
    block = SingleBlock(4, config).eval()
    x = torch.randn(2, 4, 6, 5)
    conv = block.conv_block[1]
    y = nn.functional.conv2d(nn.functional.pad(x, (1, 1, 1, 1), mode="reflect"), conv.weight, conv.bias)
    y = nn.functional.instance_norm(y) if norm == "instance" else y / (1 + 1e-5) ** 0.5
    expected = x + (y.relu() if dropout else y)
    given = nn.functional.pad(x, (1, 1, 1, 1), mode="reflect") if norm == "instance" else x
    assert torch.allclose(block(given), expected, atol=1e-5)


# --- which file it is -----------------------------------------------------------------------------------------------


def test_a_critic_is_no_generator(tmp_path: Path) -> None:
    golden = Golden("deblurgan-critic")
    assert recognise(shapes_of(golden)) is None
    with pytest.raises(WeightsError, match="holds no weights that the model 'deblurgan' can run") as caught:
        load(golden.saved_as_by_authors(tmp_path))
    assert "DeblurGAN critic" in caught.value.have


def test_a_unet_is_refused_in_words() -> None:
    shapes = {"model.model.0.weight": (4, 3, 4, 4)}
    assert recognise(shapes) is None
    assert "other way round" in (describe(shapes) or "")


@pytest.mark.parametrize("ways", [("blur", "transpose"), ("stride", "blur"), ("blur", "blur")], ids="-".join)
def test_a_generator_that_blurs_between_its_sizes_is_cuts(ways: tuple[Any, Any], tmp_path: Path) -> None:
    config = shared.GeneratorConfig(ngf=2, blocks=1, downsample=ways[0], upsample=ways[1])
    state = generators.build_generator(config).state_dict()
    assert recognise({key: tuple(value.shape) for key, value in state.items()}) is None
    torch.save(state, tmp_path / "cut.pth")
    with pytest.raises(WeightsError, match="holds no weights that the model 'deblurgan' can run") as caught:
        load(tmp_path / "cut.pth")
    assert "a generator of CUT with antialiasing layers" in caught.value.have
    assert imtrans.load("cyclegan", weights=tmp_path / "cut.pth").config == config


def test_one_of_our_own_that_blurs_goes_by_what_its_file_says(tmp_path: Path) -> None:
    config = GeneratorConfig(ngf=2, blocks=1, downsample="blur", upsample="blur")
    path = save(tmp_path / "ours.safetensors", build_generator(config).state_dict(), metadata_for("deblurgan", config))
    assert load(path).config == config


def test_a_translation_between_channels_is_no_residual() -> None:
    shapes = shapes_of(Golden("deblurgan-resnet9"))
    shapes["model.26.weight"] = (1, *shapes["model.26.weight"][1:])
    assert recognise(shapes) is None


def test_what_keys_leave_open_is_said(tmp_path: Path) -> None:
    """A generator of CycleGAN or pix2pix has the very same keys."""
    assert "CycleGAN" in (describe(shapes_of(Golden("deblurgan-resnet9"))) or "")
    assert "alone" in (describe(shapes_of(Golden("deblurgan-resnet6-latest"))) or "")
    translator = imtrans.load("cyclegan", weights=Golden("deblurgan-resnet9").saved_as_by_authors(tmp_path))
    assert translator.config.dropout


# --- as users run it ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(16, 20), (33, 17), (1, 9)], ids=str)
def test_any_size_keeps_it(size: tuple[int, int], tmp_path: Path) -> None:
    translator = load(Golden("deblurgan-resnet9").saved_as_by_authors(tmp_path))
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    assert translator(Image.fromarray(pixels)).size == size


def test_a_file_that_ends_too_early(tmp_path: Path) -> None:
    path = Golden("deblurgan-resnet9").saved_as_by_authors(tmp_path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(WeightsError):
        load(path)


def test_a_file_without_one_of_its_tensors(tmp_path: Path) -> None:
    golden = Golden("deblurgan-resnet9")
    del golden.state["model.12.conv_block.6.weight"]
    with pytest.raises(WeightsError, match=r"1 missing \(model.12.conv_block.6.weight"):
        load(golden.saved_as_by_authors(tmp_path))


class Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("run by the reader",))


def test_a_pickle_that_would_run_something(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "latest_net_G.pth"
    torch.save({"model.1.weight": Hostile()}, path)
    with pytest.raises(UnsafeCheckpointError, match="print"):
        load(path)
    assert "run by" not in capsys.readouterr().out
