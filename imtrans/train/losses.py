"""Losses that several methods share. Each says what it computes and who wrote it down first."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional


def adversarial_loss(kind: Literal["lsgan", "vanilla"], scores: Tensor, *, real: bool) -> Tensor:
    """How far a discriminator's ``scores`` are from calling everything real, or everything fake.

    * ``lsgan``: mean((D(x) - t)^2) with t = 1 for real and 0 for fake (Mao et al., "Least Squares Generative
      Adversarial Networks", ICCV 2017, equation 9).
    * ``vanilla``: the cross entropy of sigmoid(D(x)) with t (Goodfellow et al., 2014; the generator's form is the
      non-saturating one of section 3).

    Args:
        kind: the loss.
        scores: raw outputs of the discriminator, any shape.
        real: the verdict to compare with.

    Returns:
        A scalar in float32, whatever the precision of the scores.
    """
    scores = scores.float()
    target = torch.full_like(scores, 1.0 if real else 0.0)
    if kind == "lsgan":
        return functional.mse_loss(scores, target)
    return functional.binary_cross_entropy_with_logits(scores, target)
