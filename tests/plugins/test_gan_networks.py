"""The networks of the GAN ladder: mmagic's for the same weights, told apart by their files, refused in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import imtrans
from imtrans.config import from_dict
from imtrans.errors import ConfigError, WeightsError
from imtrans.infer.generator import Generator
from imtrans.nn.latents import latents
from imtrans_gan import config as settings
from imtrans_gan.discriminators import Maxout, build_discriminator
from imtrans_gan.generators import ConvGenerator, build_generator

GOLDEN = Path(__file__).parent / "golden" / "gan-dcgan.safetensors"
SEEDS = (0, 1, 42)


@pytest.fixture
def golden() -> dict[str, torch.Tensor]:
    return load_file(GOLDEN)


@pytest.fixture
def checkpoint(golden: dict[str, torch.Tensor], tmp_path: Path) -> Path:
    """The file as mmagic saves it: one flat state dict of both networks beside other things."""
    state = {key: tensor for key, tensor in golden.items() if not key.startswith("golden.")}
    torch.save({"meta": {"iter": 5000}, "state_dict": state}, tmp_path / "mmagic.pth")
    return tmp_path / "mmagic.pth"


def test_mmagics_checkpoint_gives_mmagics_pictures(golden: dict[str, torch.Tensor], checkpoint: Path) -> None:
    generator = imtrans.load("dcgan", weights=checkpoint, device="cpu")
    assert isinstance(generator, Generator)
    expected = settings.ConvGeneratorConfig(size=16, channels=3, z_dim=10, base_channels=8)
    assert generator.config == expected
    assert "took 'generator', the only one of 2 networks in the file that 'dcgan' can run" in generator.notes
    with torch.inference_mode():
        drawn = generator.network(latents(SEEDS, 10))
    torch.testing.assert_close(drawn.double(), golden["golden.output"], atol=1e-5, rtol=0)
    levels = ((golden["golden.output"] + 1) * 127.5).permute(0, 2, 3, 1)
    for image, picture in zip(generator(SEEDS), levels, strict=True):
        shown = torch.from_numpy(np.array(image))
        assert (shown - picture).abs().max() <= 0.501


def test_the_discriminator_equals_mmagics(golden: dict[str, torch.Tensor]) -> None:
    discriminator = build_discriminator(
        settings.ConvDiscriminatorConfig(base_channels=4), settings.ConvGeneratorConfig(size=16, base_channels=8)
    )
    prefix = "discriminator."
    state = {key.removeprefix(prefix): tensor for key, tensor in golden.items() if key.startswith(prefix)}
    discriminator.load_state_dict(state)
    scores = discriminator.double().eval()(golden["golden.output"])
    torch.testing.assert_close(scores, golden["golden.scores"], atol=1e-10, rtol=0)


def test_the_average_is_preferred_where_the_file_has_one(golden: dict[str, torch.Tensor], tmp_path: Path) -> None:
    state = {key: tensor for key, tensor in golden.items() if not key.startswith("golden.")}
    state |= {
        key.replace("generator.", "generator_ema."): torch.zeros_like(tensor)
        for key, tensor in state.items()
        if key.startswith("generator.")
    }
    torch.save(state, tmp_path / "averaged.pth")
    generator = imtrans.load("dcgan", weights=tmp_path / "averaged.pth", device="cpu")
    assert all(not tensor.any() for tensor in generator.network.state_dict().values())


def test_weights_that_were_trained_in_bgr_come_out_as_rgb() -> None:
    torch.manual_seed(0)
    rgb = ConvGenerator(settings.ConvGeneratorConfig(size=8, base_channels=4)).eval()
    bgr = ConvGenerator(settings.ConvGeneratorConfig(size=8, base_channels=4, order="BGR")).eval()
    bgr.load_state_dict(rgb.state_dict())
    z = latents([0], 100)
    assert torch.equal(bgr(z), rgb(z).flip(1))
    named = imtrans.models()["dcgan"].find_weights("mmagic-celeba")
    assert named is not None
    assert named.config == {"order": "BGR"}


def test_the_label_is_as_if_it_stood_beside_the_latent() -> None:
    torch.manual_seed(0)
    network = ConvGenerator(settings.ConditionalConvGeneratorConfig(size=8, base_channels=4, z_dim=5, classes=3)).eval()
    z, labels = latents([0, 1], 5), torch.tensor([2, 0])
    together = torch.cat([z, nn.functional.one_hot(labels, 3).float()], 1)[..., None, None]
    assert network.label2feat is not None
    weight = torch.cat([network.noise2feat.conv.weight, network.label2feat.weight])
    first = nn.functional.conv_transpose2d(together, weight)
    expected = torch.tanh(network.output_layer(network.upsampling(network.noise2feat.bn(first).relu())))
    torch.testing.assert_close(network(z, labels), expected, atol=1e-5, rtol=1e-5)


def test_maxout_gives_the_largest_piece() -> None:
    unit = Maxout(1, 1, 2)
    with torch.no_grad():
        unit.linear.weight.copy_(torch.tensor([[1.0], [-1.0]]))
        unit.linear.bias.zero_()
    assert unit(torch.tensor([[-3.0], [2.0]])).tolist() == [[3.0], [2.0]]  # the absolute value


def build_dense() -> nn.Module:
    return build_generator(settings.ConditionalDenseGeneratorConfig(size=8, hidden=12))


def build_conv() -> nn.Module:
    return build_generator(settings.ConvGeneratorConfig(size=8, base_channels=4))


def build_judge() -> nn.Module:
    generator = settings.ConvGeneratorConfig(size=8, base_channels=4)
    return build_discriminator(settings.ConvDiscriminatorConfig(base_channels=2), generator)


@pytest.mark.parametrize(
    ("build", "seems"),
    [
        (build_dense, "a generator (fully connected, 10 classes). The model 'cgan' recognises it."),
        (build_judge, "a GAN's discriminator, not its generator"),
    ],
)
def test_weights_of_another_variant_are_described(build: Callable[[], nn.Module], seems: str, tmp_path: Path) -> None:
    torch.save(build().state_dict(), tmp_path / "x.pth")
    with pytest.raises(WeightsError) as caught:
        imtrans.load("dcgan", weights=tmp_path / "x.pth", device="cpu")
    assert seems in caught.value.have


def test_one_file_serves_all_variants_of_its_network(tmp_path: Path) -> None:
    torch.save(build_conv().state_dict(), tmp_path / "x.pth")
    for name in ("dcgan", "lsgan", "wgan", "wgan-gp"):
        imtrans.load(name, weights=tmp_path / "x.pth", device="cpu")


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        (settings.ConvGeneratorConfig, {"size": 28}, "size must be 8, 16, 32"),
        (settings.ConvGeneratorConfig, {"size": 4}, "size must be 8, 16, 32"),
        (settings.ConvGeneratorConfig, {"channels": 2}, "channels must be 1"),
        (settings.ConvGeneratorConfig, {"base_channels": 12}, "multiple of 8"),
        (settings.ConvGeneratorConfig, {"classes": -1}, "classes must not be negative"),
        (settings.ConvGeneratorConfig, {"z_dim": 0}, "z_dim must be at least 1"),
        (settings.ConditionalConvGeneratorConfig, {"classes": 0}, "at least one class"),
        (settings.ConditionalDenseGeneratorConfig, {"classes": 0}, "at least one class"),
        (settings.DenseGeneratorConfig, {"hidden": 0}, "hidden must be at least 1"),
        (settings.DenseGeneratorConfig, {"size": 0}, "size must be at least 1"),
        (settings.DenseDiscriminatorConfig, {"pieces": 0}, "pieces must be at least 1"),
        (settings.DenseDiscriminatorConfig, {"dropout": 1.0}, "dropout must lie"),
        (settings.GANConfig, {"critics": 0}, "critics must be at least 1"),
        (settings.GANConfig, {"clip": -1.0}, "clip must not be negative"),
        (settings.GANConfig, {"loss": "wgan", "real_label": 0.9}, "no label to smooth"),
        (settings.WGANGPConfig, {"discriminator": {"norm": "batch"}}, "without batch norm"),
        (settings.DCGANConfig, {"gradient_penalty": 10.0}, "without batch norm"),
    ],
)
def test_settings_that_make_no_sense_are_refused(kind: type, values: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        from_dict(kind, values)
