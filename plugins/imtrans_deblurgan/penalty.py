"""The gradient penalty as the authors of DeblurGAN compute it."""

from __future__ import annotations

import torch
from torch import Tensor

from imtrans.train.losses.penalties import Judge, input_gradient
from imtrans.train.losses.precision import widen

_TINY = 1e-24
"""Keeps the root of a pixel that the critic ignores from a slope without end; far below what float32 tells from 1."""


def pixel_penalty(judge: Judge, real: Tensor, fake: Tensor, *, weight: float = 10.0) -> Tensor:
    """Ask for a gradient of norm 1 at each pixel: weight * E over pixels (||grad D(y)||_2 over channels - 1)^2.

    The authors' ``DiscLossWGANGP.calc_gradient_penalty``: y = e x + (1 - e) G(z) with one e from U(0, 1) for the whole
    batch. Gulrajani et al. take the norm over all of a picture and one e a picture, which is
    :func:`imtrans.train.losses.gradient_penalty`; a critic that keeps to theirs is flatter by far, for the norm over
    n pixels is about sqrt(n) times as large.

    Args:
        judge: the critic.
        real: pictures (N, C, H, W).
        fake: as many of the same shape; they are detached.
        weight: lambda, 10 in the authors' code.

    Returns:
        A scalar in float32 (float64 for float64 pictures).

    Raises:
        UsageError: the scores do not depend on the pictures.
    """
    real, fake = widen(real.detach()), widen(fake.detach())
    share = torch.rand(1, 1, dtype=real.dtype, device=real.device)
    gradient = input_gradient(judge, share * real + (1 - share) * fake)
    norm = torch.sqrt(gradient.square().sum(dim=1) + _TINY)
    return weight * (norm - 1).square().mean()
