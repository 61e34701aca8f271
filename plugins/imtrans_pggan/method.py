"""How PGGAN learns: a Wasserstein critic with gradient penalty, at a resolution that grows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from imtrans.data.augmentation import Augmentation
from imtrans.data.kinds import KindName
from imtrans.nn.growing import GrowingDiscriminator, at_level
from imtrans.train.latent_samples import latent_columns
from imtrans.train.losses import discriminator_loss, drift_penalty, generator_loss, gradient_penalty
from imtrans.train.method import Adam, Losses, Method, Phase, Step
from imtrans.train.translators import GENERATES
from imtrans_pggan.config import PGGANConfig
from imtrans_pggan.generator import build_generator

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


class PGGAN(Method):
    """Karras et al., "Progressive Growing of GANs", 2018.

    Networks: ``generator`` (z -> pictures), ``discriminator`` (pictures of a level -> raw scores). Both have all their
    layers from the start; those of resolutions to come are not run, and so do not learn.
    """

    data: ClassVar[KindName] = "single"
    augmentation = Augmentation(load_size=256, crop_size=256)

    def __init__(self, config: PGGANConfig) -> None:
        super().__init__(config)
        network = config.generator
        self.generator = build_generator(network)
        self.discriminator = GrowingDiscriminator(
            config.discriminator.widths or network.widths,
            network.channels,
            stddev=config.discriminator.minibatch_stddev,
        )
        self.networks = nn.ModuleDict({"generator": self.generator, "discriminator": self.discriminator})
        self._grow(0)

    def notes(self) -> Sequence[str]:
        """When the networks will have grown."""
        return (self.config.growth.sentence(self.config.generator.top),)

    def phases(self) -> Sequence[Phase]:
        """The critic, then the generator."""
        adam = Adam(self.config.lr, self.config.beta1, self.config.beta2)
        return (
            Phase("discriminator", (self.discriminator,), self.discriminator_loss, adam, second_order=True),
            Phase("generator", (self.generator,), self.generator_loss, adam),
        )

    def discriminator_loss(self, step: Step) -> Losses:
        """E D(G(z)) - E D(x), the penalty on the gradient between both, and the drift of D(x)."""
        config, level = self.config, self._grow(step.index)
        real = at_level(self._real(step), level)
        with torch.no_grad():
            fake = self._fake(step, level)
        real_scores = self.discriminator(real, level)
        return {
            "discriminator": discriminator_loss("wgan", real_scores, self.discriminator(fake, level)),
            "gradient_penalty": gradient_penalty(
                lambda pictures: self.discriminator(pictures, level), real, fake, weight=config.gradient_penalty
            ),
            "drift": drift_penalty(real_scores, weight=config.drift),
        }

    def generator_loss(self, step: Step) -> Losses:
        """-E D(G(z))."""
        level = self._grow(step.index)
        return {"generator": generator_loss("wgan", self.discriminator(self._fake(step, level), level))}

    def _grow(self, step: int) -> float:
        """The level of a step, which the generator is told, for those who look at it in between."""
        level: float = self.config.growth.level(step, self.config.generator.top)
        self.generator.level.fill_(level)
        return level

    def _fake(self, step: Step, level: float) -> Tensor:
        """As many new pictures as there are real ones."""
        real = step.batch["image"]
        return self.generator.draw(torch.randn(len(real), self.config.generator.z_dim, device=real.device), level)

    def _real(self, step: Step) -> Tensor:
        """The real pictures with as many channels as the generator draws."""
        pictures = step.batch["image"]
        if self.config.generator.channels == 3:
            return pictures
        return (pictures * pictures.new_tensor(_LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)

    def preview(self, batch: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The pictures of the first seeds, the same ones at every look."""
        return latent_columns(self.generator)

    def translators(self) -> Mapping[str, tuple[str, Any]]:
        """The generator, as far as it has grown."""
        level, network = float(self.generator.level), self.config.generator
        grown = replace(network, level=-1.0 if level == network.top else level)
        return {GENERATES: ("generator", grown)}
