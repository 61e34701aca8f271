"""Settings of the networks and of the training; the defaults are pytorch_GAN_zoo's for 256 pixels."""

from __future__ import annotations

from dataclasses import dataclass, field

from imtrans.nn.growing import side
from imtrans.train.growth import Growth


@dataclass(frozen=True)
class GeneratorConfig:
    """Hyper-parameters of the generator."""

    widths: tuple[int, ...] = (512, 512, 512, 512, 256, 128, 64)
    """Channels at 4, 8, 16, … pixels; as many as there are resolutions, so seven draw 256 pixels."""
    z_dim: int = 512
    """Numbers in a latent vector."""
    channels: int = 3
    """1 for grey pictures, 3 for colour."""
    level: float = -1.0
    """How far the network has grown, which training writes into its files: 4 pixels doubled so often, a fraction being
    the share of a resolution that is fading in; -1 for all of it."""

    def __post_init__(self) -> None:
        if len(self.widths) < 2 or min(self.widths) < 1:
            raise ValueError(f"widths are two numbers or more, each at least 1, not {self.widths}")
        if self.z_dim < 1:
            raise ValueError(f"z_dim must be at least 1, not {self.z_dim}")
        if self.channels not in (1, 3):
            raise ValueError(f"channels must be 1 (grey) or 3 (colour), not {self.channels}")
        if self.level != -1 and not 0 <= self.level <= self.top:
            raise ValueError(f"level lies in 0..{self.top}, or is -1 for all, not {self.level:g}")

    @property
    def top(self) -> int:
        """The highest level."""
        return len(self.widths) - 1

    @property
    def size(self) -> int:
        """Pixels a side of the pictures."""
        return side(self.top)


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Hyper-parameters of the discriminator; resolutions and channels of the pictures are the generator's."""

    widths: tuple[int, ...] = ()
    """Channels at 4, 8, 16, … pixels; empty for the generator's."""
    minibatch_stddev: bool = True
    """Whether it sees how much the pictures of a batch differ."""


@dataclass(frozen=True)
class PGGANConfig:
    """How PGGAN learns (appendix A.1 of the paper)."""

    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    """The network that draws."""
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    """The network that judges."""
    growth: Growth = field(default_factory=Growth)
    """When which resolution is trained."""
    gradient_penalty: float = 10.0
    """Weight of WGAN-GP's penalty on the critic's gradient."""
    drift: float = 1e-3
    """Weight of the penalty on the critic's scores of real pictures."""
    lr: float = 1e-3
    """Learning rate of both networks."""
    beta1: float = 0.0
    """Adam's decay of the first moment."""
    beta2: float = 0.99
    """Adam's decay of the second moment."""

    def __post_init__(self) -> None:
        if self.discriminator.widths and len(self.discriminator.widths) != len(self.generator.widths):
            raise ValueError(
                f"discriminator.widths has {len(self.discriminator.widths)} numbers and generator.widths "
                f"{len(self.generator.widths)}: one each for every resolution"
            )
        if self.discriminator.widths and min(self.discriminator.widths) < 1:
            raise ValueError("discriminator.widths must be at least 1 each")
        if self.growth.start > self.generator.size:
            raise ValueError(
                f"growth.start ({self.growth.start}) is more than the {self.generator.size} pixels to come"
            )
        if self.gradient_penalty <= 0 or self.drift < 0:
            raise ValueError("gradient_penalty must be above 0, and drift must not be negative")
