"""How far a network has grown is one number, its *level*: how often 4 pixels are doubled.

2 is 16 pixels; 2.25 is 32 pixels, of which a quarter comes from the layers for 32 and three quarters from those for 16.
(The authors' alpha is the share of the new layers, pytorch_GAN_zoo's that of the old ones.)
"""

from __future__ import annotations

import math

LEAST = 4
"""Pixels a side at level 0."""


def parts(level: float) -> tuple[int, float]:
    """The level that is there in full, and the share of the next one: 2.25 is (2, 0.25)."""
    whole = math.floor(level)
    return whole, level - whole


def side(level: float) -> int:
    """Pixels a side of pictures at that level: 16 for 2, 32 for 2.25."""
    return LEAST * 2 ** math.ceil(level)
