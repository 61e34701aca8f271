"""The schedule by which networks grow (Karras et al., "Progressive Growing of GANs", 2018, section 2 and figure 2).

The level (:mod:`imtrans.nn.level`) is a function of the step alone, so a run that is resumed in the middle of a fade
goes on exactly where it was.
"""

from __future__ import annotations

from dataclasses import dataclass

from imtrans.nn.level import LEAST, side


@dataclass(frozen=True)
class Growth:
    """How long networks stay at a resolution, in steps; the defaults are pytorch_GAN_zoo's for batches of 16."""

    start: int = LEAST
    """Pixels a side to begin with: 4, 8, 16, …"""
    first: int = 48000
    """Steps at the first resolution."""
    stage: int = 96000
    """Steps at each further resolution, its fade being the first of them."""
    fade: int = 19200
    """Steps in which a new resolution is faded in; 0 switches to it at once."""

    def __post_init__(self) -> None:
        if self.start < LEAST or self.start & (self.start - 1):
            raise ValueError(f"start must be a power of two from {LEAST} on, not {self.start}")
        if self.first < 0 or self.fade < 0:
            raise ValueError(f"first and fade must not be negative, not {self.first} and {self.fade}")
        if self.stage < max(1, self.fade):
            raise ValueError(f"stage ({self.stage}) must be at least 1, and at least fade ({self.fade})")

    def level(self, step: int, top: int) -> float:
        """How far networks whose highest level is ``top`` have grown in the step of that number, from 0."""
        lowest = min(self._lowest, top)
        if step < self.first:
            return lowest
        stages, within = divmod(step - self.first, self.stage)
        share = min(1.0, within / self.fade) if self.fade else 1.0
        return min(lowest + stages + share, top)

    def grown(self, top: int) -> int:
        """The number of the first step with networks of full size."""
        doublings = top - self._lowest
        return self.first + (doublings - 1) * self.stage + self.fade if doublings > 0 else 0

    def sentence(self, top: int) -> str:
        """What a user should know of it before the training starts."""
        size = side(top)
        step = self.grown(top)
        if step == 0:
            return f"the networks have {size} pixels from the first step on"
        return (
            f"the networks grow from {self.start} to {size} pixels, which they reach in full at step {step:,}; "
            "a run of fewer steps (train.steps) leaves the rest untrained, and pictures are enlarged from what is there"
        )

    @property
    def _lowest(self) -> int:
        return (self.start // LEAST).bit_length() - 1
