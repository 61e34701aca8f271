"""CycleGAN's networks are the authors': their files load as they are and give their output."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from golden.make import texture
from PIL import Image
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

import imtrans
from imtrans.nn.discriminators import build_discriminator
from imtrans.nn.generators import ResizeConv2d, ResnetBlock, block_border, build_generator
from imtrans.ops.library import why_no_kernel
from imtrans_cyclegan.config import DiscriminatorConfig, GeneratorConfig

GOLDEN = Path(__file__).parent / "golden"
GENERATORS = sorted(path.stem for path in GOLDEN.glob("*.safetensors") if path.stem.startswith(("resnet", "unet")))
DISCRIMINATORS = sorted(path.stem for path in GOLDEN.glob("*.safetensors") if path.stem.startswith(("patch", "pixel")))


class Golden:
    """A file that the authors' code made: their state dict, and what their network gives for the texture."""

    def __init__(self, name: str) -> None:
        with safe_open(GOLDEN / f"{name}.safetensors", "pt") as file:
            self.case: dict[str, Any] = json.loads(file.metadata()["case"])
            self.state = {key: file.get_tensor(key) for key in file.keys() if key != "golden.output"}  # noqa: SIM118
            self.output = file.get_tensor("golden.output")

    def saved_as_by_authors(self, folder: Path) -> Path:
        path = folder / "latest_net_G.pth"
        torch.save({k: v.float() if v.is_floating_point() else v for k, v in self.state.items()}, path)
        return path

    def configured(self) -> GeneratorConfig | DiscriminatorConfig:
        case = self.case
        if case["network"] in ("patch", "pixel"):
            return DiscriminatorConfig(
                kind=case["network"], ndf=case["width"], layers=max(1, case["depth"]), norm=case["norm"]
            )
        depth = "blocks" if case["network"] == "resnet" else "downs"
        return GeneratorConfig(
            kind=case["network"],
            ngf=case["width"],
            norm=case["norm"],
            padding=case["padding"],
            dropout=case["dropout"],
            bias=True if case["commit"] == "c7f7d19" else None,
            **{depth: case["depth"]},
        )

    def difference(self, network: nn.Module, dtype: torch.dtype) -> float:
        stride = self.case["stride"]
        with torch.no_grad():
            output = network(texture(*self.case["size"]).to(dtype))[..., ::stride, ::stride]
        assert output.dtype == dtype
        return (output.double() - self.output).abs().max().item()


def build(config: GeneratorConfig | DiscriminatorConfig) -> nn.Module:
    torch.manual_seed(0)
    made = build_generator(config) if isinstance(config, GeneratorConfig) else build_discriminator(config)
    return made.eval()


