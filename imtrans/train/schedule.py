"""How the learning rate moves through a run: a function of the step's number, so that resuming needs no state."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Schedule:
    """The factor that a phase's learning rate is multiplied by.

    Warm-up comes first and multiplies what the shape gives; the shape counts from the first step on.
    """

    shape: Literal["linear", "cosine", "constant"] = "linear"
    """What happens from ``decay_from`` on: a straight fall to almost 0, half a cosine, or nothing."""
    decay_from: float = 0.5
    """Share of the run, 0..1, after which the rate falls."""
    warmup: int = 0
    """Steps in which the rate rises linearly from almost 0."""

    def __post_init__(self) -> None:
        if not 0 <= self.decay_from <= 1:
            raise ValueError(f"decay_from must lie in 0..1, not be {self.decay_from}")
        if self.warmup < 0:
            raise ValueError(f"warmup must not be negative, not {self.warmup}")

    def factor(self, step: int, total: int) -> float:
        """The factor in ``step``, counted from 0, of a run of ``total`` steps.

        * linear: 1 - max(0, t + 1 - constant) / (decaying + 1), the ``lambda_rule`` of CycleGAN's authors, counted in
          steps, not in epochs.
        * cosine: (1 + cos(pi p)) / 2 with p that quotient (Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5,
          without restarts).
        * warm-up: (t + 1) / (warmup + 1), as Goyal et al., "Accurate, Large Minibatch SGD", 2017, section 2.2.
        """
        constant = round(self.decay_from * total)
        gone = max(0, step + 1 - constant) / (total - constant + 1)
        shapes = {"linear": 1.0 - gone, "cosine": 0.5 * (1.0 + math.cos(math.pi * gone)), "constant": 1.0}
        return shapes[self.shape] * min(1.0, (step + 1) / (self.warmup + 1))
