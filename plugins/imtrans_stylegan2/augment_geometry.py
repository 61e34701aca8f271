"""Geometric transformations as one matrix a picture, and the resampling that carries it out without aliasing.

Section 2.3 and appendix B of the paper on limited data (see :mod:`imtrans_stylegan2.ada`). A matrix maps places of the
result to places of the picture, in pixels from the centre, so transformations are multiplied from the right in the
order in which they happen, each inverted.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from imtrans.ops.upfirdn2d import downsample2d, setup_filter, upsample2d
from imtrans_stylegan2.draws import Draws
from imtrans_stylegan2.grid_sample import grid_sample

SHIFT = 0.125
"""Range of whole-pixel shifts, and standard deviation of free ones, as a share of the side."""
SCALE_STD = 0.2
"""Of the logarithm to the base of two."""

SYM6 = (
    0.015404109327027373,
    0.0034907120842174702,
    -0.11799011114819057,
    -0.048311742585633,
    0.4910559419267466,
    0.787641141030194,
    0.3379294217276218,
    -0.07263752278646252,
    -0.021060292512300564,
    0.04472490177066578,
    0.0017677118642428036,
    -0.007800708325034148,
)
"""The low-pass filter of the Symlet wavelet of order 6 (Daubechies, 1992), around the resampling."""


def blits(size: tuple[int, int], p: Tensor | float, draws: Draws) -> Tensor:
    """Mirror, turn by right angles, shift by whole pixels, each with probability p: what leaves pixels as they are.

    Args:
        size: width and height in pixels.
        p: the probability.
        draws: random numbers.

    Returns:
        Matrices (N, 3, 3).
    """
    mirror = draws.maybe(p, torch.floor(draws.uniform() * 2), 0.0)
    matrix = _scaled(1 - 2 * mirror, torch.ones_like(mirror))
    quarters = draws.maybe(p, torch.floor(draws.uniform() * 4), 0.0)
    matrix = matrix @ _turned(quarters * math.pi / 2)
    shifted = draws.happens(p)
    x, y = ((draws.uniform() * 2 - 1) * SHIFT * shifted for _ in range(2))
    return matrix @ _shifted(-torch.round(x * size[0]), -torch.round(y * size[1]))


def geometry(size: tuple[int, int], p: Tensor | float, draws: Draws) -> Tensor:
    """Scale, turn, stretch, turn again and shift, as :func:`blits` but freely.

    The two turns together happen with probability p, so that a stretch may be along any direction.
    """
    scale = draws.maybe(p, torch.exp2(draws.normal() * SCALE_STD), 1.0)
    matrix = _scaled(1 / scale, 1 / scale)
    turn = 1 - torch.sqrt(1 - torch.as_tensor(p).clamp(0, 1))
    matrix = matrix @ _turned(draws.maybe(turn, (draws.uniform() * 2 - 1) * math.pi, 0.0))
    stretch = draws.maybe(p, torch.exp2(draws.normal() * SCALE_STD), 1.0)
    matrix = matrix @ _scaled(1 / stretch, stretch)
    matrix = matrix @ _turned(draws.maybe(turn, (draws.uniform() * 2 - 1) * math.pi, 0.0))
    shifted = draws.happens(p)
    x, y = (draws.normal() * SHIFT * shifted for _ in range(2))
    return matrix @ _shifted(-x * size[0], -y * size[1])


def _matrices(rows: tuple[tuple[Tensor | float, ...], ...], like: Tensor) -> Tensor:
    """(N, 3, 3) out of numbers and tensors (N,)."""
    full = [torch.full_like(like, value) if isinstance(value, float) else value for row in rows for value in row]
    return torch.stack(full, -1).reshape(-1, 3, 3)


def _scaled(x: Tensor, y: Tensor) -> Tensor:
    return _matrices(((x, 0.0, 0.0), (0.0, y, 0.0), (0.0, 0.0, 1.0)), x)


def _turned(angle: Tensor) -> Tensor:
    cosine, sine = angle.cos(), angle.sin()
    return _matrices(((cosine, -sine, 0.0), (sine, cosine, 0.0), (0.0, 0.0, 1.0)), angle)


def _shifted(x: Tensor, y: Tensor) -> Tensor:
    return _matrices(((1.0, 0.0, x), (0.0, 1.0, y), (0.0, 0.0, 1.0)), x)


# --- resampling -----------------------------------------------------------------------------------------------------


def warp(pictures: Tensor, backward: Tensor) -> Tensor:
    """Each picture (N, C, H, W) transformed; ``backward`` (N, 3, 3) maps places of the result to those of the picture.

    The picture is mirrored at its edges as far as it is looked at, enlarged twice, sampled and shrunk again, with a
    wavelet's low-pass filter both times, so that neither step shifts or folds frequencies (appendix B.2).
    """
    height, width = pictures.shape[2:]
    backward = backward.to(pictures.dtype)
    taps = setup_filter(SYM6).to(pictures)
    room = len(taps) // 4
    left, right, top, bottom = _margins(backward, width, height, room)
    pictures = functional.pad(pictures, [left, right, top, bottom], mode="reflect")
    offset = torch.tensor([[(left - right) / 2, (top - bottom) / 2]]).to(backward)
    backward = _shifted(offset[:, 0], offset[:, 1]) @ backward

    pictures = upsample2d(pictures, taps)
    two, half = torch.full((1,), 2.0).to(backward), torch.full((1,), 0.5).to(backward)
    backward = _scaled(two, two) @ backward @ _scaled(half, half)
    # Of a twice enlarged picture, the centres of its pixels lie half a pixel beside.
    backward = _shifted(-half, -half) @ backward @ _shifted(half, half)

    across, down = (width + room * 2) * 2, (height + room * 2) * 2
    backward = _unit(2 / pictures.shape[3], 2 / pictures.shape[2], backward) @ backward
    backward = backward @ _unit(across / 2, down / 2, backward)
    grid = functional.affine_grid(
        backward[:, :2], [len(pictures), pictures.shape[1], down, across], align_corners=False
    )
    pictures = grid_sample(pictures, grid)
    return downsample2d(pictures, taps, padding=-2 * room, flip_filter=True)


def _unit(x: float, y: float, like: Tensor) -> Tensor:
    """To or from places between -1 and 1."""
    return _scaled(torch.full((1,), x).to(like), torch.full((1,), y).to(like))


def _margins(backward: Tensor, width: int, height: int, room: int) -> tuple[int, int, int, int]:
    """Pixels (left, right, top, bottom) beyond the picture that any result of the batch looks at."""
    x, y = (width - 1) / 2, (height - 1) / 2
    corners = torch.tensor([[-x, x, x, -x], [-y, -y, y, y], [1.0, 1.0, 1.0, 1.0]]).to(backward)
    seen = (backward @ corners)[:, :2].transpose(0, 1).flatten(1)
    beyond = torch.cat([-seen, seen]).amax(1) + 2 * room
    left, top, right, bottom = (
        math.ceil(min(max(float(most) - centre, 0), side - 1))
        for most, centre, side in zip(beyond, (x, y, x, y), (width, height, width, height), strict=True)
    )
    return left, right, top, bottom
