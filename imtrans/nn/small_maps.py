"""Torch's convolutions with a quicker backward on the CPU, for layers that see small maps.

The gradient of a weight is a sum over the places of the map. Where these are few, oneDNN takes most of its time to lay
a large result out, and one matrix product of the patches with the gradient takes a fraction of it; the figures stand in
docs/training.md. Nothing else changes: forward, keys and results (up to rounding) are torch's.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

MOST_PLACES = {torch.bfloat16: 512, torch.float32: 64}
"""By the type that is multiplied: the most places of the small map, over the batch, where the product is quicker."""


class Shape(NamedTuple):
    """Of a square convolution without groups or dilation."""

    stride: int
    padding: int
    output_padding: int
    transposed: bool


class Conv2d(nn.Conv2d):
    """``torch.nn.Conv2d``; see this module. Zero padding, a square kernel and stride, no groups, no dilation."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, D, ...), as torch's."""
        shape = Shape(int(self.stride[0]), int(self.padding[0]), 0, transposed=False)
        height, width = ((side + 2 * shape.padding - self.kernel_size[0]) // shape.stride + 1 for side in x.shape[2:])
        if not _worth_it(x, self.weight, x.shape[0] * height * width):
            return super().forward(x)
        return _convolve(x, self.weight, self.bias, shape)


class ConvTranspose2d(nn.ConvTranspose2d):
    """``torch.nn.ConvTranspose2d``; see this module. A square kernel and stride, no groups, no dilation.

    Torch adds up the gradient of its bias slowly in channels-last order, so a bias makes it worth while for large maps.
    """

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(N, C, H, W) to (N, D, ...), as torch's."""
        places = x.shape[0] * x.shape[2] * x.shape[3]
        if output_size is not None or not _worth_it(x, self.weight, 0 if self.bias is not None else places):
            return super().forward(x, output_size)
        stride, padding, more = (int(pair[0]) for pair in (self.stride, self.padding, self.output_padding))
        shape = Shape(stride, padding, more, transposed=True)
        return _convolve(x, self.weight, self.bias, shape)


def _worth_it(x: Tensor, weight: Tensor, places: int) -> bool:
    """Whether a weight learns on the CPU from so few places."""
    if x.device.type != "cpu" or not (torch.is_grad_enabled() and weight.requires_grad):
        return False
    return places <= MOST_PLACES.get(_computed_in(x), -1)


def _computed_in(x: Tensor) -> torch.dtype:
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype


def _convolve(x: Tensor, weight: Tensor, bias: Tensor | None, shape: Shape) -> Tensor:
    dtype = _computed_in(x)
    y: Tensor = _Convolution.apply(x.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype), shape)
    return y


class _Convolution(torch.autograd.Function):
    """Its backward consists of differentiable operators, and so has gradients too."""

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor | None, shape: Shape) -> Tensor:
        if shape.transposed:
            return functional.conv_transpose2d(x, weight, bias, shape.stride, shape.padding, shape.output_padding)
        return functional.conv2d(x, weight, bias, shape.stride, shape.padding)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, weight, _, ctx.shape = inputs
        ctx.save_for_backward(x, weight)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        dx = dweight = dbias = None
        if ctx.needs_input_grad[0]:
            dx = _torch_backward(dy, x, weight, ctx.shape, [True, False, False])
        if ctx.needs_input_grad[1]:
            small = x if ctx.shape.transposed else dy
            if small.shape[0] * small.shape[2] * small.shape[3] <= MOST_PLACES[x.dtype]:
                large = dy if ctx.shape.transposed else x
                dweight = weight_gradient(large, small, weight.shape[2], ctx.shape.stride, ctx.shape.padding)
            else:
                dweight = _torch_backward(dy, x, weight, ctx.shape, [False, True, False])
        if ctx.needs_input_grad[2]:
            rows = _rows(dy)
            dbias = rows.new_ones(len(rows)) @ rows
        return dx, dweight, dbias, None


def _torch_backward(dy: Tensor, x: Tensor, weight: Tensor, shape: Shape, wanted: list[bool]) -> Tensor:
    both, dilation = [shape.stride] * 2, [1, 1]
    found = torch.ops.aten.convolution_backward(
        dy,
        x,
        weight,
        None,
        both,
        [shape.padding] * 2,
        dilation,
        shape.transposed,
        [shape.output_padding] * 2,
        1,
        wanted,
    )
    gradient: Tensor = found[wanted.index(True)]
    return gradient


def weight_gradient(large: Tensor, small: Tensor, kernel: int, stride: int, padding: int) -> Tensor:
    """The gradient of a convolution's weight, as a product of matrices.

    Args:
        large: the map on the side of the larger size, (N, C, H, W): what a convolution reads, or for a transposed one
            the gradient of what it writes.
        small: the map on the other side, (N, D, h, w).
        kernel: side of the weight.
        stride: places of the large map from one of the small map to the next.
        padding: zeros around the large map.

    Returns:
        (D, C, kernel, kernel), laid out channels-last.
    """
    n, channels, _, _ = large.shape
    height, width = small.shape[2:]
    padded = functional.pad(large.permute(0, 2, 3, 1), (0, 0, padding, padding, padding, padding))
    windows = padded.unfold(1, kernel, stride).unfold(2, kernel, stride)[:, :height, :width]
    patches = windows.permute(0, 1, 2, 4, 5, 3).reshape(n * height * width, kernel * kernel * channels)
    product = _rows(small).t() @ patches
    return product.view(-1, kernel, kernel, channels).permute(0, 3, 1, 2)


def _rows(x: Tensor) -> Tensor:
    """(N, C, H, W) as a row of channels for each place."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])
