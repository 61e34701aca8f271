"""Colour transformations as matrices: all of them together are one product for each pixel.

Section 2.3 and appendix B of the paper on limited data (see :mod:`imtrans_stylegan2.ada`).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from imtrans_stylegan2.draws import Draws

BRIGHTNESS_STD = 0.2
CONTRAST_STD = 0.5
SATURATION_STD = 1.0
"""The last two in powers of two."""


def colour_matrices(p: Tensor | float, draws: Draws) -> Tensor:
    """Brightness, contrast, luma flip, hue and saturation, each with probability p, as matrices (N, 4, 4)."""
    axis = torch.tensor([1.0, 1.0, 1.0, 0.0], device=draws.device) / math.sqrt(3)
    along = torch.outer(axis, axis)  # what a colour has of grey
    identity = torch.eye(4, device=draws.device)

    shift = draws.maybe(p, draws.normal() * BRIGHTNESS_STD, 0.0)
    matrix = identity.repeat(draws.count, 1, 1)
    matrix[:, :3, 3] = shift[:, None]

    contrast = draws.maybe(p, torch.exp2(draws.normal() * CONTRAST_STD), 1.0)
    scale = torch.ones(draws.count, 4, device=draws.device)
    scale[:, :3] = contrast[:, None]
    matrix = torch.diag_embed(scale) @ matrix

    flip = draws.maybe(p, torch.floor(draws.uniform() * 2), 0.0)
    matrix = (identity - 2 * along * flip.view(-1, 1, 1)) @ matrix  # a mirror image about grey of the same luma

    angle = draws.maybe(p, (draws.uniform() * 2 - 1) * math.pi, 0.0)
    matrix = hue_rotation(angle) @ matrix

    saturation = draws.maybe(p, torch.exp2(draws.normal() * SATURATION_STD), 1.0)
    return (along + (identity - along) * saturation.view(-1, 1, 1)) @ matrix


def hue_rotation(angle: Tensor) -> Tensor:
    """Turns (N, 4, 4) about the grey axis by angles (N,) (Rodrigues' formula for v = (1, 1, 1) / sqrt(3))."""
    cosine, sine = angle.cos(), angle.sin()
    same = (1 + 2 * cosine) / 3
    one, other = (1 - cosine) / 3 - sine / math.sqrt(3), (1 - cosine) / 3 + sine / math.sqrt(3)
    rows = [(same, one, other), (other, same, one), (one, other, same)]
    matrix = torch.eye(4, device=angle.device).repeat(len(angle), 1, 1)
    matrix[:, :3, :3] = torch.stack([torch.stack(row, -1) for row in rows], 1)
    return matrix


def recolour(pictures: Tensor, matrices: Tensor) -> Tensor:
    """Apply each matrix (N, 4, 4) to the colours (r, g, b, 1) of its picture (N, 3, H, W)."""
    matrices = matrices.to(pictures.dtype)
    return (matrices[:, :3, :3] @ pictures.flatten(2) + matrices[:, :3, 3:]).reshape(pictures.shape)
