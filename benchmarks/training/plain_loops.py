"""Training steps as the models' authors write them: eager PyTorch, contiguous NCHW, float32, nothing of imtrans.

Each loop makes its networks, initialises them as the authors do, and takes one step on one batch; it gives its losses
by the names that imtrans gives them. Where the authors of pix2pix and DCGAN let the discriminator learn first, here the
generator does, as in CycleGAN: both loops compute the fakes once, and both compute the same.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

import torch
from plain_generator import PlainGenerator
from plain_networks import NOISE, DcganDiscriminator, DcganGenerator, PlainDiscriminator, PlainUnet
from stopwatch import Stopwatch
from torch import Tensor, nn
from workloads import Workload

Losses = dict[str, Tensor]


class PlainLoop(ABC):
    """What the three loops share: two optimisers, and how one of them takes its step."""

    networks: nn.ModuleDict

    def __init__(self, networks: Mapping[str, nn.Module], device: torch.device, watch: Stopwatch) -> None:
        self.networks = nn.ModuleDict(networks).to(device)
        self.networks.apply(_initialise)
        self.device, self.watch = device, watch
        names = list(networks)
        self.generators = [self.networks[name] for name in names if name.startswith("generator")]
        self.discriminators = [self.networks[name] for name in names if name.startswith("discriminator")]
        self.optimisers = [_adam(self.generators), _adam(self.discriminators)]

    def deliver(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The batch on the device."""
        return {name: pictures.to(self.device) for name, pictures in batch.items()}

    @abstractmethod
    def step(self, batch: Mapping[str, Tensor]) -> Losses:
        """One step on a batch that is on the device."""

    def hold_discriminators(self, still: bool) -> None:
        """Compute no gradients of the discriminators' weights while the generators learn."""
        for parameter in chain.from_iterable(each.parameters() for each in self.discriminators):
            parameter.requires_grad_(not still)

    def descend(self, optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
        """One step of the optimiser."""
        optimiser.zero_grad()
        with self.watch.part("backward"):
            loss.backward()
        with self.watch.part("optimiser"):
            optimiser.step()


class PlainCycleGAN(PlainLoop):
    """Zhu et al., 2017: least squares, cycle and identity losses, pools of 50 pictures."""

    def __init__(self, workload: Workload, device: torch.device, watch: Stopwatch) -> None:
        networks = {
            "generator_ab": PlainGenerator(workload.ngf, workload.blocks),
            "generator_ba": PlainGenerator(workload.ngf, workload.blocks),
            "discriminator_a": PlainDiscriminator(3, workload.ngf, nn.InstanceNorm2d),
            "discriminator_b": PlainDiscriminator(3, workload.ngf, nn.InstanceNorm2d),
        }
        super().__init__(networks, device, watch)
        self.pools = [PlainPool(50, seed) for seed in (0, 1)]
        self.same, self.judge = nn.L1Loss(), nn.MSELoss()

    def step(self, batch: Mapping[str, Tensor]) -> Losses:
        """Both generators, then both discriminators."""
        a, b = batch["A"], batch["B"]
        generator_ab, generator_ba, discriminator_a, discriminator_b = self.networks.values()
        self.hold_discriminators(True)
        fake_b, fake_a = generator_ab(a), generator_ba(b)
        losses = {
            "gan_ab": self._verdict(discriminator_b(fake_b), 1.0),
            "gan_ba": self._verdict(discriminator_a(fake_a), 1.0),
            "cycle_a": 10 * self.same(generator_ba(fake_b), a),
            "cycle_b": 10 * self.same(generator_ab(fake_a), b),
            "identity_a": 5 * self.same(generator_ba(a), a),
            "identity_b": 5 * self.same(generator_ab(b), b),
        }
        self.descend(self.optimisers[0], _sum(losses.values()))
        self.hold_discriminators(False)
        rivals = {
            "discriminator_a": self._rival(discriminator_a, a, self.pools[0].query(fake_a.detach())),
            "discriminator_b": self._rival(discriminator_b, b, self.pools[1].query(fake_b.detach())),
        }
        self.descend(self.optimisers[1], _sum(rivals.values()))
        return losses | rivals

    def _verdict(self, scores: Tensor, wanted: float) -> Tensor:
        return self.judge(scores, torch.full_like(scores, wanted))

    def _rival(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        return 0.5 * (self._verdict(discriminator(real), 1.0) + self._verdict(discriminator(fake), 0.0))


class PlainPix2Pix(PlainLoop):
    """Isola et al., 2017: cross entropy and 100 L1, a discriminator that sees both pictures."""

    def __init__(self, workload: Workload, device: torch.device, watch: Stopwatch) -> None:
        networks = {
            "generator": PlainUnet(workload.ngf, int(math.log2(workload.size))),
            "discriminator": PlainDiscriminator(6, workload.ngf, nn.BatchNorm2d),
        }
        super().__init__(networks, device, watch)
        self.same, self.judge = nn.L1Loss(), nn.BCEWithLogitsLoss()

    def step(self, batch: Mapping[str, Tensor]) -> Losses:
        """The generator, then the discriminator."""
        a, b = batch["A"], batch["B"]
        generator, discriminator = self.networks.values()
        self.hold_discriminators(True)
        fake = generator(a)
        scores = discriminator(torch.cat([a, fake], 1))
        losses = {"gan": self.judge(scores, torch.ones_like(scores)), "l1": 100 * self.same(fake, b)}
        self.descend(self.optimisers[0], _sum(losses.values()))
        self.hold_discriminators(False)
        real = discriminator(torch.cat([a, b], 1))
        fakes = discriminator(torch.cat([a, fake.detach()], 1))
        wrong = self.judge(real, torch.ones_like(real)) + self.judge(fakes, torch.zeros_like(fakes))
        rivals = {"discriminator": 0.5 * wrong}
        self.descend(self.optimisers[1], _sum(rivals.values()))
        return losses | rivals


class PlainDCGAN(PlainLoop):
    """Radford et al., 2016: cross entropy, noise in, pictures out."""

    def __init__(self, workload: Workload, device: torch.device, watch: Stopwatch) -> None:
        networks = {"generator": DcganGenerator(workload.ngf), "discriminator": DcganDiscriminator(workload.ngf)}
        super().__init__(networks, device, watch)
        self.judge = nn.BCEWithLogitsLoss()
        self.steps = 0

    def step(self, batch: Mapping[str, Tensor]) -> Losses:
        """The generator, then the discriminator."""
        real = batch["A"]
        generator, discriminator = self.networks.values()
        self.hold_discriminators(True)
        fake = generator(noise(self.steps, len(real)).to(self.device))
        scores = discriminator(fake)
        losses = {"gan": self.judge(scores, torch.ones_like(scores))}
        self.descend(self.optimisers[0], _sum(losses.values()))
        self.hold_discriminators(False)
        scores, fakes = discriminator(real), discriminator(fake.detach())
        wrong = self.judge(scores, torch.ones_like(scores)) + self.judge(fakes, torch.zeros_like(fakes))
        self.descend(self.optimisers[1], wrong)
        self.steps += 1
        return losses | {"discriminator": wrong}


LOOPS: Mapping[str, Any] = {"cyclegan": PlainCycleGAN, "pix2pix": PlainPix2Pix, "dcgan": PlainDCGAN}


class PlainPool:
    """Up to ``size`` earlier fakes (Shrivastava et al., 2017), drawing the very numbers that imtrans' pool draws."""

    def __init__(self, size: int, seed: int) -> None:
        self.size, self.pictures = size, list[Tensor]()
        self.random = torch.Generator().manual_seed(seed)

    def query(self, pictures: Tensor) -> Tensor:
        """As many pictures back, some of them old ones once the pool is full."""
        return torch.cat([self._exchange(picture)[None] for picture in pictures])

    def _exchange(self, picture: Tensor) -> Tensor:
        if len(self.pictures) < self.size:
            self.pictures.append(picture.clone())
            return picture
        if torch.rand((), generator=self.random) < 0.5:
            return picture
        place = int(torch.randint(self.size, (), generator=self.random))
        old, self.pictures[place] = self.pictures[place], picture.clone()
        return old


def noise(step: int, count: int) -> Tensor:
    """The noise of one step, (count, 100, 1, 1): the same for everyone."""
    return torch.randn(count, NOISE, 1, 1, generator=torch.Generator().manual_seed(step))


def _initialise(layer: nn.Module) -> None:
    """N(0, 0.02^2) for convolutions, N(1, 0.02^2) for batch norms, biases of zero, as in all three papers' code."""
    if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)
    else:
        return
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def _adam(modules: Iterable[nn.Module]) -> torch.optim.Adam:
    return torch.optim.Adam(chain.from_iterable(each.parameters() for each in modules), lr=2e-4, betas=(0.5, 0.999))


def _sum(losses: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(losses)).sum()
