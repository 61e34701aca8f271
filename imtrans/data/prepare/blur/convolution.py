"""A picture through a point spread function."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imtrans.data.prepare.blur.kernel import Kernel

Pixels = NDArray[np.uint8]
"""RGB pixels (H, W, 3)."""


def convolve(maps: NDArray[np.float64], kernel: Kernel) -> NDArray[np.float64]:
    """Each channel of ``maps`` (H, W, C) convolved with the kernel (2r+1, 2q+1), without its border: (H-2r, W-2q, C).

    By Fourier transforms of a size that leaves no room for wrapping round.

    Raises:
        ValueError: the kernel's sides are even, or larger than the maps.
    """
    (height, width), (rows, columns) = maps.shape[:2], kernel.shape
    if not (rows % 2 and columns % 2 and rows <= height and columns <= width):
        raise ValueError(f"a kernel of {columns} x {rows} does not fit maps of {width} x {height}")
    size = height, width  # what wraps round lands within the border that is cut off
    spectrum = np.fft.rfft2(kernel, size)
    channels = [np.fft.irfft2(np.fft.rfft2(maps[..., c]) * spectrum, size) for c in range(maps.shape[2])]
    return np.stack(channels, axis=2)[rows - 1 :, columns - 1 :]


def blur(pixels: Pixels, kernel: Kernel, *, gamma: float = 1.0) -> Pixels:
    """The picture as a camera that moved would have seen it, of the same size.

    Beyond its borders the picture is continued as in a mirror. Light adds up where values are proportional to it;
    those of a file are about its 2.2th root. The authors add the values of the file all the same, ``gamma`` 1.

    Args:
        pixels: (H, W, 3), of any size.
        kernel: of sum 1.
        gamma: the power that makes light of values, above 0.

    Raises:
        ValueError: gamma is not above 0.
    """
    if not gamma > 0:
        raise ValueError(f"gamma must be above 0, not {gamma}")
    rows, columns = (side // 2 for side in kernel.shape)
    bordered = np.pad(pixels, ((rows, rows), (columns, columns), (0, 0)), mode="symmetric")
    light = (bordered / 255.0) ** gamma
    blurred = np.clip(convolve(light, kernel), 0.0, 1.0) ** (1.0 / gamma)
    return np.rint(blurred * 255.0).astype(np.uint8)
