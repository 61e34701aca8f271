"""How StyleGAN learns: the non-saturating loss with R1, mixed styles, at a resolution that grows."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from imtrans.nn.growing import GrowingDiscriminator
from imtrans.train.growing import GrowingMethod
from imtrans.train.losses import discriminator_loss, generator_loss, r1_penalty
from imtrans.train.method import Losses, Step
from imtrans.train.style_mixing import mixed_styles
from imtrans_stylegan.config import StyleGANConfig
from imtrans_stylegan.generator import build_generator


class StyleGAN(GrowingMethod):
    """Karras, Laine, Aila, "A Style-Based Generator Architecture for GANs", 2019, appendix C."""

    config: StyleGANConfig

    def __init__(self, config: StyleGANConfig) -> None:
        network, judge = config.generator, config.discriminator
        self.generator = build_generator(network)
        discriminator = GrowingDiscriminator(
            judge.widths or network.widths, network.channels, stddev=judge.minibatch_stddev, blurred=network.blur
        )
        super().__init__(config, self.generator, discriminator)

    def discriminator_loss(self, step: Step) -> Losses:
        """-log sigmoid D(x) - log(1 - sigmoid D(G(z))), and R1 on the real pictures."""
        level = self.grow(step.index)
        real = self.real(step, level)
        with torch.no_grad():
            fake = self._fake(step, level)
        scores = self.discriminator(real, level), self.discriminator(fake, level)
        losses = {"discriminator": discriminator_loss("vanilla", *scores)}
        if self.config.r1_gamma > 0:
            losses["r1"] = r1_penalty(lambda x: self.discriminator(x, level), real, gamma=self.config.r1_gamma)
        return losses

    def generator_loss(self, step: Step) -> Losses:
        """-log sigmoid D(G(z))."""
        level = self.grow(step.index)
        return {"generator": generator_loss("vanilla", self.discriminator(self._fake(step, level), level))}

    def _fake(self, step: Step, level: float) -> Tensor:
        """As many new pictures as there are real ones."""
        real = step.batch["image"]
        z = torch.randn(len(real), self.config.generator.z_dim, device=real.device)
        return self.generator.draw(self.mixed(z, level), level)

    def mixed(self, z: Tensor, level: float) -> Tensor:
        """Styles (N, num_ws, w_dim) of latents (N, z_dim), in most batches mixed among the layers that have grown."""
        layers = 2 * (1 + math.ceil(level))
        return mixed_styles(self.generator.mapping, z, share=self.config.style_mixing, layers=layers)
