"""Settings of the networks and of the training; the defaults are pytorch_GAN_zoo's for 1024 pixels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from imtrans.nn.growing_config import GrowingGeneratorConfig
from imtrans.nn.level import side
from imtrans.train.growing_config import GrowingConfig
from imtrans.train.growth import Growth


@dataclass(frozen=True)
class GeneratorConfig(GrowingGeneratorConfig):
    """Hyper-parameters of the generator."""

    lowest: ClassVar[int] = 1

    widths: tuple[int, ...] = (512, 512, 512, 512, 256, 128, 64, 32, 16)
    """Channels at 4, 8, 16, … pixels, as many as there are resolutions; a style has as many numbers as the first."""
    mapping_layers: int = 8
    """Layers of the mapping network."""
    blur: bool = False
    """Filter features after their resolution is doubled, as in the paper; the zoo's networks do not."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mapping_layers < 1:
            raise ValueError(f"mapping_layers must be at least 1, not {self.mapping_layers}")

    @property
    def w_dim(self) -> int:
        """Numbers in a style."""
        return self.widths[0]


@dataclass(frozen=True)
class StyleGANConfig(GrowingConfig):
    """How StyleGAN learns (appendix C of the paper, which the zoo follows)."""

    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    """The network that draws."""
    growth: Growth = field(default_factory=lambda: Growth(start=side(GeneratorConfig.lowest), first=96000))
    """When which resolution is trained."""
    r1_gamma: float = 10.0
    """Weight of R1, the penalty on the discriminator's gradient at real pictures; 0 for none."""
    style_mixing: float = 0.9
    """Share of batches whose pictures are made from two styles each."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.style_mixing <= 1 or self.r1_gamma < 0:
            raise ValueError("style_mixing must lie in 0..1, and r1_gamma must not be negative")
