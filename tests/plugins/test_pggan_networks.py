"""PGGAN's networks and losses: pytorch_GAN_zoo's for the same weights, whole and in the middle of a fade."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from golden.make_progressive import COUNT, LOSS_SEED, OLD_SHARE, WIDTHS, Z_DIM, faces, latents
from safetensors.torch import load_file
from torch import Tensor

import imtrans
from imtrans.config import from_dict
from imtrans.errors import ConfigError, UnsafeCheckpointError, UsageError, WeightsError
from imtrans.infer.generator import Generator
from imtrans.train.growth import Growth
from imtrans.train.method import Step
from imtrans_pggan.config import GeneratorConfig, PGGANConfig
from imtrans_pggan.generator import build_generator
from imtrans_pggan.method import PGGAN

NETWORK = GeneratorConfig(WIDTHS, Z_DIM)
LEVELS = {"full": 2.0, "fading": 2 - OLD_SHARE}


@pytest.fixture(scope="module")
def golden() -> dict[str, Tensor]:
    return load_file(Path(__file__).parent / "golden" / "pggan.safetensors")


def state(golden: dict[str, Tensor], network: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{network}."): x.float() for key, x in golden.items() if key.startswith(f"{network}.")}


def method_with(golden: dict[str, Tensor], growth: Growth) -> PGGAN:
    method = PGGAN(PGGANConfig(NETWORK, growth=growth))
    method.generator.load_state_dict(state(golden, "netG"))
    method.discriminator.load_state_dict(state(golden, "netD"))
    return method


def zoo_file(golden: dict[str, Tensor], path: Path, monkeypatch: pytest.MonkeyPatch, **beside: Any) -> Path:
    """A checkpoint as the zoo saves it, its settings being an instance of a class of its own."""
    module = ModuleType("models.utils.config")
    module.BaseConfig = type("BaseConfig", (), {"__module__": module.__name__})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for name in ("models", "models.utils"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    settings = module.BaseConfig()
    settings.depthOtherScales, settings.lossCriterion = list(WIDTHS[1:]), "WGANGP"
    average, judge = state(golden, "netG"), state(golden, "netD")
    other = {key: torch.zeros_like(tensor) for key, tensor in average.items()}
    torch.save({"config": settings, "netG": other, "netD": judge, "avgG": average, **beside}, path)
    monkeypatch.undo()
    return path


@pytest.mark.parametrize("case", LEVELS)
def test_pictures_and_scores_equal_the_zoos(golden: dict[str, Tensor], case: str) -> None:
    method = method_with(golden, Growth())
    with torch.no_grad():
        pictures = method.generator.draw(latents(), LEVELS[case])
        scores = method.discriminator(faces(), LEVELS[case])
    torch.testing.assert_close(pictures, golden[f"golden.{case}.pictures"], atol=5e-5, rtol=1e-5)
    torch.testing.assert_close(scores, golden[f"golden.{case}.scores"], atol=5e-5, rtol=1e-5)


@pytest.mark.parametrize("case", LEVELS)
def test_losses_equal_the_zoos(golden: dict[str, Tensor], case: str) -> None:
    """On the same latents and mixtures; its losses are sums over the batch, ours are means."""
    growth = Growth(start=8, first=0, stage=100, fade=100)
    method, step = method_with(golden, growth), Step({"image": faces()}, round(100 * (LEVELS[case] - 1)), {})
    torch.manual_seed(LOSS_SEED)
    found = {**method.discriminator_loss(step), **method.generator_loss(step)}
    wanted = {name: golden[f"golden.{case}.{name}"].squeeze() for name in ("lossD_Grad", "lossD_Epsilon", "lossG_fake")}
    wanted["D"] = (golden[f"golden.{case}.lossD_real"] + golden[f"golden.{case}.lossD_fake"]).squeeze()
    names = {
        "gradient_penalty": "lossD_Grad",
        "drift": "lossD_Epsilon",
        "generator": "lossG_fake",
        "discriminator": "D",
    }
    for ours, theirs in names.items():
        torch.testing.assert_close(found[ours].detach() * COUNT, wanted[theirs], atol=1e-4, rtol=1e-4)


def test_the_zoos_file_loads_with_its_settings_left_aside(
    golden: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = imtrans.load("pggan", weights=zoo_file(golden, tmp_path / "zoo.pth", monkeypatch), device="cpu")
    assert isinstance(generator, Generator)
    assert generator.config == NETWORK
    assert any("'avgG', the running average" in note for note in generator.notes)
    with torch.inference_mode():
        drawn = generator.network(latents())
    torch.testing.assert_close(drawn, golden["golden.full.pictures"], atol=5e-5, rtol=1e-5)


def test_nothing_else_of_the_zoo_is_trusted(
    golden: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zoo_file(golden, tmp_path / "zoo.pth", monkeypatch, tmp=sys.exit)
    with pytest.raises(UnsafeCheckpointError, match=r"sys\.exit"):
        imtrans.load("pggan", weights=path, device="cpu")


def test_a_fade_begins_with_the_old_resolution_and_ends_with_the_new(golden: dict[str, Tensor]) -> None:
    generator = method_with(golden, Growth()).generator
    small, end = generator.draw(latents(), 1.0), generator.draw(latents(), 2.0)
    begin, near = generator.draw(latents(), 1 + 1e-6), generator.draw(latents(), 2 - 1e-6)
    torch.testing.assert_close(begin, small.repeat_interleave(2, 2).repeat_interleave(2, 3), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(near, end, atol=1e-4, rtol=1e-4)


def test_what_has_not_grown_yet_is_drawn_in_full_size() -> None:
    torch.manual_seed(0)
    young = build_generator(GeneratorConfig(WIDTHS, Z_DIM, level=0.5))
    pictures = young(latents())
    assert pictures.shape == (3, 3, 16, 16)
    assert torch.equal(pictures[:, :, ::2, ::2].repeat_interleave(2, 2).repeat_interleave(2, 3), pictures)
    young.level.fill_(2.0)
    assert not torch.allclose(young(latents()), pictures)


def test_another_network_is_described(golden: dict[str, Tensor], tmp_path: Path) -> None:
    torch.save(state(golden, "netD"), tmp_path / "d.pth")
    with pytest.raises(WeightsError) as caught:
        imtrans.load("pggan", weights=tmp_path / "d.pth", device="cpu")
    assert "the discriminator of a progressive GAN" in caught.value.have


def test_pictures_of_another_size_are_refused() -> None:
    method = PGGAN(PGGANConfig(NETWORK))
    with pytest.raises(UsageError, match="judges pictures of 8x8"):
        method.discriminator(faces(), 1.0)
    with pytest.raises(UsageError, match="cannot be shrunk"):
        method.discriminator_loss(Step({"image": torch.zeros(2, 3, 10, 10)}, 0, {}))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"generator": {"widths": [8]}}, "two numbers or more"),
        ({"generator": {"z_dim": 0}}, "z_dim must be"),
        ({"generator": {"channels": 2}}, "channels must be 1"),
        ({"generator": {"level": 9.0}}, "level lies in 0..6"),
        ({"discriminator": {"widths": [8, 8]}}, "has to be 7 numbers"),
        ({"discriminator": {"widths": [0] * 7}}, "numbers of at least 1"),
        ({"growth": {"start": 512}}, "growth.start lies in 4..256"),
        ({"gradient_penalty": 0.0}, "gradient_penalty must be"),
    ],
)
def test_settings_that_make_no_sense_are_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        from_dict(PGGANConfig, values)
