"""StyleGAN's networks and losses: pytorch_GAN_zoo's for the same weights, whole and in the middle of a fade."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from golden.make_progressive import LOSS_SEED, NOISE_SEED, OLD_SHARE, TRUNCATION, WIDTHS, Z_DIM, faces, latents
from safetensors.torch import load_file
from torch import Tensor

import imtrans
from imtrans.config import from_dict
from imtrans.errors import ConfigError, UsageError, WeightsError
from imtrans.infer.generator import Generator
from imtrans.train.growth import Growth
from imtrans.train.method import Step
from imtrans_stylegan.config import GeneratorConfig, StyleGANConfig
from imtrans_stylegan.method import StyleGAN
from imtrans_stylegan.recognise import convert

NETWORK = GeneratorConfig(WIDTHS, Z_DIM, mapping_layers=2)
GROWTH = Growth(start=8, first=0, stage=100, fade=100)
LEVELS = {"full": 2.0, "fading": 2 - OLD_SHARE}


@pytest.fixture(scope="module")
def golden() -> dict[str, Tensor]:
    return load_file(Path(__file__).parent / "golden" / "stylegan.safetensors")


def state(golden: dict[str, Tensor], network: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{network}."): x.float() for key, x in golden.items() if key.startswith(f"{network}.")}


def method_with(golden: dict[str, Tensor], **settings: Any) -> StyleGAN:
    method = StyleGAN(StyleGANConfig(NETWORK, growth=GROWTH, **settings))
    found = convert(state(golden, "netG"))
    assert found is not None
    method.generator.load_state_dict(found[0])
    method.discriminator.load_state_dict(state(golden, "netD"))
    return method


@pytest.mark.parametrize("case", LEVELS)
def test_pictures_and_scores_equal_the_zoos(golden: dict[str, Tensor], case: str) -> None:
    """With the same random noise."""
    method = method_with(golden)
    method.networks.eval()
    torch.manual_seed(NOISE_SEED)
    with torch.no_grad():
        pictures = method.generator.draw(method.generator.mapping(latents()), LEVELS[case])
        scores = method.discriminator(faces(), LEVELS[case])
    torch.testing.assert_close(pictures, golden[f"golden.{case}.pictures"], atol=5e-5, rtol=1e-5)
    torch.testing.assert_close(scores, golden[f"golden.{case}.scores"], atol=5e-5, rtol=1e-5)


@pytest.mark.parametrize("case", LEVELS)
def test_losses_equal_the_zoos(golden: dict[str, Tensor], case: str) -> None:
    """On the same latents and noise, without mixing, which the zoo has not."""
    method, step = method_with(golden, style_mixing=0.0), Step({"image": faces()}, round(100 * (LEVELS[case] - 1)), {})
    torch.manual_seed(LOSS_SEED)
    found = {**method.discriminator_loss(step), **method.generator_loss(step)}
    wanted = {name: golden[f"golden.{case}.{name}"].squeeze() for name in ("lossD_logistic", "lossG_fake")}
    wanted["D"] = (golden[f"golden.{case}.lossD_real"] + golden[f"golden.{case}.lossD_fake"]).squeeze()
    for ours, theirs in {"r1": "lossD_logistic", "generator": "lossG_fake", "discriminator": "D"}.items():
        torch.testing.assert_close(found[ours].detach(), wanted[theirs], atol=1e-4, rtol=1e-4)


def test_the_zoos_file_loads_and_truncates_as_there(golden: dict[str, Tensor], tmp_path: Path) -> None:
    torch.save({"netG": state(golden, "netG"), "netD": state(golden, "netD")}, tmp_path / "zoo.pth")
    generator = imtrans.load("stylegan", weights=f"{tmp_path / 'zoo.pth'}#netG", device="cpu")
    assert isinstance(generator, Generator)
    assert generator.config == NETWORK
    network: Any = generator.network
    torch.manual_seed(NOISE_SEED)
    with torch.inference_mode():
        drawn = network(latents(), truncation_psi=TRUNCATION, noise_mode="random")
    torch.testing.assert_close(drawn, golden["golden.truncated.pictures"], atol=5e-5, rtol=1e-5)


def test_a_style_reaches_its_layers_alone(golden: dict[str, Tensor]) -> None:
    """Other fine styles change the picture, and change nothing of 8 pixels."""
    generator = method_with(golden).generator.eval()
    generator.level.fill_(2.0)
    ws, others = generator.mapping(latents()[:1]), generator.mapping(latents()[1:2])
    mixed = torch.cat([ws[:, :4], others[:, 4:]], 1)
    assert not torch.allclose(generator.synthesis(ws), generator.synthesis(mixed))
    assert torch.equal(generator.draw(ws, 1.0, "const"), generator.draw(mixed, 1.0, "const"))


def test_styles_are_mixed_among_the_layers_that_have_grown(golden: dict[str, Tensor]) -> None:
    method, seen = method_with(golden, style_mixing=1.0), set()
    method.networks.eval()
    for seed in range(30):
        torch.manual_seed(seed)
        ws = method.mixed(latents(), level=1.0)
        own = method.generator.mapping(latents())
        same = [torch.equal(ws[:, layer], own[:, layer]) for layer in range(6)]
        seen.add(same.index(False))
        assert not any(same[same.index(False) :])
    assert seen == {1, 2, 3}


def test_training_moves_the_average_style_and_the_noise_matters(golden: dict[str, Tensor]) -> None:
    method = method_with(golden)
    generator = method.generator
    before = generator.mapping.mean_w.clone()
    generator.eval().mapping(latents())
    assert torch.equal(generator.mapping.mean_w, before)
    w = generator.mapping(latents())[:, 0].mean(0, keepdim=True)
    generator.train().mapping(latents())
    torch.testing.assert_close(generator.mapping.mean_w, 0.99 * before + 0.01 * w)
    ws = generator.mapping(latents())
    assert not torch.allclose(generator.synthesis(ws, "const"), generator.synthesis(ws, "none"))


def test_blur_is_a_setting_that_files_of_imtrans_keep() -> None:
    torch.manual_seed(0)
    method = StyleGAN(StyleGANConfig(replace(NETWORK, blur=True), growth=GROWTH))
    (_, settings) = method.translators()["generator"]
    assert settings == replace(NETWORK, blur=True, level=1.0)
    assert method.discriminator.blurred
    plain = StyleGAN(StyleGANConfig(NETWORK, growth=GROWTH))
    plain.generator.load_state_dict(method.generator.state_dict())
    z = latents()
    assert not torch.allclose(plain.generator.eval()(z), method.generator.eval()(z))


def test_other_networks_and_styles_are_refused(golden: dict[str, Tensor], tmp_path: Path) -> None:
    torch.save(state(golden, "netD"), tmp_path / "d.pth")
    with pytest.raises(WeightsError) as caught:
        imtrans.load("stylegan", weights=tmp_path / "d.pth", device="cpu")
    assert "the discriminator of a progressive GAN" in caught.value.have
    generator = method_with(golden).generator
    with pytest.raises(UsageError, match="styles for this generator"):
        generator.synthesis(torch.zeros(1, 3, 8))
    with pytest.raises(UsageError, match="no noise 'loud'"):
        generator.synthesis(torch.zeros(1, 6, 8), "loud")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"generator": {"widths": [8]}}, "two numbers or more"),
        ({"generator": {"mapping_layers": 0}}, "at least 1"),
        ({"generator": {"channels": 2}}, "channels must be 1"),
        ({"generator": {"level": 0.5}}, "level lies in 1..8"),
        ({"discriminator": {"widths": [8, 8]}}, "has to be 9 numbers"),
        ({"growth": {"start": 4}}, "growth.start lies in 8..1024"),
        ({"style_mixing": 2.0}, "style_mixing must lie"),
    ],
)
def test_settings_that_make_no_sense_are_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        from_dict(StyleGANConfig, values)
