"""The losses inside a real run: one method that uses many of them, trained, killed and resumed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from imtrans.card import Card, Ref
from imtrans.nn import InstanceNorm2d
from imtrans.nn.spectral_norm import spectral_norm
from imtrans.train.diff_augment import diff_augment
from imtrans.train.loop import Trainer
from imtrans.train.losses import (
    PathLength,
    discriminator_loss,
    feature_matching_loss,
    generator_loss,
    gradient_penalty,
    l1_loss,
    predictions,
    r1_penalty,
    total_variation,
)
from imtrans.train.method import Losses, Method, Phase, Step
from imtrans.train.observer import Observer

from .toys import assert_equal, everything

Make = Callable[..., Trainer]


@dataclass(frozen=True)
class NetworkConfig:
    """Settings of :class:`Generator`."""

    width: int = 4


@dataclass(frozen=True)
class Config:
    """Settings of :class:`Everything`."""

    network: NetworkConfig = field(default_factory=NetworkConfig)


class Generator(nn.Module):
    """Two convolutions around the fused norm."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.into = nn.Conv2d(3, config.width, 3, padding=1)
        self.norm = InstanceNorm2d(config.width, affine=True, activation="relu")
        self.out = nn.Conv2d(config.width, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.out(self.norm(self.into(x))))


class Discriminator(nn.Module):
    """Two scales, each with an inner map and its scores, under spectral norm."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.ModuleList(spectral_norm(nn.Conv2d(3, 4, 3)) for _ in range(2))
        self.norms = nn.ModuleList(InstanceNorm2d(4, activation="leaky_relu") for _ in range(2))
        self.score = nn.ModuleList(spectral_norm(nn.Conv2d(4, 1, 2)) for _ in range(2))

    def forward(self, x: Tensor) -> list[list[Tensor]]:
        scales = []
        for inner, norm, score in zip(self.inner, self.norms, self.score, strict=True):
            found = norm(inner(x))
            scales.append([found, score(found)])
            x = nn.functional.avg_pool2d(x, 2)
        return scales


class Everything(Method):
    """Hinge loss at two scales, spectral norm, lazy R1 and path length, WGAN-GP, augmentation, feature matching."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.generator, self.discriminator = Generator(config.network), Discriminator()
        self.path_length = PathLength(every=2)
        self.networks = nn.ModuleDict(
            {"generator": self.generator, "discriminator": self.discriminator, "path_length": self.path_length}
        )

    def phases(self) -> Sequence[Phase]:
        return (
            Phase("generator", (self.generator,), self.generator_loss),
            Phase("discriminator", (self.discriminator,), self.discriminator_loss),
        )

    def judge(self, pictures: Tensor) -> list[Tensor]:
        return predictions(self.discriminator(pictures))

    def generator_loss(self, step: Step) -> Losses:
        a, b = step.batch["A"], step.batch["B"]
        fake = self.generator(a)
        step.shared["fake"] = fake.detach()
        seen_fake, seen_real = self.discriminator(diff_augment(fake)), self.discriminator(diff_augment(b))
        losses = {
            "gan": generator_loss("hinge", predictions(seen_fake), scales="mean"),
            "features": feature_matching_loss(seen_fake, seen_real),
            "identity": l1_loss(self.generator(b), b),
            "smooth": 0.1 * total_variation(fake),
        }
        if step.index % 2 == 0:
            start = a.detach().flatten(2).requires_grad_()
            losses["path"] = 0.01 * self.path_length(self.generator(start.view_as(a)), start)
        return losses

    def discriminator_loss(self, step: Step) -> Losses:
        real, fake = step.batch["B"], step.shared["fake"]
        losses = {
            "judge": discriminator_loss(
                "hinge", self.judge(diff_augment(real)), self.judge(diff_augment(fake)), scales="mean"
            ),
            "gp": gradient_penalty(self.judge, real, fake, weight=0.1),
        }
        if step.index % 4 == 0:
            losses["r1"] = r1_penalty(self.judge, real, gamma=0.1, every=4)
        return losses

    def preview(self, batch: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return {"A": batch["A"], "B": self.generator(batch["A"])}

    def translators(self) -> Mapping[str, tuple[str, Any]]:
        return {"a2b": ("generator", self.config.network)}


def recognise(shapes: Mapping[str, tuple[int, ...]]) -> NetworkConfig | None:
    """By the generator's first weight."""
    return NetworkConfig(shapes["into.weight"][0]) if "into.weight" in shapes else None


CARD = Card(
    name="everything",
    summary="uses many losses",
    network_config=Ref(f"{__name__}:NetworkConfig"),
    build=Ref(f"{__name__}:Generator"),
    recognise=Ref(f"{__name__}:recognise"),
    method=Ref(f"{__name__}:Everything"),
    method_config=Ref(f"{__name__}:Config"),
)
SETTINGS = ("train.steps=6", "train.checkpoint_every=3", "train.log_every=1")


class KilledError(Exception):
    """Stands for the end of the process."""


class Killer(Observer):
    """Ends the run after the fifth step, two steps after its last checkpoint."""

    def step(self, step: int) -> None:
        if step == 5:
            raise KilledError


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_resuming_is_exact_with_every_state_that_the_losses_have(trainer: Make, dtype: torch.dtype) -> None:
    straight = trainer(*SETTINGS, card=CARD, dtype=dtype, name="straight")
    assert straight.fit()
    broken = trainer(*SETTINGS, card=CARD, dtype=dtype, name="broken")
    with pytest.raises(KilledError):
        broken.fit(Killer())
    torch.manual_seed(77)
    resumed = trainer(*SETTINGS, card=CARD, dtype=dtype, name="broken", resume=True)
    assert resumed.step == 3
    assert resumed.method.path_length.mean.item() > 0
    before = resumed.method.discriminator.inner[0].state_dict()["weight_u"].clone()
    assert resumed.fit()
    assert not torch.equal(before, resumed.method.discriminator.inner[0].state_dict()["weight_u"])
    assert_equal(everything(straight), everything(resumed))


def test_checkpoints_hold_the_authors_keys(trainer: Make) -> None:
    run = trainer("train.steps=1", card=CARD)
    run.fit()
    keys = run.method.networks["discriminator"].state_dict()
    assert {"inner.0.weight_orig", "inner.0.weight_u", "inner.0.weight_v", "inner.0.bias"} < keys.keys()
