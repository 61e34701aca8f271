"""Settings of the networks and of the training; the defaults are pytorch_GAN_zoo's for 1024 pixels."""

from __future__ import annotations

from dataclasses import dataclass, field

from imtrans.nn.growing import LEAST, side
from imtrans.train.growth import Growth


@dataclass(frozen=True)
class GeneratorConfig:
    """Hyper-parameters of the generator."""

    widths: tuple[int, ...] = (512, 512, 512, 512, 256, 128, 64, 32, 16)
    """Channels at 4, 8, 16, … pixels, as many as there are resolutions; a style has as many numbers as the first."""
    z_dim: int = 512
    """Numbers in a latent z."""
    mapping_layers: int = 8
    """Layers of the mapping network."""
    channels: int = 3
    """1 for grey pictures, 3 for colour."""
    blur: bool = False
    """Filter features after their resolution is doubled, as in the paper; the zoo's networks do not."""
    level: float = -1.0
    """How far the network has grown, which training writes into its files: 4 pixels doubled so often, a fraction being
    the share of a resolution that is fading in; -1 for all of it."""

    def __post_init__(self) -> None:
        if len(self.widths) < 2 or min(self.widths) < 1:
            raise ValueError(f"widths are two numbers or more, each at least 1, not {self.widths}")
        if self.z_dim < 1 or self.mapping_layers < 1:
            raise ValueError(f"z_dim and mapping_layers must be at least 1, not {self.z_dim}, {self.mapping_layers}")
        if self.channels not in (1, 3):
            raise ValueError(f"channels must be 1 (grey) or 3 (colour), not {self.channels}")
        if self.level != -1 and not 1 <= self.level <= self.top:
            raise ValueError(f"level lies in 1..{self.top}, or is -1 for all, not {self.level:g}")

    @property
    def top(self) -> int:
        """The highest level."""
        return len(self.widths) - 1

    @property
    def size(self) -> int:
        """Pixels a side of the pictures."""
        return side(self.top)

    @property
    def w_dim(self) -> int:
        """Numbers in a style."""
        return self.widths[0]


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Hyper-parameters of the discriminator, which is PGGAN's; resolutions, colours and blur are the generator's."""

    widths: tuple[int, ...] = ()
    """Channels at 4, 8, 16, … pixels; empty for the generator's."""
    minibatch_stddev: bool = True
    """Whether it sees how much the pictures of a batch differ."""


@dataclass(frozen=True)
class StyleGANConfig:
    """How StyleGAN learns (appendix C of the paper, which the zoo follows)."""

    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    """The network that draws."""
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    """The network that judges."""
    growth: Growth = field(default_factory=lambda: Growth(start=2 * LEAST, first=96000))
    """When which resolution is trained."""
    r1_gamma: float = 10.0
    """Weight of R1, the penalty on the discriminator's gradient at real pictures; 0 for none."""
    style_mixing: float = 0.9
    """Share of batches whose pictures are made from two styles each."""
    lr: float = 1e-3
    """Learning rate of both networks."""
    beta1: float = 0.0
    """Adam's decay of the first moment."""
    beta2: float = 0.99
    """Adam's decay of the second moment."""

    def __post_init__(self) -> None:
        widths = self.discriminator.widths
        if widths and (len(widths) != len(self.generator.widths) or min(widths) < 1):
            raise ValueError(
                f"discriminator.widths has to be {len(self.generator.widths)} numbers of at least 1, "
                f"one for each of the generator's resolutions, not {widths}"
            )
        if not 2 * LEAST <= self.growth.start <= self.generator.size:
            raise ValueError(f"growth.start lies in {2 * LEAST}..{self.generator.size}, not at {self.growth.start}")
        if not 0 <= self.style_mixing <= 1 or self.r1_gamma < 0:
            raise ValueError("style_mixing must lie in 0..1, and r1_gamma must not be negative")
