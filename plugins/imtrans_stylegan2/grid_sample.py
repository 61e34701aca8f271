"""Sampling at free places with gradients of every order by the pictures, which torch's own has of the first alone.

R1 differentiates the discriminator's gradient, and so what stands between it and the pictures, once more. Sampling is
linear in the pictures, so its backward pass is linear too, and the derivative of that is sampling again.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

_BILINEAR, _ZEROS = 0, 0
"""By torch's numbers for interpolation and padding."""


def grid_sample(pictures: Tensor, grid: Tensor) -> Tensor:
    """``torch.nn.functional.grid_sample``, bilinear, with zeros outside; places have no gradient.

    Args:
        pictures: (N, C, H, W).
        grid: (N, H', W', 2), x and y from -1 to 1 from edge to edge.

    Returns:
        (N, C, H', W').
    """
    sampled: Tensor = _Sample.apply(pictures, grid.detach())
    return sampled


class _Sample(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pictures: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(pictures, grid)
        return functional.grid_sample(pictures, grid, "bilinear", "zeros", align_corners=False)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        pictures, grid = ctx.saved_tensors
        scattered: Tensor = _Scatter.apply(gradient, pictures.detach(), grid)
        return scattered, None


class _Scatter(torch.autograd.Function):
    """The transpose of sampling; the pictures count by their shape alone."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, pictures: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(grid)
        scattered, _ = torch.ops.aten.grid_sampler_2d_backward(
            gradient, pictures, grid, _BILINEAR, _ZEROS, False, (True, False)
        )
        return scattered

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (grid,) = ctx.saved_tensors
        return grid_sample(gradient, grid), None, None
