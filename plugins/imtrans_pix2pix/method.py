"""How pix2pix learns: a generator against a discriminator that sees the input too, and towards the true picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from imtrans.nn.discriminators import build_discriminator
from imtrans.nn.generators import build_generator
from imtrans.nn.init import init_normal
from imtrans.train.channels import require_rgb
from imtrans.train.freezing import unfrozen
from imtrans.train.losses import discriminator_loss, generator_loss, l1_loss
from imtrans.train.method import Adam, Losses, Method, Phase, Step
from imtrans_pix2pix.config import Pix2PixConfig


class Pix2Pix(Method):
    """Isola et al., 2017: arg min_G max_D L_cGAN(G, D) + lambda L_L1(G) (equation 4).

    Networks: ``generator`` (G: input -> output), ``discriminator`` (judges input and output, concatenated).

    Raises:
        ConfigError: the networks are not for RGB pictures, which is what the data set gives.
    """

    data = "paired"

    def __init__(self, config: Pix2PixConfig) -> None:
        super().__init__(config)
        _check_channels(config)
        self.generator = build_generator(config.generator)
        self.discriminator = build_discriminator(config.discriminator)
        self.networks = nn.ModuleDict({"generator": self.generator, "discriminator": self.discriminator})
        init_normal(self.networks, std=0.02)
        self.source, self.target = config.direction.split("to")

    def phases(self) -> Sequence[Phase]:
        """The discriminator first, then the generator against what it has become, in the authors' order."""
        adam = Adam(self.config.lr, self.config.beta1, self.config.beta2)
        return (
            Phase("discriminator", (self.discriminator,), self.discriminator_loss, adam),
            Phase("generator", (self.generator,), self.generator_loss, adam),
        )

    def discriminator_loss(self, step: Step) -> Losses:
        """Equation 1 of the paper, seen from D, and halved: so it learns at half the generator's pace (section 3.3)."""
        fake = self._judge(step, self._translation(step).detach())
        real = self._judge(step, step.batch[self.target])
        return {"discriminator": 0.5 * discriminator_loss(self.config.gan_loss, real, fake)}

    def generator_loss(self, step: Step) -> Losses:
        """Equations 1 and 3 of the paper, seen from G."""
        fake = self._translation(step)
        return {
            "gan": generator_loss(self.config.gan_loss, self._judge(step, fake)),
            "l1": self.config.lambda_l1 * l1_loss(fake, step.batch[self.target]),
        }

    def _judge(self, step: Step, output: Tensor) -> Tensor:
        scores: Tensor = self.discriminator(torch.cat([step.batch[self.source], output], dim=1))
        return scores

    def _translation(self, step: Step) -> Tensor:
        """G(input), made once a step: both phases have to see what the same dropout gave.

        It is ready for the generator's gradient even though the discriminator, which asks first, learns without.
        """
        if "fake" not in step.shared:
            with unfrozen(self.generator):
                step.shared["fake"] = self.generator(step.batch[self.source])
        return step.shared["fake"]

    def preview(self, batch: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The input, its translation and the true picture."""
        # One at a time, as pictures are translated: the others of a batch would change its statistics.
        translated = torch.cat([self.generator(picture) for picture in batch[self.source].split(1)])
        title = f"{self.source} to {self.target}"
        return {self.source: batch[self.source], title: translated, self.target: batch[self.target]}

    def translators(self) -> Mapping[str, tuple[str, Any]]:
        """The generator, in the direction that it learns."""
        direction = f"{self.source}2{self.target}".lower()
        return {direction: ("generator", self.config.generator)}


def _check_channels(config: Pix2PixConfig) -> None:
    generator = config.generator
    require_rgb("pix2pix", {"generator.input_nc": generator.input_nc, "generator.output_nc": generator.output_nc})
    require_rgb("pix2pix", {"discriminator.input_nc": config.discriminator.input_nc}, pictures=2)
