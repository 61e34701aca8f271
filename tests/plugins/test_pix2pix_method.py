"""pix2pix's losses and training steps are the authors', by the numbers of their own code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from golden.make import dropout_with, texture
from safetensors import safe_open
from torch import Tensor, nn

from imtrans.errors import ConfigError
from imtrans.train.freezing import learning_only
from imtrans.train.learning import learn
from imtrans.train.method import Step
from imtrans.train.optimise import make_optimiser
from imtrans_pix2pix.config import DiscriminatorConfig, GeneratorConfig, Pix2PixConfig
from imtrans_pix2pix.method import Pix2Pix

GOLDEN = Path(__file__).parent / "golden"
SMALL: dict[str, Any] = {
    "generator": GeneratorConfig(downs=5, ngf=2),
    "discriminator": DiscriminatorConfig(ndf=2, layers=1),
}


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def pairs(count: int = 2, side: int = 32) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(5)
    return {name: torch.rand(count, 3, side, side, generator=random) * 2 - 1 for name in "AB"}


# --- against the authors --------------------------------------------------------------------------------------------


class Golden:
    """Weights at the start, dropout and losses of a few training steps, by the authors' code in float64."""

    def __init__(self, name: str) -> None:
        with safe_open(GOLDEN / f"pix2pix-training-{name}.safetensors", "pt") as file:
            self.case: dict[str, Any] = json.loads(file.metadata()["case"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        rows = tensors.pop("golden.losses").tolist()
        self.losses = [dict(zip(self.case["losses"], row, strict=True)) for row in rows]
        self.masks = [tensors.pop(key) for key in sorted(tensors) if key.startswith("golden.mask")]
        self.tensors = tensors

    def method(self) -> Pix2Pix:
        case, unet = self.case, self.case["netG"] == "unet_128"
        config = Pix2PixConfig(
            GeneratorConfig(kind="unet" if unet else "resnet", downs=7, blocks=6, ngf=case["ngf"], norm=case["norm"]),
            DiscriminatorConfig(ndf=case["ndf"], norm=case["norm"]),
            direction=case["direction"],
            gan_loss=case["gan_mode"],
            lambda_l1=case["lambda_L1"],
            lr=case["lr"],
            beta1=case["beta1"],
        )
        method = Pix2Pix(config)
        for letter, network in (("G.", method.generator), ("D.", method.discriminator)):
            network.load_state_dict(
                {key.removeprefix(letter): value for key, value in self.tensors.items() if key.startswith(letter)}
            )
        return method

    def step(self, index: int, dtype: torch.dtype) -> Step:
        a = texture(self.case["size"], self.case["size"]).to(dtype)
        return Step({"A": a, "B": a.mT.flip(3)}, index, {})


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-4)], ids=str)
@pytest.mark.parametrize("name", ["vanilla", "lsgan"])
def test_three_steps_have_the_authors_losses(name: str, dtype: torch.dtype, tolerance: float) -> None:
    """Later steps depend on all that came before: order of the phases, gradients, optimisers and dropout."""
    golden = Golden(name)
    method = golden.method()
    method.networks.to(dtype).train()
    optimisers = {phase.name: make_optimiser(phase) for phase in method.phases()}
    with dropout_with(golden.masks):
        for index, theirs in enumerate(golden.losses):
            step, losses = golden.step(index, dtype), {}
            for phase in method.phases():
                optimisers[phase.name].zero_grad()
                with learning_only(method.networks, phase):
                    found = phase.loss(step)
                    torch.stack(list(found.values())).sum().backward()
                optimisers[phase.name].step()
                losses |= {key: loss.item() for key, loss in found.items()}
            expected = {
                "discriminator": (theirs["D_real"] + theirs["D_fake"]) / 2,
                "gan": theirs["G_GAN"],
                "l1": theirs["G_L1"],
            }
            # To 1e-4 each: relative for L1, which has a weight of 100, and about absolute for the others.
            assert losses == pytest.approx(expected, rel=tolerance, abs=tolerance)


# --- phases ---------------------------------------------------------------------------------------------------------


