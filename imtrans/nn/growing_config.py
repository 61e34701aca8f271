"""Settings of networks that grow; a plugin adds its own and the defaults of its authors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imtrans.nn.level import side


@dataclass(frozen=True)
class GrowingGeneratorConfig:
    """Hyper-parameters of a generator that grows."""

    lowest: ClassVar[int] = 0
    """The level that it starts from at the least."""

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
        if self.level != -1 and not self.lowest <= self.level <= self.top:
            raise ValueError(f"level lies in {self.lowest}..{self.top}, or is -1 for all, not {self.level:g}")

    @property
    def top(self) -> int:
        """The highest level."""
        return len(self.widths) - 1

    @property
    def size(self) -> int:
        """Pixels a side of the pictures."""
        return side(self.top)


@dataclass(frozen=True)
class GrowingDiscriminatorConfig:
    """Hyper-parameters of :class:`~imtrans.nn.growing.GrowingDiscriminator`; the rest it has from the generator."""

    widths: tuple[int, ...] = ()
    """Channels at 4, 8, 16, … pixels; empty for the generator's."""
    minibatch_stddev: bool = True
    """Whether it sees how much the pictures of a batch differ."""
