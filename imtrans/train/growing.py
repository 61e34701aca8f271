"""What the methods of growing GANs share: networks, levels of steps, real pictures, previews."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from torch import Tensor, nn

from imtrans.data.augmentation import Augmentation
from imtrans.data.kinds import KindName
from imtrans.data.pixels import luma
from imtrans.nn.growing import GrowingDiscriminator, at_level
from imtrans.train.growing_config import GrowingConfig
from imtrans.train.latent_samples import latent_columns
from imtrans.train.method import Adam, Losses, Method, Phase, Step
from imtrans.train.translators import GENERATES


class GrowingMethod(Method):
    """A generator and a discriminator that grow together.

    Networks: ``generator`` (z -> pictures), ``discriminator`` (pictures of a level -> raw scores). Both have all their
    layers from the start; those of resolutions to come are not run, and so do not learn.

    Args:
        config: its settings, and the plugin's own beside them.
        generator: a network with a buffer ``level``, which says how far it has grown.
        discriminator: its opponent.
    """

    data: ClassVar[KindName] = "single"
    augmentation = Augmentation(load_size=256, crop_size=256)

    config: GrowingConfig

    def __init__(self, config: GrowingConfig, generator: nn.Module, discriminator: GrowingDiscriminator) -> None:
        super().__init__(config)
        self.discriminator = discriminator
        self.networks = nn.ModuleDict({"generator": generator, "discriminator": discriminator})
        self.grow(0)

    def notes(self) -> Sequence[str]:
        """When the networks will have grown."""
        return (self.config.growth.sentence(self.config.generator.top),)

    def adam(self) -> Adam:
        """What both networks learn with."""
        return Adam(self.config.lr, self.config.beta1, self.config.beta2)

    def phases(self) -> Sequence[Phase]:
        """The discriminator, whose loss holds a gradient, then the generator."""
        generator, discriminator = self.networks["generator"], self.networks["discriminator"]
        return (
            Phase("discriminator", (discriminator,), self.discriminator_loss, self.adam(), second_order=True),
            Phase("generator", (generator,), self.generator_loss, self.adam()),
        )

    @abstractmethod
    def discriminator_loss(self, step: Step) -> Losses:
        """What the discriminator minimises at the level of the step."""

    @abstractmethod
    def generator_loss(self, step: Step) -> Losses:
        """What the generator minimises at the level of the step."""

    def grow(self, step: int) -> float:
        """The level of a step, which the generator is told, for those who look at it in between."""
        level: float = self.config.growth.level(step, self.config.generator.top)
        self.networks["generator"].get_buffer("level").fill_(level)
        return level

    def real(self, step: Step, level: float) -> Tensor:
        """The real pictures as the discriminator is to see them, with as many channels as the generator draws."""
        pictures = step.batch["image"]
        if self.config.generator.channels == 1:
            pictures = luma(pictures)
        return at_level(pictures, level)

    def preview(self, batch: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The pictures of the first seeds, the same ones at every look."""
        return latent_columns(self.networks["generator"])

    def translators(self) -> Mapping[str, tuple[str, Any]]:
        """The generator, as far as it has grown."""
        level, network = float(self.networks["generator"].get_buffer("level")), self.config.generator
        return {GENERATES: ("generator", replace(network, level=-1.0 if level == network.top else level))}
