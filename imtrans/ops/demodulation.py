"""What undoes the effect of StyleGAN2's styles on the variance of a convolution, without a weight for each image.

For the weight w and the styles s, per image n and output channel o::

    d[n, o] = 1 / sqrt(sum over i of s[n, i]^2 (sum over k of w[o, i, k]^2) + eps)

Karras, Laine, Aittala, Hellsten, Lehtinen, Aila: Analyzing and Improving the Image Quality of StyleGAN, 2020,
https://arxiv.org/abs/1912.04958, equation 3. On the CPU a kernel takes the sums in one pass over the weight; elsewhere,
and where there is no native library, they are a few of PyTorch's operations.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from imtrans.ops.arguments import full_precision, statistics_dtype
from imtrans.ops.backend import current_backend
from imtrans.ops.library import why_no_kernel
from imtrans.ops.reflect_pad import dense


def demodulation(weight: Tensor, styles: Tensor, *, eps: float = 1e-8) -> Tensor:
    """What each output channel of each image is multiplied by to undo the styles' effect on its variance.

    Args:
        weight: (O, I, kH, kW).
        styles: (N, I).
        eps: added to the squared length of a kernel.

    Returns:
        (N, O), float32 (float64 for a float64 weight or float64 styles). Differentiable to any order. Beyond its result
        it needs some hundreds of kilobytes, whatever the batch.
    """
    wide = statistics_dtype(torch.promote_types(weight.dtype, styles.dtype))
    weight = weight.double() if wide == torch.float64 else weight
    with full_precision(styles):
        lengths: Tensor = _SquaredLengths.apply(weight, styles.to(wide))
        return torch.rsqrt(lengths + eps)


class _SquaredLengths(torch.autograd.Function):
    """``styles^2 (sum over k of weight^2)^T``, of the type of the styles, without a square of the weight in memory."""

    @staticmethod
    def forward(weight: Tensor, styles: Tensor) -> Tensor:
        squares = styles.square()
        if _has_kernel(weight):
            lengths: Tensor = torch.ops.imtrans.squared_lengths(dense(weight), squares)
            return lengths
        return reference(weight, squares)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        weight, styles = ctx.saved_tensors
        dweight = dstyles = None
        with full_precision(styles):
            if ctx.needs_input_grad[0]:
                dweight = (2 * weight * (gradient.t() @ styles.square())[:, :, None, None]).to(weight.dtype)
            if ctx.needs_input_grad[1]:
                dstyles = 2 * styles * (gradient @ weight.to(styles.dtype).square().sum((2, 3)))
        return dweight, dstyles


_KERNELS = 1 << 16
"""How many kernels are measured at a time: 256 KiB of numbers."""


def reference(weight: Tensor, squares: Tensor) -> Tensor:
    """The sums in plain PyTorch: of some output channels at a time, and a tap at a time."""
    rows = max(1, _KERNELS // weight.shape[1])
    lengths = []
    for some in weight.split(rows):
        sums = squares.new_zeros(some.shape[:2])
        for taps in (tap for row in some.unbind(2) for tap in row.unbind(2)):
            sums.addcmul_(taps.to(sums.dtype), taps.to(sums.dtype))
        lengths.append(squares @ sums.t())
    return torch.cat(lengths, 1)


# -------------------------------------------------------------------------------------------------- for the dispatcher


def _has_kernel(weight: Tensor) -> bool:
    if current_backend() == "reference" or weight.dtype == torch.float16 or weight.numel() == 0:
        return False
    return why_no_kernel("squared_lengths", weight.device.type) is None


# squares (N, I) have the type of the sums, as has the result (N, O).
torch.library.define(
    "imtrans::squared_lengths", "(Tensor weight, Tensor squares) -> Tensor", tags=torch.Tag.pt2_compliant_tag
)


@torch.library.register_fake("imtrans::squared_lengths")
def _fake(weight: Tensor, squares: Tensor) -> Tensor:
    return squares.new_empty(squares.shape[0], weight.shape[0])
