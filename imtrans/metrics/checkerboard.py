"""How much of a decoder's own lattice is in a picture.

A transposed convolution of stride 2 treats even and odd pixels differently, and two of them in a row leave patterns of
period 2 and 4 (Odena, Dumoulin and Olah, "Deconvolution and Checkerboard Artifacts", Distill, 2016). In a power
spectrum these are peaks at exactly the frequencies 1/2 and 1/4, where pictures of nature have none: their spectrum is
smooth. So the power at those frequencies is compared with the power right beside them.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

PATCH = 32
"""Side of the patches, in pixels, over which power is averaged: artefacts come and go with what they lie on."""

OFFSETS = (-4, -3, -2, 2, 3, 4)
"""Where the surroundings of a frequency are, in steps of 1/PATCH; the Hann window blurs a peak over 1 either side."""


def lattice_ratio(pictures: Tensor, period: int) -> Tensor:
    """Power of the pattern that repeats every ``period`` pixels, relative to the frequencies around it.

    Args:
        pictures: (N, 3, H, W) from 0 to 1, of at least 32 x 32 pixels.
        period: 2 or 4 pixels.

    Returns:
        (N,): about 1 in pictures without a lattice; 10 is visible. The lossy compression of real pictures, with its
        blocks of 8 pixels, leaves a little too, so compare with real pictures of the domain.

    Raises:
        ValueError: another period, or pictures smaller than a patch.
    """
    if period not in (2, 4):
        raise ValueError(f"lattices have a period of 2 or 4 pixels, not {period}")
    if min(pictures.shape[-2:]) < PATCH:
        raise ValueError(f"pictures of at least {PATCH} x {PATCH} pixels are needed, not {tuple(pictures.shape[-2:])}")
    power = mean_power(pictures).clamp_min(1e-12)
    ratios = []
    for row, column in _frequencies(period):
        around = torch.tensor(OFFSETS)
        # Upright and level edges put power on the two axes, so a frequency on an axis is compared along that axis.
        rows, columns = (row + 0 * around, column + around) if row == 0 else (row + around, column + 0 * around)
        surroundings = power[:, rows % PATCH, columns % PATCH].log().mean(1).exp()
        ratios.append(power[:, row, column] / surroundings)
    return torch.stack(ratios).mean(0)


def _frequencies(period: int) -> list[tuple[int, int]]:
    """Places in the spectrum that repeat every ``period`` pixels in one direction at least, and no sooner."""
    multiples = range(0, PATCH, PATCH // period)
    sooner = range(0, PATCH, 2 * PATCH // period)
    return [(row, column) for row in multiples for column in multiples if row not in sooner or column not in sooner]


def mean_power(pictures: Tensor) -> Tensor:
    """Power spectrum (N, 32, 32) of the pictures (N, C, H, W), averaged over channels and overlapping patches."""
    count, channels = pictures.shape[:2]
    flat = pictures.float().flatten(0, 1).unsqueeze(1)
    patches = functional.unfold(flat, PATCH, stride=PATCH // 2).transpose(1, 2).unflatten(2, (PATCH, PATCH))
    window = torch.hann_window(PATCH, periodic=True, device=pictures.device)
    patches = (patches - patches.mean((-2, -1), keepdim=True)) * window[:, None] * window
    power = torch.fft.fft2(patches).abs().square()
    return power.unflatten(0, (count, channels)).mean((1, 2))
