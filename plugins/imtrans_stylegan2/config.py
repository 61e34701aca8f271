"""Settings of StyleGAN2's networks and of its training; the defaults are those of config F at 256 pixels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

CHANNEL_BASE = 32768
"""Width times resolution in the authors' full networks; half of it in their networks for 256 pixels."""
CHANNEL_MAX = 512
"""Their widest blocks."""


@dataclass(frozen=True)
class GeneratorConfig:
    """Hyper-parameters of the generator, under the names that NVIDIA's code gives them."""

    resolution: int = 256
    """Pixels a side: a power of two from 8 on."""
    channel_base: int = CHANNEL_BASE
    """A block at resolution r has channel_base / r channels, channel_max at most."""
    channel_max: int = CHANNEL_MAX
    """Channels of the widest block."""
    z_dim: int = 512
    """Numbers in a latent z."""
    w_dim: int = 512
    """Numbers in a style w."""
    c_dim: int = 0
    """Classes that pictures are drawn of, learnt from a folder a class; 0 for pictures without classes."""
    mapping_layers: int = 8
    """Layers of the mapping network: 8 in the paper, 2 in NVIDIA's automatic settings."""
    conv_clamp: float = 0.0
    """Activations are clamped to plus and minus this, 256 in networks that run in half precision; 0 for no bound."""

    def __post_init__(self) -> None:
        if self.resolution < 8 or self.resolution & (self.resolution - 1):
            raise ValueError(f"resolution must be a power of two from 8 on, not {self.resolution}")
        for name in ("channel_max", "z_dim", "w_dim", "mapping_layers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.channel_base < self.resolution:
            raise ValueError(
                f"channel_base ({self.channel_base}) must be at least the resolution ({self.resolution}),"
                " or the last block has no channels"
            )
        for name in ("c_dim", "conv_clamp"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, not {getattr(self, name)}")

    @property
    def resolutions(self) -> tuple[int, ...]:
        """Of the blocks: 4, 8, 16, ... up to the picture's."""
        return tuple(2**power for power in range(2, self.resolution.bit_length()))

    @property
    def num_ws(self) -> int:
        """Styles that a picture is made from: two a block, where the first has one convolution and the last one RGB."""
        return 2 * len(self.resolutions)

    def width(self, resolution: int) -> int:
        """Channels of the block at that resolution."""
        return min(self.channel_base // resolution, self.channel_max)


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Hyper-parameters of the discriminator; resolution and classes are the generator's."""

    channel_base: int = 0
    """As the generator's, for the discriminator; 0 for the same."""
    channel_max: int = 0
    """As the generator's, for the discriminator; 0 for the same."""
    mbstd_group: int = 4
    """Pictures over which the standard deviation of the last layer is taken, at most the batch."""
    conv_clamp: float = 0.0
    """Activations are clamped to plus and minus this; 0 for no bound."""

    def __post_init__(self) -> None:
        for name in ("channel_base", "channel_max", "conv_clamp"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, not {getattr(self, name)}")
        if self.mbstd_group < 1:
            raise ValueError(f"mbstd_group must be at least 1, not {self.mbstd_group}")


@dataclass(frozen=True)
class AugmentConfig:
    """What the discriminator is shown in place of the pictures, so that it cannot learn a small set by heart."""

    kind: Literal["none", "ada", "fixed"] = "none"
    """none; ada lets the strength follow from how sure the discriminator is; fixed keeps it at p."""
    pipe: str = "bgc"
    """Groups of transformations: b(lit), g(eometry), c(olour)."""
    p: float = 0.0
    """The probability of each transformation at the start, or for good (fixed)."""
    target: float = 0.6
    """Mean sign of the scores of real pictures that ada steers to."""
    kimg: float = 500.0
    """Thousands of pictures in which ada moves the probability by one."""
    interval: int = 4
    """Steps between two moves."""

    def __post_init__(self) -> None:
        if set(self.pipe) - set("bgc") or len(set(self.pipe)) != len(self.pipe):
            raise ValueError(f"pipe is made of the letters b, g and c, each once at most, not {self.pipe!r}")
        for name in ("p", "target"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in 0..1, not be {getattr(self, name)}")
        if self.kimg <= 0 or self.interval < 1:
            raise ValueError(f"kimg must be above 0 and interval at least 1, not {self.kimg} and {self.interval}")


@dataclass(frozen=True)
class StyleGAN2Config:
    """How StyleGAN2 learns (sections 3 and 4 of the paper, and NVIDIA's train.py)."""

    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    """The network that draws."""
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    """The network that judges."""
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    """Augmentation of what the discriminator sees."""
    r1_gamma: float = -1.0
    """Weight of R1; a negative number takes NVIDIA's rule 0.0002 resolution^2 / batch, 0 is without."""
    r1_every: int = 16
    """Steps between two computations of R1, which is so many times as strong."""
    pl_weight: float = 2.0
    """Weight of the path length regularisation; 0 is without."""
    pl_every: int = 4
    """Steps between two computations of path lengths, which are so many times as strong."""
    pl_decay: float = 0.01
    """How much of each batch the mean path length takes over."""
    pl_batch_shrink: int = 2
    """Path lengths are computed on so small a part of a batch."""
    style_mixing: float = 0.9
    """Share of batches whose pictures are made from two styles each."""
    lr: float = 0.0025
    """Learning rate of Adam: 0.002 from 1024 pixels on."""
    beta1: float = 0.0
    """Adam's decay of the first moment."""
    beta2: float = 0.99
    """Adam's decay of the second moment."""

    def __post_init__(self) -> None:
        for name in ("r1_every", "pl_every", "pl_batch_shrink"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not 0 <= self.style_mixing <= 1:
            raise ValueError(f"style_mixing must lie in 0..1, not be {self.style_mixing}")
        if not 0 < self.pl_decay <= 1:
            raise ValueError(f"pl_decay must lie above 0 and up to 1, not be {self.pl_decay}")
        base, resolution = self.discriminator.channel_base, self.generator.resolution
        if 0 < base < resolution:
            raise ValueError(f"discriminator.channel_base ({base}) must be 0 or at least the resolution ({resolution})")
        if self.pl_weight < 0:
            raise ValueError(f"pl_weight must not be negative, not {self.pl_weight}")
