"""The way that a point of the scene takes over the sensor while the shutter is open.

Boracchi and Foi, "Modeling the Performance of Image Restoration From Motion Blur", IEEE Transactions on Image
Processing 21 (8), 2012, section IV.A, with the numbers that the authors of DeblurGAN (Kupyn et al., CVPR 2018, section
4.3 and algorithm 1) put in.
"""

from __future__ import annotations

import cmath
import math
import sys
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Positions: TypeAlias = NDArray[np.complex128]
"""Positions (samples,) at equal intervals of time, in pixels: x as the real part, y (downwards) as the imaginary."""

SAMPLES = 2000
"""Moments in which the authors take a position."""
LENGTH = 60.0
"""Pixels of the way from the first moment to the last, as the authors have it."""
ANXIETIES = (0.01, 0.009, 0.008, 0.007, 0.005, 0.003)
"""How nervous the hand is: the authors draw one of these for each picture. 0 is a straight line at constant speed."""

_LARGEST_INERTIA = 0.7
_LARGEST_GAUSSIAN = 10.0
_MOST_SHAKES = 0.2


def draw_trajectory(
    random: np.random.Generator, *, anxiety: float = 0.005, length: float = LENGTH, samples: int = SAMPLES
) -> Positions:
    """A random way of constant speed, from the origin.

    In each moment the velocity v is pulled back towards the origin and disturbed, and then brought to its length again,
    so that equal times leave equal amounts of light::

        dv = shake + anxiety * (gaussian * n - inertia * x) * length / (samples - 1)
        v  = (v + dv) / |v + dv| * length / (samples - 1)

    n is a normal number on the complex plane. With the probability ``0.2 * u * anxiety``, a shake turns the velocity
    round: ``2 v exp(i (pi + w))``, w from U(-1/2, 1/2). Each way draws its own gaussian from U(0, 10), inertia from
    U(0, 0.7) and u from U(0, 1).

    Args:
        random: drawn from with ``uniform`` and ``standard_normal``, in the authors' order.
        anxiety: from 0; how much of everything but the first direction there is.
        length: pixels of the whole way, from 0.
        samples: moments, at least 2.

    Raises:
        ValueError: a number out of these ranges.
    """
    if not (anxiety >= 0 and length >= 0 and samples >= 2):
        raise ValueError(f"no way has anxiety {anxiety}, length {length} and {samples} samples")
    inertia = _LARGEST_INERTIA * random.uniform()
    shakes = _MOST_SHAKES * random.uniform()
    gaussian = _LARGEST_GAUSSIAN * random.uniform()
    direction = cmath.rect(1.0, math.radians(360.0 * random.uniform()))
    pace = length / (samples - 1)
    velocity = direction * (anxiety if anxiety > 0 else pace)
    position = 0j
    way = [position]
    for _ in range(samples - 1):
        shake = 0j
        if random.uniform() < shakes * anxiety:
            shake = 2 * velocity * cmath.exp(1j * (math.pi + random.uniform() - 0.5))
        noise = complex(random.standard_normal(), random.standard_normal())
        velocity += shake + anxiety * (gaussian * noise - inertia * position) * pace
        # A shake and its disturbance may cancel the velocity, and what is too small for a float's full precision has no
        # direction left; the old one then goes on.
        size = abs(velocity)
        velocity = velocity / size * pace if size >= sys.float_info.min else direction * pace
        position += velocity
        way.append(position)
    return np.array(way)