class Counting(nn.Module):
    """A generator that counts its forward passes."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.passes = inner, 0

    def forward(self, x: Tensor) -> Tensor:
        self.passes += 1
        out: Tensor = self.inner(x)
        return out


def test_both_phases_see_one_translation() -> None:
    method = Pix2Pix(Pix2PixConfig(**SMALL))
    method.generator = Counting(method.generator)
    method.networks["generator"] = method.generator
    step = Step(pairs(), 0, {})
    for phase in method.phases():
        with learning_only(method.networks, phase):
            sum(phase.loss(step).values(), torch.zeros(())).backward()
        learning = {id(parameter) for module in phase.learns for parameter in module.parameters()}
        for parameter in method.networks.parameters():
            assert (parameter.grad is not None) == (id(parameter) in learning)
            parameter.grad = None
    assert method.generator.passes == 1


def test_portions_of_a_batch_learn_each_from_their_own(tmp_path: Path) -> None:
    from imtrans.train.config import TrainConfig
    from imtrans.train.engine import Engine

    method = Pix2Pix(Pix2PixConfig(GeneratorConfig(downs=5, ngf=2, norm="none"), SMALL["discriminator"]))
    whole = pairs(2)
    portions = [Step({name: each[i : i + 1] for name, each in whole.items()}, 0, {}) for i in range(2)]
    engine = Engine(torch.device("cpu"))
    for phase in method.phases():
        losses = learn(phase, make_optimiser(phase), portions, method.networks, engine, TrainConfig(), 10)
        assert all(loss.isfinite() for loss in losses.values())


@pytest.mark.parametrize(("direction", "source", "target"), [("AtoB", "A", "B"), ("BtoA", "B", "A")])
def test_the_direction_says_what_the_generator_sees(direction: Any, source: str, target: str) -> None:
    method = Pix2Pix(Pix2PixConfig(**SMALL, direction=direction, lambda_l1=1))
    batch = pairs()
    step = Step(batch, 0, {})
    method.networks.train()
    torch.manual_seed(3)
    losses = method.generator_loss(step)
    torch.manual_seed(3)
    fake = method.generator(batch[source])
    torch.testing.assert_close(losses["l1"], (fake - batch[target]).abs().mean())
    assert list(method.translators()) == [f"{source}2{target}".lower()]
    method.networks.eval()
    columns = method.preview(batch)
    assert list(columns) == [source, f"{source} to {target}", target]
    assert columns[target] is batch[target]


def test_the_preview_translates_one_picture_at_a_time() -> None:
    method = Pix2Pix(Pix2PixConfig(GeneratorConfig(downs=5, ngf=2, dropout=False), SMALL["discriminator"]))
    batch = pairs(2)
    alone = method.preview({name: each[:1] for name, each in batch.items()})["A to B"]
    assert method.preview(batch)["A to B"][:1].equal(alone)


def test_the_paper_s_settings() -> None:
    """Section 6.2: vanilla, lambda 100, Adam at 0.0002 with beta1 0.5, no pool, batch norm, U-Net with dropout."""
    config = Pix2PixConfig()
    assert (config.gan_loss, config.lambda_l1, config.direction) == ("vanilla", 100.0, "AtoB")
    assert (config.generator.kind, config.generator.downs, config.generator.norm) == ("unet", 8, "batch")
    assert config.generator.dropout
    method = Pix2Pix(Pix2PixConfig(**SMALL))
    assert method.pool_sizes() == {}
    assert [phase.name for phase in method.phases()] == ["discriminator", "generator"]
    for phase in method.phases():
        assert (phase.optimiser.lr, phase.optimiser.beta1, phase.optimiser.beta2) == (2e-4, 0.5, 0.999)
    assert (Pix2Pix.augmentation.load_size, Pix2Pix.augmentation.crop_size) == (286, 256)


@pytest.mark.parametrize(
    ("config", "key"),
    [
        ({"generator": GeneratorConfig(input_nc=1)}, "generator.input_nc is 1"),
        ({"generator": GeneratorConfig(output_nc=1)}, "generator.output_nc is 1"),
        ({"discriminator": DiscriminatorConfig(input_nc=3)}, "discriminator.input_nc is 3"),
    ],
)
def test_other_channels_are_refused(config: dict[str, Any], key: str) -> None:
    with torch.device("meta"), pytest.raises(ConfigError, match=key) as caught:
        Pix2Pix(Pix2PixConfig(**config))
    assert "Leave" in caught.value.hint


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="lambda_l1 must not be negative"):
        Pix2PixConfig(lambda_l1=-1)
