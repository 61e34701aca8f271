"""A convolution with up- or downsampling, in the order of steps that costs least.

What it computes is: enlarge x ``up`` times with zeros, pad, low-pass filter, convolve, low-pass filter, keep every
``down``-th pixel. Convolution and filter commute, and pixels that are zero or that nobody keeps need no arithmetic::

    down, 1 x 1      filter and shrink, then convolve the few pixels that are left
    up,   1 x 1      convolve the few pixels that are there, then enlarge and filter
    down             filter, then convolve with a stride
    up               transposed convolution with a stride, then filter

The semantics are those of ``conv2d_resample`` of NVIDIA's StyleGAN code.
"""

from __future__ import annotations

from torch import Tensor

from imtrans.errors import UsageError
from imtrans.ops.convolution import conv2d, conv_transpose2d
from imtrans.ops.upfirdn2d import (
    Padding,
    factors_of,
    padding_down,
    padding_up,
    sides_of,
    upfirdn2d,
)


def conv2d_resample(
    x: Tensor,
    weight: Tensor,
    f: Tensor | None = None,
    *,
    up: int = 1,
    down: int = 1,
    padding: Padding = 0,
    groups: int = 1,
    flip_weight: bool = True,
    flip_filter: bool = False,
) -> Tensor:
    """Convolve maps, enlarged or shrunk by a low-pass filter.

    Args:
        x: feature maps (N, C, H, W) of any floating type.
        weight: kernels (D, C / groups, kH, kW), of the type of x.
        f: low-pass filter, as of :func:`imtrans.ops.setup_filter`, or None for the identity.
        up: factor by which the maps are enlarged first.
        down: every how many pixels of the result are kept.
        padding: pixels around the enlarged map, as for :func:`imtrans.ops.upfirdn2d`. Half of the kernel's size keeps
            the size of the map but for ``up`` and ``down``.
        groups: into how many groups of channels, convolved each for itself, C and D are divided.
        flip_weight: correlate, as ``F.conv2d`` does; False turns the kernels by half a turn first.
        flip_filter: likewise for the filter, whose habit is the other: False convolves.

    Returns:
        (N, D, ...), of the type of x. Differentiable to any order by x and weight.

    Raises:
        UsageError: shapes that do not fit, both ``up`` and ``down``, factors or paddings of another form.
        BackendError: ``use_backend("fused")`` is in force and the kernels of upfirdn2d cannot serve.
    """
    _require_valid(x, weight, up, down, groups)
    if not flip_weight and weight.shape[2:].numel() > 1:
        weight = weight.flip([2, 3])
    left, right, top, bottom = sides_of(padding)
    if up > 1:
        return _up(x, weight, f, up, (left, right, top, bottom), groups, flip_filter)
    if down > 1:
        return _down(x, weight, f, down, (left, right, top, bottom), groups, flip_filter)
    if left == right >= 0 and top == bottom >= 0:
        return conv2d(x, weight, padding=(top, left), groups=groups)
    return conv2d(upfirdn2d(x, None, padding=(left, right, top, bottom)), weight, groups=groups)


_Sides = tuple[int, int, int, int]


def _down(x: Tensor, weight: Tensor, f: Tensor | None, down: int, padding: _Sides, groups: int, flip: bool) -> Tensor:
    left, right, top, bottom = (a + b for a, b in zip(padding, padding_down(f, (down, down)), strict=True))
    around = left, right, top, bottom
    if weight.shape[2:].numel() == 1:
        return conv2d(upfirdn2d(x, f, down=down, padding=around, flip_filter=flip), weight, groups=groups)
    return conv2d(upfirdn2d(x, f, padding=around, flip_filter=flip), weight, stride=down, groups=groups)


def _up(x: Tensor, weight: Tensor, f: Tensor | None, up: int, padding: _Sides, groups: int, flip: bool) -> Tensor:
    left, right, top, bottom = (a + b for a, b in zip(padding, padding_up(f, (up, up)), strict=True))
    if weight.shape[2:].numel() == 1:
        around = left, right, top, bottom
        return upfirdn2d(conv2d(x, weight, groups=groups), f, up=up, padding=around, gain=up**2, flip_filter=flip)
    # The transposed convolution turns its kernels, and its maps are those of a full padding: what is beyond the
    # padding that was asked for is cropped, by the convolution where both sides allow it, else by the filter.
    height, width = weight.shape[2:]
    left, right, top, bottom = left - (width - 1), right - (width - up), top - (height - 1), bottom - (height - up)
    x_crop, y_crop = max(min(-left, -right), 0), max(min(-top, -bottom), 0)
    turned = _exchanged(weight, groups).flip([2, 3])
    grown = conv_transpose2d(x, turned, stride=up, padding=(y_crop, x_crop), groups=groups)
    around = left + x_crop, right + x_crop, top + y_crop, bottom + y_crop
    return upfirdn2d(grown, f, padding=around, gain=up**2, flip_filter=flip)


def _exchanged(weight: Tensor, groups: int) -> Tensor:
    """The weight (C, D / groups, kH, kW) of a transposed convolution for that of a convolution."""
    leaving, entering, height, width = weight.shape
    by_group = weight.reshape(groups, leaving // groups, entering, height, width).transpose(1, 2)
    return by_group.reshape(groups * entering, leaving // groups, height, width)


def _require_valid(x: Tensor, weight: Tensor, up: int, down: int, groups: int) -> None:
    if x.dim() != 4 or weight.dim() != 4 or not x.is_floating_point():
        raise UsageError(
            f"conv2d_resample takes floating-point feature maps (N, C, H, W) and kernels (D, C, kH, kW), not {x.dtype} "
            f"of shape {tuple(x.shape)} and {tuple(weight.shape)}."
        )
    factors_of("up", up), factors_of("down", down)
    if not isinstance(up, int) or not isinstance(down, int) or (up > 1 and down > 1):
        raise UsageError(
            f"conv2d_resample enlarges or shrinks, by one factor for both axes, and was given up={up}, down={down}."
        )
    leaving, entering = weight.shape[:2]
    if groups < 1 or entering * groups != x.shape[1] or leaving % groups:
        raise UsageError(
            f"the weight of conv2d_resample has shape {tuple(weight.shape)}, and x has {x.shape[1]} channels.",
            have=f"With groups={groups} it takes maps of {entering * groups} channels to a multiple of {groups}.",
        )
    if (weight.dtype, weight.device) != (x.dtype, x.device):
        raise UsageError(
            f"the weight of conv2d_resample is {weight.dtype} on {weight.device}, and x is {x.dtype} on {x.device}."
        )
