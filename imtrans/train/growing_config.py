"""Settings of :class:`~imtrans.train.growing.GrowingMethod`; a plugin adds its own and the defaults of its authors."""

from __future__ import annotations

from dataclasses import dataclass, field

from imtrans.nn.growing_config import GrowingDiscriminatorConfig, GrowingGeneratorConfig
from imtrans.nn.level import side
from imtrans.train.growth import Growth


@dataclass(frozen=True)
class GrowingConfig:
    """Two networks that grow together, and the Adam of both."""

    generator: GrowingGeneratorConfig = field(default_factory=GrowingGeneratorConfig)
    """The network that draws."""
    discriminator: GrowingDiscriminatorConfig = field(default_factory=GrowingDiscriminatorConfig)
    """The network that judges."""
    growth: Growth = field(default_factory=Growth)
    """When which resolution is trained."""
    lr: float = 1e-3
    """Learning rate of both networks."""
    beta1: float = 0.0
    """Adam's decay of the first moment."""
    beta2: float = 0.99
    """Adam's decay of the second moment."""

    def __post_init__(self) -> None:
        generator, widths = self.generator, self.discriminator.widths
        if widths and (len(widths) != len(generator.widths) or min(widths) < 1):
            raise ValueError(
                f"discriminator.widths has to be {len(generator.widths)} numbers of at least 1, "
                f"one for each of the generator's resolutions, not {widths}"
            )
        least = side(generator.lowest)
        if not least <= self.growth.start <= generator.size:
            raise ValueError(f"growth.start lies in {least}..{generator.size}, not at {self.growth.start}")
