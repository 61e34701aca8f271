"""Resampling with a finite impulse response filter: upsample, pad, filter, downsample, in one pass over memory.

Along each axis of n pixels, with the filter f of t taps, and as if zeros stood wherever nothing stands::

    u[i * up]  = x[i]                                    zeros between the pixels; n * up places
    v          = pad(u)                                  zeros around it; a negative padding crops
    y[j]       = gain * sum of f[t - 1 - k] * v[j * down + k] over the taps k

so f is convolved with v; with ``flip_filter`` it is correlated, f[k] in place of f[t - 1 - k]. The semantics are those
of ``upfirdn2d`` of NVIDIA's StyleGAN code. Karras, Aittala, Hellsten, Laine, Lehtinen, Aila: Training Generative
Adversarial Networks with Limited Data, 2020, https://arxiv.org/abs/2006.06676.

It is linear in x, and its gradient is an upfirdn2d too, with up and down exchanged and the filter flipped; so it has
derivatives of every order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from imtrans.errors import UsageError
from imtrans.ops.arguments import full_precision, statistics_dtype
from imtrans.ops.checks import check_resampling
from imtrans.ops.operator import Check, Operator, define
from imtrans.ops.reflect_pad import dense, memory_format_of

Factor = int | tuple[int, int]
"""Of both axes, or (x, y)."""
Padding = int | Sequence[int]
"""On all four sides, or (x, y), or (x_before, x_after, y_before, y_after)."""


def upfirdn2d(
    x: Tensor,
    f: Tensor | None,
    *,
    up: Factor = 1,
    down: Factor = 1,
    padding: Padding = 0,
    flip_filter: bool = False,
    gain: float = 1.0,
) -> Tensor:
    """Upsample by zeros, pad, filter and downsample every channel for itself.

    Args:
        x: feature maps (N, C, H, W) of any floating type. Contiguous and channels-last maps are taken as they lie;
            others are copied first. Sums are float32 (float64 for a float64 x).
        f: filter (fH, fW); or (taps,) for a separable one, used along both axes; or None for the identity. Made by
            :func:`setup_filter`. It has no gradient.
        up: factor by which the maps are enlarged with zeros, or (x, y).
        down: every how many pixels of the result are kept, or (x, y).
        padding: pixels around the enlarged map: a number, (x, y), or (x_before, x_after, y_before, y_after). Negative
            ones crop.
        flip_filter: correlate rather than convolve.
        gain: factor of the result.

    Returns:
        (N, C, (H up + paddings - fH) // down + 1, ...), of the type and memory layout of x. Differentiable to any
        order by x.

    Raises:
        UsageError: no feature maps, factors or paddings of another form, a filter larger than the padded map.
        BackendError: ``use_backend("fused")`` is in force and the kernels cannot serve.
    """
    up, down, padding = factors_of("up", up), factors_of("down", down), sides_of(padding)
    f = _filter_of(x, f)
    _require_fits(x, f, up, padding)
    if not operator.is_fused(_why_not(x, f)):
        return reference(x, f, up, down, padding, flip_filter, gain)
    x, f, gain = dense(x), f.detach().to(statistics_dtype(x.dtype)), float(gain)
    if f.dim() == 2:
        return _fused(x, f, up, down, padding, flip_filter, gain)
    left, right, top, bottom = padding
    across = _fused(x, f[None, :], (up[0], 1), (down[0], 1), (left, right, 0, 0), flip_filter, 1.0)
    return _fused(across, f[:, None], (1, up[1]), (1, down[1]), (0, 0, top, bottom), flip_filter, gain)


def _fused(
    x: Tensor,
    f: Tensor,
    up: tuple[int, int],
    down: tuple[int, int],
    padding: tuple[int, int, int, int],
    flip_filter: bool,
    gain: float,
) -> Tensor:
    result: Tensor = torch.ops.imtrans.upfirdn2d(x, f, *up, *down, *padding, flip_filter, gain)
    return result


def reference(
    x: Tensor,
    f: Tensor,
    up: tuple[int, int],
    down: tuple[int, int],
    padding: tuple[int, int, int, int],
    flip_filter: bool,
    gain: float,
) -> Tensor:
    """The three steps one after another, in plain PyTorch."""
    batch, channels, height, width = x.shape
    wide = x.to(statistics_dtype(x.dtype))
    spread = functional.pad(wide[:, :, :, None, :, None], (0, up[0] - 1, 0, 0, 0, up[1] - 1))
    padded = _pad_then_crop(spread.reshape(batch, channels, height * up[1], width * up[0]), padding)
    taps = (f if flip_filter else f.flip(list(range(f.dim())))).to(padded.dtype)
    kernels = [taps * gain] if taps.dim() == 2 else [taps[None, :] * gain, taps[:, None]]
    with full_precision(x):
        for kernel in kernels:
            padded = functional.conv2d(padded, kernel.expand(channels, 1, *kernel.shape), groups=channels)
    y = padded[:, :, :: down[1], :: down[0]]
    return y.to(x.dtype).contiguous(memory_format=memory_format_of(x))


def _pad_then_crop(x: Tensor, padding: tuple[int, int, int, int]) -> Tensor:
    """In this order, so that more may be cropped on one side than x itself has."""
    left, right, top, bottom = (max(side, 0) for side in padding)
    padded = functional.pad(x, (left, right, top, bottom))
    left, right, top, bottom = (max(-side, 0) for side in padding)
    return padded[:, :, top : padded.shape[2] - bottom, left : padded.shape[3] - right]


# ------------------------------------------------------------------------------------------------------------ its uses


def setup_filter(
    f: Tensor | Sequence[float] | Sequence[Sequence[float]] | float | None,
    *,
    device: torch.device | str = "cpu",
    normalize: bool = True,
    flip_filter: bool = False,
    gain: float = 1.0,
    separable: bool | None = None,
) -> Tensor:
    """A filter for :func:`upfirdn2d`.

    Args:
        f: (fH, fW), or taps of a filter that is the same along both axes, or one number, or None for the identity.
        device: of the result.
        normalize: divide by the sum of the taps, so that constant maps stay as they are.
        flip_filter: turn it by half a turn.
        gain: factor of the filtered map.
        separable: whether the result is one-dimensional; by default taps of 8 and more are.

    Returns:
        float32, (fH, fW) or (taps,).

    Raises:
        UsageError: no taps, more than two dimensions, or a two-dimensional filter that is to be separable.
    """
    taps = torch.as_tensor(1.0 if f is None else f, dtype=torch.float32)
    if taps.dim() > 2 or taps.numel() == 0:
        raise UsageError(f"a filter has one or two dimensions and at least one tap, not shape {tuple(taps.shape)}.")
    taps = taps.reshape(1) if taps.dim() == 0 else taps
    if separable is None:
        separable = taps.dim() == 1 and taps.numel() >= 8
    if separable and taps.dim() == 2:
        raise UsageError("a filter of two dimensions is not separable.", hint="Give its taps along one axis.")
    if taps.dim() == 1 and not separable:
        taps = torch.outer(taps, taps)
    if normalize:
        taps = taps / taps.sum()
    if flip_filter:
        taps = taps.flip(list(range(taps.dim())))
    return (taps * gain ** (taps.dim() / 2)).to(device)


def filter2d(
    x: Tensor, f: Tensor | None, *, padding: Padding = 0, flip_filter: bool = False, gain: float = 1.0
) -> Tensor:
    """Filter maps, which keep their size but for ``padding``. See :func:`upfirdn2d`."""
    width, height = filter_size(f)
    around = _plus(padding, (width // 2, (width - 1) // 2, height // 2, (height - 1) // 2))
    return upfirdn2d(x, f, padding=around, flip_filter=flip_filter, gain=gain)


def upsample2d(
    x: Tensor,
    f: Tensor | None,
    *,
    up: Factor = 2,
    padding: Padding = 0,
    flip_filter: bool = False,
    gain: float = 1.0,
) -> Tensor:
    """Enlarge maps ``up`` times, keeping their magnitude; ``padding`` counts pixels of the result.

    See :func:`upfirdn2d`.
    """
    factors = factors_of("up", up)
    around = _plus(padding, padding_up(f, factors))
    gain = gain * factors[0] * factors[1]
    return upfirdn2d(x, f, up=factors, padding=around, flip_filter=flip_filter, gain=gain)


def downsample2d(
    x: Tensor,
    f: Tensor | None,
    *,
    down: Factor = 2,
    padding: Padding = 0,
    flip_filter: bool = False,
    gain: float = 1.0,
) -> Tensor:
    """Shrink maps ``down`` times; ``padding`` counts pixels of x. See :func:`upfirdn2d`."""
    factors = factors_of("down", down)
    around = _plus(padding, padding_down(f, factors))
    return upfirdn2d(x, f, down=factors, padding=around, flip_filter=flip_filter, gain=gain)


def filter_size(f: Tensor | None) -> tuple[int, int]:
    """Width and height of a filter."""
    return (1, 1) if f is None else (f.shape[-1], f.shape[0])


def padding_up(f: Tensor | None, up: tuple[int, int]) -> tuple[int, int, int, int]:
    """The padding with which an enlarged map is exactly ``up`` times as large as x, and centred."""
    (width, height), (x, y) = filter_size(f), up
    return (width + x - 1) // 2, (width - x) // 2, (height + y - 1) // 2, (height - y) // 2


def padding_down(f: Tensor | None, down: tuple[int, int]) -> tuple[int, int, int, int]:
    """The padding with which a shrunk map is exactly ``1 / down`` as large as x, and centred."""
    (width, height), (x, y) = filter_size(f), down
    return (width - x + 1) // 2, (width - x) // 2, (height - y + 1) // 2, (height - y) // 2


# ----------------------------------------------------------------------------------------------- arguments of the user


def factors_of(name: str, factor: Factor) -> tuple[int, int]:
    """Up- or downsampling as (x, y).

    Raises:
        UsageError: neither a whole number from 1 on, nor two of them.
    """
    both = tuple(factor) if isinstance(factor, (tuple, list)) else (factor, factor)
    if len(both) != 2 or not all(_is_whole(each) and each >= 1 for each in both):
        raise UsageError(f"{name} is a whole number of at least 1, or two of them for x and y, not {factor!r}.")
    return both[0], both[1]


def sides_of(padding: Padding) -> tuple[int, int, int, int]:
    """A padding as (x_before, x_after, y_before, y_after).

    Raises:
        UsageError: not one, two or four whole numbers.
    """
    sides = tuple(padding) if isinstance(padding, Sequence) else (padding,) * 4
    if len(sides) == 2:
        sides = (sides[0], sides[0], sides[1], sides[1])
    if len(sides) != 4 or not all(map(_is_whole, sides)):
        raise UsageError(
            f"a padding is a whole number, or (x, y), or (x_before, x_after, y_before, y_after), not {padding!r}."
        )
    return sides[0], sides[1], sides[2], sides[3]


def _is_whole(number: object) -> bool:
    return isinstance(number, (int, torch.SymInt)) and not isinstance(number, bool)


def _plus(padding: Padding, more: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    left, right, top, bottom = (a + b for a, b in zip(sides_of(padding), more, strict=True))
    return left, right, top, bottom


def _filter_of(x: Tensor, f: Tensor | None) -> Tensor:
    if f is None:
        return torch.ones(1, 1, device=x.device)
    if f.dim() not in (1, 2) or f.numel() == 0 or not f.is_floating_point():
        raise UsageError(
            f"a filter of shape {tuple(f.shape)} and {f.dtype} cannot be used.",
            have="Filters have one or two dimensions, at least one tap and a floating type.",
            hint="Make it with setup_filter().",
        )
    if f.device != x.device:
        raise UsageError(f"the filter is on {f.device}, and the feature maps are on {x.device}.")
    return f


def _require_fits(x: Tensor, f: Tensor, up: tuple[int, int], padding: tuple[int, int, int, int]) -> None:
    if x.dim() != 4 or not x.is_floating_point():
        raise UsageError(
            f"upfirdn2d takes floating-point feature maps (N, C, H, W), not {x.dtype} of shape {tuple(x.shape)}."
        )
    width, height = filter_size(f)
    padded_width = x.shape[3] * up[0] + padding[0] + padding[1]
    padded_height = x.shape[2] * up[1] + padding[2] + padding[3]
    if padded_width < width or padded_height < height:
        raise UsageError(
            f"a filter of {height} x {width} taps does not fit into a padded map of {padded_height} x {padded_width}."
        )


# -------------------------------------------------------------------------------------------------- for the dispatcher


def _why_not(x: Tensor, f: Tensor) -> str | None:
    if x.numel() == 0:
        return "there is nothing to filter in an empty tensor."
    if f.requires_grad:
        return "a filter has no gradient in its kernels."
    return operator.why_not(x)


def _self_check(device: torch.device) -> list[Check]:
    return check_resampling(operator.dtypes[device.type], device, upfirdn2d)


_FLOATS = frozenset({torch.float32, torch.float64, torch.bfloat16})

operator = define(
    Operator(
        name="upfirdn2d",
        summary="FIR resampling: enlarge with zeros, pad, filter, shrink",
        schemas={
            # f has two dimensions, and the type of the sums.
            "upfirdn2d": "(Tensor x, Tensor f, int up_x, int up_y, int down_x, int down_y, SymInt left, SymInt right,"
            " SymInt top, SymInt bottom, bool flip, float gain) -> Tensor",
        },
        reference=reference,
        self_check=_self_check,
        dtypes={"cpu": _FLOATS, "cuda": _FLOATS | {torch.float16}},
    )
)


@torch.library.register_fake("imtrans::upfirdn2d")
def _fake(
    x: Tensor,
    f: Tensor,
    up_x: int,
    up_y: int,
    down_x: int,
    down_y: int,
    left: int,
    right: int,
    top: int,
    bottom: int,
    flip: bool,
    gain: float,
) -> Tensor:
    height = (x.shape[2] * up_y + top + bottom - f.shape[0]) // down_y + 1
    width = (x.shape[3] * up_x + left + right - f.shape[1]) // down_x + 1
    sizes = (*x.shape[:2], height, width)
    return torch.empty(sizes, dtype=x.dtype, device=x.device, memory_format=memory_format_of(x))


# ------------------------------------------------------------------------------------------------------------ autograd


def _remember(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, f, *ctx.numbers = inputs
    ctx.sides = x.shape[2:]
    # Gradients arrive in any layout; they leave in that of the input, where the layer before expects them.
    ctx.memory_format = memory_format_of(x)
    ctx.save_for_backward(f)


def _backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
    (f,) = ctx.saved_tensors
    up_x, up_y, down_x, down_y, left, _, top, _, flip, gain = ctx.numbers
    before, after = f.shape[1] - left - 1, ctx.sides[1] * up_x - dy.shape[3] * down_x + left - up_x + 1
    above, below = f.shape[0] - top - 1, ctx.sides[0] * up_y - dy.shape[2] * down_y + top - up_y + 1
    dx = torch.ops.imtrans.upfirdn2d(
        dy.contiguous(memory_format=ctx.memory_format),
        f,
        *(down_x, down_y, up_x, up_y),
        *(before, after, above, below),
        not flip,
        gain,
    )
    return dx, *(None,) * 11


torch.library.register_autograd("imtrans::upfirdn2d", _backward, setup_context=_remember)
