"""Point spread functions: how the light of one point is spread by the way that it takes over the sensor."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from imtrans.data.prepare.blur.trajectory import Positions

Kernel: TypeAlias = NDArray[np.float64]
"""A point spread function (height, width), both odd: not negative, of sum 1, with its centre of mass in the middle."""

EXPOSURES = (0.1, 0.5, 1.0)
"""Shares of the way during which the shutter is open: the authors draw one of these for each picture."""


def exposed(samples: int, exposure: float) -> NDArray[np.float64]:
    """The share (samples,), 0..1, of each interval before a moment that lies within the first ``exposure`` of the way.

    The first moment has no interval before it and counts nothing, as in the authors' code.

    Raises:
        ValueError: the exposure is not above 0 and at most 1.
    """
    if not 0 < exposure <= 1:
        raise ValueError(f"an exposure lies above 0 and at most at 1, not at {exposure}")
    moments = np.arange(samples)
    shares = np.clip(exposure * samples - (moments - 1), 0.0, 1.0)
    shares[0] = 0.0
    return shares


def splat(positions: Positions, weights: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Spread each weight over the four pixels around its position, bilinearly; what falls outside is lost.

    Args:
        positions: (samples,) in pixels, column + i row; whole numbers are the middles of pixels.
        weights: (samples,).
        height: rows of the result.
        width: columns of the result.
    """
    canvas = np.zeros((height + 1, width + 1))
    left, top = np.floor(positions.real).astype(int), np.floor(positions.imag).astype(int)
    right_share, lower_share = positions.real - left, positions.imag - top
    for row, row_share in ((top, 1 - lower_share), (top + 1, lower_share)):
        for column, column_share in ((left, 1 - right_share), (left + 1, right_share)):
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            np.add.at(canvas, (row[inside], column[inside]), (weights * row_share * column_share)[inside])
    return canvas[:height, :width]


def make_kernel(positions: Positions, exposure: float = 1.0) -> Kernel:
    """The point spread function of the first ``exposure`` of a way.

    Two things differ from the authors' code. Theirs lies in a canvas of 64 pixels with the whole way in its middle, so
    that a short exposure also shifts the picture; here the centre of mass stands in the middle, because a shift cannot
    be seen and should not be learnt. And theirs is scaled by its largest value, so they stretch the contrast of each
    blurred picture afterwards; here the sum is 1, which keeps the brightness.

    Args:
        positions: from :func:`imtrans.data.prepare.blur.trajectory.draw_trajectory`.
        exposure: above 0, at most 1.

    Raises:
        ValueError: the exposure is out of its range.
    """
    weights = exposed(len(positions), exposure)
    used = weights > 0
    way, weights = positions[used], weights[used]
    way = way - np.average(way, weights=weights)
    # Rounding must not let a pixel's worth of light fall over the border.
    columns, rows = (int(np.ceil(np.abs(part).max() - 1e-9)) for part in (way.real, way.imag))
    kernel = splat(way + complex(columns, rows), weights, 2 * rows + 1, 2 * columns + 1)
    return kernel / kernel.sum()
