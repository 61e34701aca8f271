"""How PGGAN learns: a Wasserstein critic with gradient penalty, at a resolution that grows."""

from __future__ import annotations

import torch
from torch import Tensor

from imtrans.nn.growing import GrowingDiscriminator
from imtrans.train.growing import GrowingMethod
from imtrans.train.losses import discriminator_loss, drift_penalty, generator_loss, gradient_penalty
from imtrans.train.method import Losses, Step
from imtrans_pggan.config import PGGANConfig
from imtrans_pggan.generator import build_generator


class PGGAN(GrowingMethod):
    """Karras et al., "Progressive Growing of GANs", 2018, appendix A.1."""

    config: PGGANConfig

    def __init__(self, config: PGGANConfig) -> None:
        network, judge = config.generator, config.discriminator
        self.generator = build_generator(network)
        discriminator = GrowingDiscriminator(
            judge.widths or network.widths, network.channels, stddev=judge.minibatch_stddev
        )
        super().__init__(config, self.generator, discriminator)

    def discriminator_loss(self, step: Step) -> Losses:
        """E D(G(z)) - E D(x), the penalty on the gradient between both, and the drift of D(x)."""
        config, level = self.config, self.grow(step.index)
        real = self.real(step, level)
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
        level = self.grow(step.index)
        return {"generator": generator_loss("wgan", self.discriminator(self._fake(step, level), level))}

    def _fake(self, step: Step, level: float) -> Tensor:
        """As many new pictures as there are real ones."""
        real = step.batch["image"]
        return self.generator.draw(torch.randn(len(real), self.config.generator.z_dim, device=real.device), level)
