"""The way round a network: what it finds is added to the picture."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor


def bounded(x: Tensor, found: Tensor, learn_residual: bool, bound: Literal["clamp", "halve"]) -> Tensor:
    """The result of a network that found ``found`` in the pictures ``x``, both in [-1, 1], in [-1, 1] again.

    Args:
        x: pictures (N, C, H, W).
        found: what the network gives, of the same shape.
        learn_residual: whether that is to be added to the pictures; it is the result otherwise.
        bound: how the sum gets back into the range.
    """
    if not learn_residual:
        return found
    return (x + found) / 2 if bound == "halve" else torch.clamp(x + found, -1.0, 1.0)
