"""Convolutions whose gradients are convolutions again, and which can do without the gradient of their weight.

A convolution is linear in its map x and in its weight w, and so are both of its gradients. With dy the gradient of y::

    y  = conv(x, w)            its gradients: dx = adjoint(dy, w), dw = correlate(x, dy)
    dx = adjoint(dy, w)        of dy: conv(v, w),      of w: correlate(v, dy)        v the gradient of dx
    dw = correlate(x, dy)      of x:  adjoint(dy, v),  of dy: conv(x, v)             v the gradient of dw

Three functions thus hold all derivatives, each of them one call of oneDNN or cuDNN. (PyTorch's own second derivative
of a convolution takes detours for the weight.) The adjoint is the transposed convolution.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

_without_weights: ContextVar[bool] = ContextVar("imtrans_no_weight_gradients", default=False)


@contextmanager
def no_weight_gradients(disable: bool = True) -> Iterator[None]:
    """Leave out the gradients of convolution weights in every backward pass computed within the ``with`` block.

    For regularisers that need the gradient by a picture or a latent only (R1, path length): weights get none from
    what runs here, while gradients of the result of such a pass, computed outside, have all their parts::

        with no_weight_gradients():
            (gradient,) = torch.autograd.grad(logits.sum(), pictures, create_graph=True)
        gradient.square().sum((1, 2, 3)).mean().backward()  # has gradients by the weights

    It concerns :func:`imtrans.ops.conv2d_resample` and :func:`imtrans.ops.modulated_conv2d`, and this thread.

    Args:
        disable: False makes the block do nothing, so that the choice may be a setting.
    """
    token = _without_weights.set(disable or _without_weights.get())
    try:
        yield
    finally:
        _without_weights.reset(token)


@dataclass(frozen=True)
class _Geometry:
    """All about a convolution but its operands."""

    x: tuple[int, ...]
    """Shape of the map."""
    w: tuple[int, ...]
    """Shape of the weight."""
    stride: int
    padding: tuple[int, int]
    groups: int

    def output(self) -> list[int]:
        """Height and width of y."""
        return [
            (side + 2 * pad - kernel) // self.stride + 1
            for side, kernel, pad in zip(self.x[2:], self.w[2:], self.padding, strict=True)
        ]

    def conv(self, x: Tensor, w: Tensor) -> Tensor:
        """The output y."""
        return functional.conv2d(x, w, None, self.stride, self.padding, 1, self.groups)

    def adjoint(self, dy: Tensor, w: Tensor) -> Tensor:
        """The gradient of x; pixels that no place of the kernel reaches, because of the stride, have 0."""
        unreached = [
            side + 2 * pad - kernel - (size - 1) * self.stride
            for side, kernel, size, pad in zip(self.x[2:], self.w[2:], self.output(), self.padding, strict=True)
        ]
        return functional.conv_transpose2d(dy, w, None, self.stride, self.padding, unreached, self.groups)

    def correlate(self, x: Tensor, dy: Tensor) -> Tensor:
        """The gradient of w."""
        stand_in = x.new_empty(1).expand(self.w)  # of the weight, only the shape is read
        strides = [self.stride] * 2, list(self.padding), [1, 1]
        operands = dy, x, stand_in, None, *strides, False, [0, 0], self.groups
        result: Tensor = torch.ops.aten.convolution_backward(*operands, [False, True, False])[1]
        return result


class _Bilinear(torch.autograd.Function):
    """One of the three; its gradients by both operands are the other two."""

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, _Geometry], output: Tensor) -> None:
        first, second, ctx.geometry = inputs
        ctx.save_for_backward(first, second)


class _Conv(_Bilinear):
    @staticmethod
    def forward(x: Tensor, w: Tensor, geometry: _Geometry) -> Tensor:
        return geometry.conv(x, w)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, w = ctx.saved_tensors
        dx = _apply(_Adjoint, dy, w, ctx.geometry) if ctx.needs_input_grad[0] else None
        dw = _apply(_Correlate, x, dy, ctx.geometry) if _wants_weight(ctx) else None
        return dx, dw, None


class _Adjoint(_Bilinear):
    @staticmethod
    def forward(dy: Tensor, w: Tensor, geometry: _Geometry) -> Tensor:
        return geometry.adjoint(dy, w)

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        dy, w = ctx.saved_tensors
        grad_dy = _apply(_Conv, v, w, ctx.geometry) if ctx.needs_input_grad[0] else None
        grad_w = _apply(_Correlate, v, dy, ctx.geometry) if _wants_weight(ctx) else None
        return grad_dy, grad_w, None


class _Correlate(_Bilinear):
    @staticmethod
    def forward(x: Tensor, dy: Tensor, geometry: _Geometry) -> Tensor:
        return geometry.correlate(x, dy)

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, dy = ctx.saved_tensors
        grad_x = _apply(_Adjoint, dy, v, ctx.geometry) if ctx.needs_input_grad[0] else None
        grad_dy = _apply(_Conv, x, v, ctx.geometry) if ctx.needs_input_grad[1] else None
        return grad_x, grad_dy, None


def _wants_weight(ctx: Any) -> bool:
    return bool(ctx.needs_input_grad[1]) and not _without_weights.get()


def _apply(function: type[_Bilinear], first: Tensor, second: Tensor, geometry: _Geometry) -> Tensor:
    """The function, without a node of autograd where nobody could ask for a gradient."""
    if torch.is_grad_enabled() and (first.requires_grad or second.requires_grad):
        result: Tensor = function.apply(first, second, geometry)
        return result
    return function.forward(first, second, geometry)


def _autocast(*operands: Tensor) -> list[Tensor]:
    """The operands in autocast's precision, where it is on.

    Autocast would cast them inside the functions above, where autograd sees nothing of it: a gradient in bfloat16 would
    meet saved operands in float32.
    """
    device = operands[0].device.type
    if not torch.is_autocast_enabled(device):
        return list(operands)
    precision = torch.get_autocast_dtype(device)
    return [operand if operand.dtype == torch.float64 else operand.to(precision) for operand in operands]


def conv2d(x: Tensor, weight: Tensor, *, stride: int = 1, padding: tuple[int, int] = (0, 0), groups: int = 1) -> Tensor:
    """``F.conv2d`` of maps (N, C, H, W) with a weight (D, C / groups, kH, kW); ``padding`` is (y, x)."""
    x, weight = _autocast(x, weight)
    return _apply(_Conv, x, weight, _Geometry(tuple(x.shape), tuple(weight.shape), stride, padding, groups))


def conv_transpose2d(
    x: Tensor, weight: Tensor, *, stride: int = 1, padding: tuple[int, int] = (0, 0), groups: int = 1
) -> Tensor:
    """``F.conv_transpose2d`` of maps (N, C, H, W) with a weight (C, D / groups, kH, kW); ``padding`` is (y, x)."""
    x, weight = _autocast(x, weight)
    batch, _, *sides = x.shape
    height, width = (
        (side - 1) * stride - 2 * pad + kernel
        for side, kernel, pad in zip(sides, weight.shape[2:], padding, strict=True)
    )
    grown = (batch, weight.shape[1] * groups, height, width)
    return _apply(_Adjoint, x, weight, _Geometry(grown, tuple(weight.shape), stride, padding, groups))