def without_leftovers(state: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """What loading a file takes away: the prefix of DataParallel and an instance norm's statistics."""
    known = network.state_dict()
    return {key: value for key, value in ((k.removeprefix("module."), v) for k, v in state.items()) if key in known}


# --- the authors' files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in GENERATORS if name != "resnet6-replicate"])
def test_the_authors_file_loads_as_it_is(name: str, tmp_path: Path) -> None:
    golden = Golden(name)
    translator = imtrans.load(
        "cyclegan", weights=golden.saved_as_by_authors(tmp_path), device="cpu", precision="fp32", backend="reference"
    )
    expected = golden.configured()
    if expected.kind == "unet":  # a dropout at the end of a block leaves no trace, and does nothing once trained
        expected = replace(expected, dropout=False)
    assert translator.config == expected
    assert golden.difference(translator.network, torch.float32) < 1e-5


@pytest.mark.parametrize("name", GENERATORS + DISCRIMINATORS)
def test_the_output_is_the_authors(name: str) -> None:
    golden = Golden(name)
    network = build(golden.configured()).double()
    network.load_state_dict(without_leftovers(golden.state, network))
    assert golden.difference(network, torch.float64) < 1e-10


@pytest.mark.parametrize("name", GENERATORS + DISCRIMINATORS)
def test_the_fused_operators_give_it_too(name: str) -> None:
    """In the memory layout that running and training use, with whatever kernels are built here."""
    golden = Golden(name)
    network = build(golden.configured())
    network.load_state_dict(without_leftovers(golden.state, network))
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    assert golden.difference(network, torch.float32) < 1e-5


def test_another_norm_is_noticed() -> None:
    """The tolerance tells networks apart."""
    golden = Golden("resnet6-replicate")
    network = build(replace(golden.configured(), padding="reflect")).double()
    network.load_state_dict(golden.state)
    assert golden.difference(network, torch.float64) > 1e-2


def test_the_translator_pads_odd_sizes_and_gives_the_size_back(tmp_path: Path) -> None:
    golden = Golden("resnet6")
    translator = imtrans.load("cyclegan", weights=golden.saved_as_by_authors(tmp_path), device="cpu", precision="fp32")
    for width, height in ((1, 1), (3, 50), (17, 13), (20, 16)):
        picture = Image.effect_noise((width, height), 90).convert("RGB")
        assert translator(picture).size == (width, height)
    # A multiple of four needs no padding, so the network sees the picture itself.
    picture = texture(*golden.case["size"])
    translated = translator((picture + 1).float() / 2) * 2 - 1
    assert (translated - golden.output).abs().max() < 1e-5


# --- sizes ----------------------------------------------------------------------------------------------------------


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_parameter_counts_are_the_published_ones() -> None:
    with torch.device("meta"):
        assert count(build_generator(GeneratorConfig())) == 11_378_179
        assert count(build_discriminator(DiscriminatorConfig())) == 2_764_737
        assert count(build_generator(GeneratorConfig(kind="unet", norm="batch"))) == 54_413_955


@pytest.mark.parametrize("upsample", ["transpose", "resize"])
@pytest.mark.parametrize("padding", ["reflect", "replicate", "zero"])
def test_resnet_keeps_sizes_from_its_minimum_on(upsample: str, padding: str) -> None:
    network = build(GeneratorConfig(ngf=2, blocks=1, upsample=upsample, padding=padding))  # type: ignore[arg-type]
    least, step = int(network.minimum), int(network.multiple)  # type: ignore[arg-type]
    for height, width in ((least, least), (least, least + step), (32, least)):
        assert network(torch.rand(2, 3, height, width)).shape == (2, 3, height, width)


def test_channels_of_input_and_output_may_differ() -> None:
    for config in (GeneratorConfig(ngf=2, blocks=1), GeneratorConfig(kind="unet", downs=5, ngf=2)):
        network = build(replace(config, input_nc=1, output_nc=4))
        assert network(torch.rand(1, 1, 32, 64)).shape == (1, 4, 32, 64)


@pytest.mark.parametrize(("layers", "side"), [(1, 30), (2, 14), (3, 6), (4, 2)])
def test_patch_scores_have_the_documented_size(layers: int, side: int) -> None:
    network = build(DiscriminatorConfig(ndf=2, layers=layers))
    assert network(torch.rand(1, 3, 64, 64)).shape == (1, 1, side, side)


def test_a_patch_score_sees_seventy_pixels() -> None:
    network = build(DiscriminatorConfig(ndf=2, norm="none"))
    picture = torch.rand(1, 3, 128, 128, requires_grad=True)
    scores = network(picture)
    scores[0, 0, 7, 7].backward()
    assert picture.grad is not None
    touched = picture.grad[0].abs().sum(0).nonzero()
    assert (touched.max(0).values - touched.min(0).values + 1).tolist() == [70, 70]


def test_a_pixel_score_sees_one_pixel() -> None:
    network = build(DiscriminatorConfig(kind="pixel", ndf=4, norm="none"))
    picture = torch.rand(1, 3, 9, 9, requires_grad=True)
    network(picture)[0, 0, 4, 5].backward()
    assert picture.grad is not None
    assert picture.grad[0].abs().sum(0).nonzero().tolist() == [[4, 5]]


# --- borders --------------------------------------------------------------------------------------------------------


def authors_block(width: int, config: GeneratorConfig) -> nn.Sequential:
    """What stands beside the skip connection, layer by layer as in the authors' ``build_conv_block``."""
    layers: list[nn.Module] = []
    for last in (False, True):
        pads = {"reflect": [nn.ReflectionPad2d(1)], "replicate": [nn.ReplicationPad2d(1)], "zero": []}
        layers += pads[config.padding]
        layers.append(nn.Conv2d(width, width, 3, padding=int(config.padding == "zero"), bias=config.has_bias))
        norms = {"instance": nn.InstanceNorm2d(width), "batch": nn.BatchNorm2d(width), "none": nn.Identity()}
        layers.append(norms[config.norm])
        layers += [] if last else [nn.ReLU(), *([nn.Dropout(0.5)] if config.dropout else [])]
    return nn.Sequential(*layers)


@pytest.mark.parametrize("dropout", [False, True])
@pytest.mark.parametrize("padding", ["reflect", "replicate", "zero"])
@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
def test_a_block_is_the_authors_with_and_without_a_border(norm: str, padding: str, dropout: bool) -> None:
    config = GeneratorConfig(norm=norm, padding=padding, dropout=dropout)  # type: ignore[arg-type]
    entering = block_border(config)
    assert entering == (norm == "instance" and padding == "reflect")
    theirs = authors_block(4, config).double()
    x = torch.randn(2, 4, 5, 6, dtype=torch.float64)
    for leaving in {0, entering}:
        ours = ResnetBlock(4, config, border=leaving).double()
        ours.conv_block.load_state_dict(theirs.state_dict())
        torch.manual_seed(1)
        want = x + theirs(x)
        torch.manual_seed(1)
        got = ours(functional.pad(x, (entering,) * 4, mode="reflect"))
        torch.testing.assert_close(got, functional.pad(want, (leaving,) * 4, mode="reflect"))


class Paddings(TorchDispatchMode):
    """Counts the passes over memory that write nothing but a reflected border."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[tuple[int, ...]] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function.overloadpacket in (torch.ops.imtrans.reflect_pad, torch.ops.aten.reflection_pad2d):
            self.shapes.append(tuple(args[0].shape))
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("dropout", [False, True])
def test_only_the_picture_is_padded_in_a_pass_of_its_own(dropout: bool) -> None:
    if why_no_kernel("reflect_pad", "cpu") is not None:
        pytest.skip("there are no kernels here, and the reference pads by itself")
    network = build(GeneratorConfig(ngf=2, blocks=3, dropout=dropout))
    with torch.no_grad(), Paddings() as padded:
        network(torch.rand(1, 3, 16, 16))
    # Dropout stands between norm and convolution, so that convolution has to pad.
    assert padded.shapes == [(1, 3, 16, 16)] + [(1, 8, 4, 4)] * (3 if dropout else 0)


# --- the decoder without a checkerboard -----------------------------------------------------------------------------


def test_resizing_leaves_no_checkerboard() -> None:
    """An even map through any kernel stays even (Odena et al.), which a transposed convolution does not manage."""
    torch.manual_seed(0)
    even = torch.ones(1, 4, 6, 7)
    resized = ResizeConv2d(4, 3, bias=True)(even)
    assert resized.shape == (1, 3, 12, 14)
    torch.testing.assert_close(resized, resized[:, :, :1, :1].expand_as(resized))
    transposed = nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1, output_padding=1)(even)[..., 2:-2, 2:-2]
    assert (transposed - transposed[:, :, :1, :1]).abs().max() > 0.05


@pytest.mark.parametrize("worth_a_kernel", [0, 1024], ids=["assembled kernel", "doubled map"])
@pytest.mark.parametrize("size", [(1, 1), (2, 5), (7, 4)])
def test_resizing_is_repeating_pixels_and_convolving(
    size: tuple[int, int], worth_a_kernel: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ResizeConv2d, "worth_a_kernel", worth_a_kernel)
    layer, x = ResizeConv2d(5, 3, bias=True).double(), torch.randn(2, 5, *size, dtype=torch.float64, requires_grad=True)
    doubled = functional.pad(x.repeat_interleave(2, 2).repeat_interleave(2, 3), (1, 1, 1, 1), mode="reflect")
    plain = functional.conv2d(doubled, layer.conv.weight, layer.conv.bias)
    torch.testing.assert_close(layer(x), plain)
    inputs = (x, *layer.parameters())
    weights = torch.randn_like(plain)
    torch.testing.assert_close(
        torch.autograd.grad(layer(x), inputs, weights), torch.autograd.grad(plain, inputs, weights)
    )


def test_the_resize_decoder_has_keys_of_its_own() -> None:
    keys = {
        upsample: set(build_generator(GeneratorConfig(ngf=2, blocks=1, upsample=upsample)).state_dict())  # type: ignore[arg-type]
        for upsample in ("transpose", "resize")
    }
    assert keys["resize"] - keys["transpose"] == {
        "model.11.conv.weight", "model.11.conv.bias", "model.14.conv.weight", "model.14.conv.bias",
    }  # fmt: skip


# --- learning and precision -----------------------------------------------------------------------------------------

SMALL = (
    GeneratorConfig(ngf=4, blocks=2),
    GeneratorConfig(ngf=4, blocks=2, upsample="resize"),
    GeneratorConfig(ngf=4, blocks=2, norm="batch", padding="zero", dropout=True),
    GeneratorConfig(ngf=4, blocks=2, norm="none", padding="replicate"),
    GeneratorConfig(kind="unet", downs=5, ngf=4, norm="batch", dropout=True),
    DiscriminatorConfig(ndf=4),
    DiscriminatorConfig(ndf=4, norm="batch"),
    DiscriminatorConfig(kind="pixel", ndf=4),
)


@pytest.mark.parametrize("config", SMALL, ids=str)
def test_gradients_reach_every_weight(config: GeneratorConfig | DiscriminatorConfig) -> None:
    network = build(config).train()
    picture = texture(64, 32).float().requires_grad_()
    network(picture).square().sum().backward()
    assert picture.grad is not None
    assert picture.grad.abs().sum() > 0
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        # A bias before a normalisation is subtracted again, so only weights must learn.
        assert name.endswith("bias") or parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("config", SMALL, ids=str)
def test_channels_last_changes_nothing(config: GeneratorConfig | DiscriminatorConfig) -> None:
    network, picture = build(config), texture(64, 32).float()
    with torch.no_grad():
        contiguous = network(picture)
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        last = network(picture.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(last, contiguous, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.bfloat16, 0.04), (torch.float16, 0.005)])
@pytest.mark.parametrize("name", ["resnet6", "resnet9", "unet256-batch", "patch3"])
def test_half_precision_is_near(name: str, dtype: torch.dtype, tolerance: float) -> None:
    """On average over the picture; the golden weights are wild, and trained ones come nearer."""
    golden = Golden(name)
    network = build(golden.configured())
    network.load_state_dict(golden.state)
    stride = golden.case["stride"]
    with torch.no_grad():
        output = network.to(dtype)(texture(*golden.case["size"]).to(dtype))[..., ::stride, ::stride]
    assert (output.double() - golden.output).abs().mean() < tolerance


def test_dropout_is_live_in_training_only() -> None:
    for config in (GeneratorConfig(ngf=2, blocks=1, dropout=True), replace(SMALL[4], downs=6)):
        network, picture = build(config), texture(64, 64).float()
        with torch.no_grad():
            assert torch.equal(network(picture), network(picture))
            network.train()
            assert not torch.equal(network(picture), network(picture))


def test_wrong_settings_are_refused() -> None:
    for name in ("input_nc", "output_nc", "ngf"):
        with pytest.raises(ValueError, match=f"{name} must be at least 1, not 0"):
            GeneratorConfig(**{name: 0})
    with pytest.raises(ValueError, match="downs must be at least 5, not 4"):
        GeneratorConfig(downs=4)
    with pytest.raises(ValueError, match="layers must be at least 1, not 0"):
        DiscriminatorConfig(layers=0)
