"""How all variants learn: a generator against a discriminator, which may be a critic and may see the class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from imtrans.data.augmentation import Augmentation
from imtrans.data.kinds import KindName
from imtrans.data.pixels import luma
from imtrans.errors import ConfigError
from imtrans.nn.init import init_normal
from imtrans.train.latent_samples import latent_columns
from imtrans.train.losses import clip_weights, discriminator_loss, generator_loss, gradient_penalty
from imtrans.train.method import Adam, Losses, Method, Optimiser, Phase, RMSprop, Step
from imtrans.train.translators import GENERATES
from imtrans_gan.config import CDCGANConfig, CGANConfig, ConvGeneratorConfig, DCGANConfig, GANConfig, WGANGPConfig
from imtrans_gan.discriminators import build_discriminator
from imtrans_gan.generators import build_generator

Config = GANConfig | CGANConfig | DCGANConfig | CDCGANConfig | WGANGPConfig


class GAN(Method):
    """Goodfellow et al., "Generative Adversarial Nets", 2014, and its descendants, by settings.

    Networks: ``generator`` (z -> pictures), ``discriminator`` (pictures -> raw scores).

    Raises:
        ConfigError: the generator has classes, which data without labels cannot teach it.
    """

    data: ClassVar[KindName] = "single"
    augmentation = Augmentation(load_size=64, crop_size=64)

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if config.generator.classes and self.data == "single":
            raise ConfigError(
                f"generator.classes is {config.generator.classes}, and this model learns from pictures without labels.",
                hint="Train cgan or cdcgan, or leave generator.classes away.",
            )
        self.generator = build_generator(config.generator)
        self.discriminator = build_discriminator(config.discriminator, config.generator)
        self.networks = nn.ModuleDict({"generator": self.generator, "discriminator": self.discriminator})
        if isinstance(config.generator, ConvGeneratorConfig):
            init_normal(self.networks, std=0.02)  # section 3 of the DCGAN paper

    def phases(self) -> Sequence[Phase]:
        """The discriminator, as often as ``critics`` says, then the generator."""
        config = self.config
        return (
            Phase(
                "discriminator",
                (self.discriminator,),
                self.discriminator_loss,
                self._optimiser(),
                repeat=config.critics,
                fresh=True,
                second_order=config.gradient_penalty > 0,
                after=self._clip if config.clip else None,
            ),
            Phase("generator", (self.generator,), self.generator_loss, self._optimiser()),
        )

    def _optimiser(self) -> Optimiser:
        config = self.config
        return RMSprop(config.lr) if config.optimiser == "rmsprop" else Adam(config.lr, config.beta1, config.beta2)

    def _clip(self) -> None:
        clip_weights(self.discriminator, self.config.clip)

    def discriminator_loss(self, step: Step) -> Losses:
        """Equation 1 of the GAN paper seen from D, or what ``loss`` puts in its place, and the gradient penalty."""
        config = self.config
        real = self._real(step)
        with torch.no_grad():
            fake = self._fake(step)
        losses = {
            "discriminator": discriminator_loss(
                config.loss, self._judge(step, real), self._judge(step, fake), real_label=config.real_label
            )
        }
        if config.gradient_penalty:
            losses["gradient_penalty"] = gradient_penalty(
                lambda pictures: self._judge(step, pictures), real, fake, weight=config.gradient_penalty
            )
        return losses

    def generator_loss(self, step: Step) -> Losses:
        """How far the discriminator is from taking new fakes for real."""
        return {"generator": generator_loss(self.config.loss, self._judge(step, self._fake(step)))}

    def _fake(self, step: Step) -> Tensor:
        """New pictures, as many and of the same classes as the real ones."""
        real = step.batch["image"]
        z = torch.randn(len(real), self.config.generator.z_dim, device=real.device)
        pictures: Tensor = self.generator(z, self._labels(step))
        return pictures

    def _judge(self, step: Step, pictures: Tensor) -> Tensor:
        scores: Tensor = self.discriminator(pictures, self._labels(step))
        return scores

    def _real(self, step: Step) -> Tensor:
        """The real pictures with as many channels as the generator draws."""
        pictures = step.batch["image"]
        return pictures if self.config.generator.channels == 3 else luma(pictures)

    def _labels(self, step: Step) -> Tensor | None:
        return None

    def preview(self, batch: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The pictures of the first seeds, the same ones at every look."""
        return latent_columns(self.generator)

    def translators(self) -> Mapping[str, tuple[str, Any]]:
        """The generator."""
        return {GENERATES: ("generator", self.config.generator)}


class ConditionalGAN(GAN):
    """Mirza and Osindero, "Conditional Generative Adversarial Nets", 2014: both networks are told the class.

    Fakes have the classes of the real pictures beside them, so that the discriminator learns nothing from how often a
    class occurs.
    """

    data = "classes"

    @classmethod
    def classes(cls, config: CGANConfig | CDCGANConfig) -> int | None:
        """As many as the generator has room for."""
        return config.generator.classes

    def _labels(self, step: Step) -> Tensor | None:
        return step.batch["labels"]
