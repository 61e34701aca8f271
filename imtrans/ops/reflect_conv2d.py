"""A convolution over reflected borders.

    y = conv2d(reflect_pad(x, padding), weight, bias)

The convolution is oneDNN's or cuDNN's, without a padding of its own (theirs are of zeros only) and in the layout of x.
Ours is the border, :func:`imtrans.ops.reflect_pad`: written once, forgotten, and written again for the backward, so
that a network keeps x alone, which the layer before has often kept already. Where the layer before can write the
border itself, even that pass is saved; see :class:`imtrans.nn.ReflectConv2d`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from imtrans.errors import UsageError
from imtrans.ops.reflect_pad import bordered, dense, require_paddable
from imtrans.ops.reflect_pad import operator as padding_operator
from imtrans.ops.reflect_pad import reference as reference_padding


def reflect_conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, *, padding: int, stride: int = 1, groups: int = 1
) -> Tensor:
    """Convolve maps surrounded by ``padding`` reflected pixels on each side.

    Under autocast everything but float64 is converted to the type of autocast first, as for ``F.conv2d``.

    Args:
        x: feature maps (N, C, H, W) of any floating type. Contiguous and channels-last maps are taken as they lie.
        weight: kernels (D, C / groups, kH, kW), of the type of x.
        bias: (D,), of the type of x, or None.
        padding: pixels of the border on each side, less than H and less than W.
        stride: pixels from one place of the kernel to the next.
        groups: into how many groups of channels, convolved each for itself, C and D are divided.

    Returns:
        (N, D, (H + 2 padding - kH) / stride + 1, ...) rounded down, of the type of x. Differentiable to any order.

    Raises:
        UsageError: maps too small for their border or the kernel, shapes, types or devices that do not fit.
        BackendError: ``use_backend("fused")`` is in force and the padding kernels cannot serve.
    """
    x, weight, bias = _as_autocast_does(x, weight, bias)
    _require_valid(x, weight, bias, padding, stride, groups)
    if padding == 0:
        return functional.conv2d(x, weight, bias, stride, 0, 1, groups)
    if not padding_operator.is_fused(padding_operator.why_not(x)):
        return functional.conv2d(reference_padding(x, padding), weight, bias, stride, 0, 1, groups)
    operands = dense(x), weight, bias, padding, stride, groups
    if torch.is_grad_enabled() and any(each is not None and each.requires_grad for each in (x, weight, bias)):
        y: Tensor = _ReflectConv2d.apply(*operands)
        return y
    return _ReflectConv2d.forward(*operands)  # apply() would take as long again as the smallest convolutions


class _ReflectConv2d(torch.autograd.Function):
    """Keeps x and not the padded map. Its backward consists of differentiable operators, and so has gradients too."""

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor | None, padding: int, stride: int, groups: int) -> Tensor:
        return functional.conv2d(torch.ops.imtrans.reflect_pad(x, padding), weight, bias, stride, 0, 1, groups)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, weight, bias, ctx.padding, ctx.stride, ctx.groups = inputs
        ctx.bias_sizes = None if bias is None else [bias.shape[0]]
        ctx.save_for_backward(x, weight)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        wanted = ctx.needs_input_grad[:3]
        # Only the weight's gradient reads the map; for that of x its sizes and its layout are enough.
        padded = torch.ops.imtrans.reflect_pad(x, ctx.padding) if wanted[1] else bordered(x, ctx.padding)
        stride, nothing = [ctx.stride] * 2, [0, 0]
        dpadded, dweight, dbias = torch.ops.aten.convolution_backward(
            dy, padded, weight, ctx.bias_sizes, stride, nothing, [1, 1], False, nothing, ctx.groups, wanted
        )
        dx = torch.ops.imtrans.reflect_fold(dense(dpadded), ctx.padding) if wanted[0] else None
        return dx, dweight, dbias, None, None, None


def _as_autocast_does(x: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """The operands in the type in which ``F.conv2d`` computes under autocast; float64 is left alone."""
    if not torch.is_autocast_enabled(x.device.type):
        return x, weight, bias
    narrow = torch.get_autocast_dtype(x.device.type)

    def converted(tensor: Tensor) -> Tensor:
        eligible = tensor.is_floating_point() and tensor.dtype != torch.float64
        return tensor.to(narrow) if eligible else tensor

    return converted(x), converted(weight), None if bias is None else converted(bias)


def _require_valid(x: Tensor, weight: Tensor, bias: Tensor | None, padding: int, stride: int, groups: int) -> None:
    require_paddable("reflect_conv2d", x, padding)
    if weight.dim() != 4 or weight.numel() == 0:
        raise UsageError(
            f"the weight of reflect_conv2d has shape {tuple(weight.shape)}.",
            have="Kernels have the shape (channels of the output, channels of x / groups, height, width).",
        )
    for name, number in (("stride", stride), ("groups", groups)):
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise UsageError(f"the {name} of reflect_conv2d is a whole number of at least 1, not {number!r}.")
    leaving, entering, *kernel = weight.shape
    if entering * groups != x.shape[1] or leaving % groups:
        raise UsageError(
            f"the weight of reflect_conv2d has shape {tuple(weight.shape)}, and x has {x.shape[1]} channels.",
            have=f"With groups={groups} it takes maps of {entering * groups} channels to a multiple of {groups}.",
        )
    height, width = (side + 2 * padding for side in x.shape[2:])
    if kernel[0] > height or kernel[1] > width:
        raise UsageError(f"a kernel of {kernel[0]} x {kernel[1]} does not fit into padded maps of {height} x {width}.")
    if bias is not None and tuple(bias.shape) != (leaving,):
        raise UsageError(f"the bias of reflect_conv2d has shape {tuple(bias.shape)}, not ({leaving},).")
    for name, operand in (("weight", weight), ("bias", bias)):
        if operand is not None and (operand.dtype, operand.device) != (x.dtype, x.device):
            raise UsageError(
                f"the {name} of reflect_conv2d is {operand.dtype} on {operand.device}, and x is {x.dtype} on "
                f"{x.device}.",
                hint="Convert one of them, or compute under torch.autocast.",
            )
