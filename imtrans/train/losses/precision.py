"""Losses are computed in float32, whatever the networks compute in.

A loss sums over many numbers and often subtracts neighbours: bfloat16, with its 8 bits, loses just what the generator
is to learn from. float64 stays float64, so that formulas can be checked to the last digit.
"""

from __future__ import annotations

import contextlib

import torch
from torch import Tensor


def widen(x: Tensor) -> Tensor:
    """``x`` in float32, or as it is where it is float64."""
    return x if x.dtype == torch.float64 else x.float()


def full_precision(x: Tensor) -> contextlib.AbstractContextManager[None]:
    """No autocast on the device of ``x``, for products of matrices and for networks inside a loss."""
    return torch.autocast(x.device.type, enabled=False)
