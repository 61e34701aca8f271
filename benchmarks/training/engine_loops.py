"""The same training steps on imtrans' engine: a method that says who learns from what, and the loop that trains it."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from plain_loops import noise
from plain_networks import DcganDiscriminator, DcganGenerator
from stopwatch import Stopwatch
from torch import Tensor, nn
from workloads import Workload

from imtrans.card import Card, Ref
from imtrans.data.augmentation import Augmentation
from imtrans.data.unpaired import UnpairedFolders
from imtrans.nn.discriminators import build_discriminator
from imtrans.nn.generators import build_generator
from imtrans.registry import find
from imtrans.train.config import TrainConfig
from imtrans.train.engine import Engine
from imtrans.train.loop import Trainer
from imtrans.train.losses import discriminator_loss, generator_loss, l1_loss
from imtrans.train.method import Adam, Losses, Method, Phase, Step
from imtrans.train.run import RunFolder
from imtrans.train.settings import RunConfig
from imtrans_cyclegan.config import CycleGANConfig, DiscriminatorConfig, GeneratorConfig

ADAM = Adam(lr=2e-4, beta1=0.5, beta2=0.999)
FOREVER = 10**9
"""Steps of a run that is stopped when enough has been measured."""


@dataclass(frozen=True)
class Widths:
    """The configuration of the two methods below."""

    size: int = 256
    ngf: int = 64


class TwoNetworks(Method):
    """A generator and a discriminator that learn in turns."""

    def __init__(self, config: Widths, generator: nn.Module, discriminator: nn.Module) -> None:
        super().__init__(config)
        self.generator, self.discriminator = generator, discriminator
        self.networks = nn.ModuleDict({"generator": generator, "discriminator": discriminator})

    def phases(self) -> Sequence[Phase]:
        """The generator first, then the discriminator on the fakes that it made."""
        return (
            Phase("generator", (self.generator,), self.generator_loss, ADAM),
            Phase("discriminator", (self.discriminator,), self.discriminator_loss, ADAM),
        )

    @abstractmethod
    def generator_loss(self, step: Step) -> Losses:
        """What the generator minimises."""

    @abstractmethod
    def discriminator_loss(self, step: Step) -> Losses:
        """What the discriminator minimises."""

    def preview(self, batch: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Nothing: nobody looks at these runs."""
        return {}

    def translators(self) -> Mapping[str, tuple[str, Any]]:
        """None: nothing of these runs is kept."""
        return {}


class Pix2Pix(TwoNetworks):
    """Isola et al., 2017, on the networks of the CycleGAN plugin."""

    def __init__(self, config: Widths) -> None:
        downs = int(math.log2(config.size))
        generator = GeneratorConfig("unet", ngf=config.ngf, downs=downs, norm="batch")
        discriminator = DiscriminatorConfig(input_nc=6, ndf=config.ngf, norm="batch")
        super().__init__(config, build_generator(generator), build_discriminator(discriminator))

    def generator_loss(self, step: Step) -> Losses:
        """Equation 4 of the paper, seen from the generator."""
        a, b = step.batch["A"], step.batch["B"]
        fake = self.generator(a)
        step.shared["fake"] = fake.detach()
        scores = self.discriminator(torch.cat([a, fake], 1))
        return {"gan": generator_loss("vanilla", scores), "l1": 100 * l1_loss(fake, b)}

    def discriminator_loss(self, step: Step) -> Losses:
        """Equation 1 of the paper, halved as its section 3.3 says."""
        a, b = step.batch["A"], step.batch["B"]
        real = self.discriminator(torch.cat([a, b], 1))
        fake = self.discriminator(torch.cat([a, step.shared["fake"]], 1))
        return {"discriminator": 0.5 * discriminator_loss("vanilla", real, fake)}


class DCGAN(TwoNetworks):
    """Radford et al., 2016."""

    def __init__(self, config: Widths) -> None:
        super().__init__(config, DcganGenerator(config.ngf), DcganDiscriminator(config.ngf))

    def generator_loss(self, step: Step) -> Losses:
        """The non-saturating cross entropy."""
        real = step.batch["A"]
        fake = self.generator(noise(step.index, len(real)).to(real.device))
        step.shared["fake"] = fake.detach()
        return {"gan": generator_loss("vanilla", self.discriminator(fake))}

    def discriminator_loss(self, step: Step) -> Losses:
        """The cross entropy."""
        real, fake = self.discriminator(step.batch["A"]), self.discriminator(step.shared["fake"])
        return {"discriminator": discriminator_loss("vanilla", real, fake)}


def _card(name: str) -> Card:
    """A card for a method of this file, of which only the method counts."""
    cyclegan = find("cyclegan")
    return Card(
        name=name.lower(),
        summary="a benchmark",
        network_config=cyclegan.network_config,
        build=cyclegan.build,
        recognise=cyclegan.recognise,
        method=Ref(f"{__name__}:{name}"),
        method_config=Ref(f"{__name__}:Widths"),
    )


def _card_and_config(workload: Workload) -> tuple[Card, Any]:
    if workload.model == "cyclegan":
        generator = GeneratorConfig(ngf=workload.ngf, blocks=workload.blocks)
        return find("cyclegan"), CycleGANConfig(generator, DiscriminatorConfig(ndf=workload.ngf))
    return _card({"pix2pix": "Pix2Pix", "dcgan": "DCGAN"}[workload.model]), Widths(workload.size, workload.ngf)


class TimedEngine(Engine):
    """The engine, with an eye on its clock."""

    def __init__(self, device: torch.device, dtype: torch.dtype, watch: Stopwatch) -> None:
        super().__init__(device, dtype)
        self._watch = watch

    def backward(self, loss: Tensor) -> None:
        """See :meth:`Engine.backward`."""
        with self._watch.part("backward"):
            super().backward(loss)

    def step(self, optimiser: torch.optim.Optimizer) -> None:
        """See :meth:`Engine.step`."""
        with self._watch.part("optimiser"):
            super().step(optimiser)


def make_trainer(
    workload: Workload,
    dataset: UnpairedFolders,
    device: torch.device,
    dtype: torch.dtype,
    watch: Stopwatch,
    *,
    workers: int,
    compiled: bool = False,
) -> Trainer:
    """The trainer that ``imtrans train`` would make for this workload, with a learning rate that stays.

    Only fused operators count as ours, so a network that falls back on plain PyTorch is no contestant.
    """
    card, config = _card_and_config(workload)
    train = TrainConfig(
        steps=FOREVER,
        batch_size=workload.batch,
        schedule="constant",
        backend="fused",
        workers=workers,
        compile=compiled,
    )
    settings = RunConfig(card.name, "", train, Augmentation(workload.size, workload.size), config)
    engine = TimedEngine(device, dtype, watch)
    return Trainer(card, settings, RunFolder(Path("unused")), dataset, {}, device, dtype, engine=engine)
