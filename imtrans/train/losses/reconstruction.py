"""Distances between pictures, pixel by pixel, and the roughness of one.

L1 is what most of image translation calls by other names: with x a real picture, the *cycle-consistency* loss is
``l1_loss(F(G(x)), x)`` (Zhu et al., 2017, equation 2) and the *identity* loss ``l1_loss(F(x), x)`` (section 5.2).

Every function gives a scalar in float32 (float64 for float64 pictures), a mean over pixels, channels and pictures.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from imtrans.errors import UsageError
from imtrans.train.losses.precision import widen


def l1_loss(x: Tensor, y: Tensor) -> Tensor:
    """E |x - y|: pix2pix, CycleGAN, U-GAT-IT. Sharper than squares, whose best answer to doubt is the mean.

    Args:
        x: pictures of any shape.
        y: pictures of the same shape.

    Raises:
        UsageError: the shapes differ, or there are no pixels.
    """
    return _difference(x, y).abs().mean()


def l2_loss(x: Tensor, y: Tensor) -> Tensor:
    """E (x - y)^2: SRResNet, and the part of DeblurGAN-v2's loss that holds the colours. See :func:`l1_loss`."""
    return _difference(x, y).square().mean()


def charbonnier_loss(x: Tensor, y: Tensor, epsilon: float = 1e-3) -> Tensor:
    """E sqrt((x - y)^2 + epsilon^2): an L1 that is smooth at 0.

    Charbonnier et al., 1994; Lai et al., "Deep Laplacian Pyramid Networks" (LapSRN), 2017, equation 2, with 1e-3.
    Raises as :func:`l1_loss`, and for an ``epsilon`` that is not above 0.
    """
    if not epsilon > 0:
        raise UsageError(f"the Charbonnier loss needs an epsilon above 0, not {epsilon}.", hint="At 0 it is l1_loss.")
    return (_difference(x, y).square() + epsilon**2).sqrt().mean()


def total_variation(x: Tensor, power: Literal[1, 2] = 1) -> Tensor:
    """How much neighbouring pixels differ: E |x[i+1, j] - x[i, j]|^p + E |x[i, j+1] - x[i, j]|^p.

    Rudin, Osher, Fatemi, 1992, in its anisotropic form; a regulariser of style transfer (Johnson et al., 2016).

    Args:
        x: (..., H, W), at least two pixels high and wide.
        power: p.

    Raises:
        UsageError: there are no neighbours.
    """
    if x.dim() < 2 or min(x.shape[-2:]) < 2 or x.numel() == 0:
        raise UsageError(f"total variation compares neighbours, and pictures of shape {tuple(x.shape)} have none.")
    wide = widen(x)
    steps = (wide[..., 1:, :] - wide[..., :-1, :], wide[..., :, 1:] - wide[..., :, :-1])
    down, right = ((step.abs() if power == 1 else step.square()).mean() for step in steps)
    return down + right


def _difference(x: Tensor, y: Tensor) -> Tensor:
    """Broadcasting is refused: a forgotten axis would give a number that looks like a loss."""
    if x.shape != y.shape:
        raise UsageError(f"pictures of shapes {tuple(x.shape)} and {tuple(y.shape)} cannot be compared pixel by pixel.")
    if x.numel() == 0:
        raise UsageError(f"there are no pixels to compare in pictures of shape {tuple(x.shape)}.")
    return widen(x) - widen(y)
