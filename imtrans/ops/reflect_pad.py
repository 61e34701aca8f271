"""Reflection padding that keeps the memory layout, and its gradient.

With a border of p pixels on each side, along either axis of n pixels (the edge itself is not repeated)::

    reflect_pad(x)[k] = x[reflected(k)]                          k = 0 ... n + 2 p - 1
    reflected(k) = |k - p|, and 2 (n - 1) - |k - p| past the end

It is linear, and its gradient is its transpose, the *fold*: every pixel gathers the gradients of the at most nine
places that show it. The fold's gradient is the padding again, so these two operators hold the derivatives of every
order. Both write each output once and add nothing atomically: the same bits in every run.

``torch.nn.functional.pad`` gives contiguous maps back on CUDA, and its gradient there scatters with atomic additions.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from imtrans.errors import UsageError
from imtrans.ops.checks import check_padding
from imtrans.ops.operator import Check, Operator, define


def reflect_pad(x: Tensor, padding: int) -> Tensor:
    """Surround every map with ``padding`` reflected pixels on each side, as ``torch.nn.ReflectionPad2d`` does.

    Args:
        x: feature maps (N, C, H, W) of any floating type. Contiguous and channels-last maps are taken as they lie;
            others are copied first.
        padding: pixels on each side, less than H and less than W. With 0 the result is x itself.

    Returns:
        (N, C, H + 2 padding, W + 2 padding), of the type and memory layout of x. Differentiable to any order.

    Raises:
        UsageError: no feature maps, empty ones, or ones too small for their border.
        BackendError: ``use_backend("fused")`` is in force and the kernels cannot serve.
    """
    require_paddable("reflect_pad", x, padding)
    if padding == 0:
        return x
    if operator.is_fused(operator.why_not(x)):
        return torch.ops.imtrans.reflect_pad(dense(x), padding)
    return reference(x, padding)


def reference(x: Tensor, padding: int) -> Tensor:
    """The same in plain PyTorch."""
    y = functional.pad(x, (padding,) * 4, mode="reflect")
    return y.contiguous(memory_format=torch.channels_last) if lies_channels_last(x) else y


# ----------------------------------------------------------------------------------------------- arguments of the user


def require_paddable(name: str, x: Tensor, padding: int) -> None:
    """Refuse what the operator ``name`` cannot give a reflected border.

    Raises:
        UsageError: no feature maps, empty ones, or ones too small for their border.
    """
    if x.dim() != 4:
        raise UsageError(f"{name} takes feature maps (N, C, H, W), not a tensor of shape {tuple(x.shape)}.")
    if x.numel() == 0:
        raise UsageError(f"{name} has nothing to reflect in a tensor of shape {tuple(x.shape)}.")
    if not x.is_floating_point():
        raise UsageError(f"{name} takes floating-point feature maps, not {x.dtype}.")
    if isinstance(padding, bool) or not isinstance(padding, (int, torch.SymInt)) or padding < 0:
        raise UsageError(f"the padding of {name} is a whole number of pixels of at least 0, not {padding!r}.")
    height, width = x.shape[2:]
    if padding > 0 and (padding >= height or padding >= width):
        raise UsageError(
            f"{name} cannot reflect {padding} pixels of maps of {height} x {width}.",
            have="A border shows other pixels than the edge, so it is narrower than the map is high and wide.",
            hint=f"Give it maps of at least {padding + 1} x {padding + 1} pixels.",
        )


def lies_channels_last(x: Tensor) -> bool:
    """Whether the channels of a pixel are neighbours. Maps of one channel lie both ways, and their strides decide."""
    return x.is_contiguous(memory_format=torch.channels_last) and x.stride(1) == 1


def memory_format_of(x: Tensor) -> torch.memory_format:
    """The memory format of a dense map, which its padded and its folded version share."""
    return torch.channels_last if lies_channels_last(x) else torch.contiguous_format


def dense(x: Tensor) -> Tensor:
    """X as the kernels take it: contiguous or channels-last, whichever is nearer to how it lies."""
    if x.is_contiguous() or x.is_contiguous(memory_format=torch.channels_last):
        return x
    nearer = torch.channels_last if x.stride(1) == 1 and x.shape[1] > 1 else torch.contiguous_format
    return x.contiguous(memory_format=nearer)


# -------------------------------------------------------------------------------------------------- for the dispatcher


def _self_check(device: torch.device) -> list[Check]:
    return check_padding(operator.dtypes[device.type], device, reflect_pad)


_FLOATS = frozenset({torch.float32, torch.float64, torch.bfloat16})

operator = define(
    Operator(
        name="reflect_pad",
        summary="reflection padding and its gradient; also under reflect_conv2d",
        schemas={
            "reflect_pad": "(Tensor x, SymInt pad) -> Tensor",
            "reflect_fold": "(Tensor y, SymInt pad) -> Tensor",
        },
        reference=reference,
        self_check=_self_check,
        dtypes={"cpu": _FLOATS, "cuda": _FLOATS | {torch.float16}},
    )
)


def bordered(x: Tensor, border: int) -> Tensor:
    """An uninitialised map of the type and layout of a dense x, ``border`` pixels larger on each side."""
    batch, channels, height, width = x.shape
    sizes = (batch, channels, height + 2 * border, width + 2 * border)
    return torch.empty(sizes, dtype=x.dtype, device=x.device, memory_format=memory_format_of(x))


@torch.library.register_fake("imtrans::reflect_pad")
def _pad_fake(x: Tensor, pad: int) -> Tensor:
    return bordered(x, pad)


@torch.library.register_fake("imtrans::reflect_fold")
def _fold_fake(y: Tensor, pad: int) -> Tensor:
    return bordered(y, -pad)


# ------------------------------------------------------------------------------------------------------------ autograd


def _remember(ctx: Any, inputs: tuple[Tensor, int], output: Tensor) -> None:
    x, ctx.pad = inputs
    # Gradients arrive in any layout; they leave in that of the input, where the layer before expects them.
    ctx.memory_format = memory_format_of(x)


def _pad_backward(ctx: Any, dy: Tensor) -> tuple[Tensor, None]:
    return torch.ops.imtrans.reflect_fold(dy.contiguous(memory_format=ctx.memory_format), ctx.pad), None


def _fold_backward(ctx: Any, dx: Tensor) -> tuple[Tensor, None]:
    return torch.ops.imtrans.reflect_pad(dx.contiguous(memory_format=ctx.memory_format), ctx.pad), None


torch.library.register_autograd("imtrans::reflect_pad", _pad_backward, setup_context=_remember)
torch.library.register_autograd("imtrans::reflect_fold", _fold_backward, setup_context=_remember)
