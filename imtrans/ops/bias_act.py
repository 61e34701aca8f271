"""Everything pointwise between two convolutions of StyleGAN2, in one pass over memory.

For each image n, channel c and pixel p::

    z = x * scale[n, c] + noise_strength * noise[n, p] + bias[c]
    y = clamp(gain * act(z)) * next_style[n, c]

Every part is optional. With bias, activation, gain and clamp alone this is ``bias_act`` of NVIDIA's StyleGAN code. With
``scale`` it ends a modulated convolution (the demodulation), and with ``next_style`` it begins the next one. Karras,
Laine, Aittala, Hellsten, Lehtinen, Aila: Analyzing and Improving the Image Quality of StyleGAN, 2020,
https://arxiv.org/abs/1912.04958, section 2.2.

First and second gradients are fused where the activation is linear, ReLU or leaky ReLU; a third raises
:class:`~imtrans.errors.BackendError`. The derivations stand in ``csrc/common/bias_act.h``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from imtrans.errors import UsageError
from imtrans.ops.arguments import require_fits, statistics_dtype
from imtrans.ops.checks import check_bias_act
from imtrans.ops.normalisation import refuse_third_order
from imtrans.ops.operator import Check, Operator, define
from imtrans.ops.reflect_pad import dense

StyleActivation = Literal["linear", "relu", "lrelu", "tanh", "sigmoid", "elu", "selu", "softplus", "swish"]


@dataclass(frozen=True)
class _Shape:
    """An activation, with what NVIDIA's code takes where the caller says nothing."""

    function: Callable[[Tensor, float], Tensor]
    alpha: float = 0.0
    gain: float = 1.0
    slope: float | None = None
    """What negative values are multiplied by; None for alpha, where ``kinked``."""
    kinked: bool = False
    """Whether the activation is linear but for a kink at 0, as the kernels take it."""


_SQRT2 = math.sqrt(2)

ACTIVATIONS: dict[str, _Shape] = {
    "linear": _Shape(lambda z, alpha: z, slope=1.0, kinked=True),
    "relu": _Shape(lambda z, alpha: functional.relu(z), gain=_SQRT2, slope=0.0, kinked=True),
    "lrelu": _Shape(functional.leaky_relu, alpha=0.2, gain=_SQRT2, kinked=True),
    "tanh": _Shape(lambda z, alpha: z.tanh()),
    "sigmoid": _Shape(lambda z, alpha: z.sigmoid()),
    "elu": _Shape(lambda z, alpha: functional.elu(z)),
    "selu": _Shape(lambda z, alpha: functional.selu(z)),
    "softplus": _Shape(lambda z, alpha: functional.softplus(z)),
    "swish": _Shape(lambda z, alpha: z.sigmoid() * z, gain=_SQRT2),
}
"""Every activation by its name in NVIDIA's code. The gains keep the variance of a normal input about where it was."""


def bias_act(
    x: Tensor,
    bias: Tensor | None = None,
    *,
    scale: Tensor | None = None,
    noise: Tensor | None = None,
    noise_strength: Tensor | float | None = None,
    next_style: Tensor | None = None,
    activation: StyleActivation = "linear",
    alpha: float | None = None,
    gain: float | None = None,
    clamp: float | None = None,
) -> Tensor:
    """``clamp(gain * act(x * scale + noise_strength * noise + bias)) * next_style``.

    Args:
        x: (N, C) or (N, C, ...) of any floating type. Contiguous and channels-last maps are taken as they lie; others
            are copied first. Arithmetic is float32 (float64 for a float64 x).
        bias: (C,), or None for 0. Every parameter may be float32 where x is bfloat16 or float16.
        scale: factor of each channel of each image (N, C), or None for 1.
        noise: one number for each pixel, (N, 1, H, W), (1, 1, H, W) or (H, W), or None. For a four-dimensional x only.
        noise_strength: factor of the noise, a number or a tensor of one element; None for 1.
        next_style: factor of each channel of each image of the result (N, C), or None for 1.
        activation: a key of :data:`ACTIVATIONS`.
        alpha: slope of ``"lrelu"`` for negative values; None for 0.2. Unused by the others.
        gain: factor of the activated value; None for that of the activation: sqrt(2) for ``"relu"``, ``"lrelu"`` and
            ``"swish"``, 1 for the others.
        clamp: the largest magnitude of a value after the gain, or None for no limit.

    Returns:
        A tensor of the shape, type and memory layout of x.

    Raises:
        UsageError: shapes, types or devices that do not fit, an activation that does not exist, a negative clamp.
        BackendError: ``use_backend("fused")`` is in force and the kernels cannot serve.
    """
    _require_valid(x, bias, scale, noise, next_style)
    shape = _shape_of(activation)
    alpha = shape.alpha if alpha is None else float(alpha)
    gain = shape.gain if gain is None else float(gain)
    if clamp is not None and not clamp >= 0:
        raise UsageError(f"the clamp of bias_act is a number of at least 0, not {clamp}.")
    strength = _strength_of(x, noise, noise_strength)
    if operator.is_fused(_why_not(x, noise, activation, shape)):
        slope = alpha if shape.slope is None else shape.slope
        numbers = slope, gain, math.inf if clamp is None else float(clamp)
        return _fused(x, (scale, bias, noise, strength, next_style), numbers)
    return reference(x, scale, bias, noise, strength, next_style, shape.function, alpha, gain, clamp)


def _fused(x: Tensor, parameters: tuple[Tensor | None, ...], numbers: tuple[float, float, float]) -> Tensor:
    maps = dense(x if x.dim() == 4 else x.reshape(*x.shape[:2], -1, 1))
    wide = statistics_dtype(x.dtype)
    y = torch.ops.imtrans.bias_act(maps, *(None if each is None else each.to(wide) for each in parameters), *numbers)
    return y if x.dim() == 4 else y.reshape(x.shape)


def reference(
    x: Tensor,
    scale: Tensor | None,
    bias: Tensor | None,
    noise: Tensor | None,
    strength: Tensor | None,
    style: Tensor | None,
    function: Callable[[Tensor, float], Tensor],
    alpha: float,
    gain: float,
    clamp: float | None,
) -> Tensor:
    """The formula in plain PyTorch."""
    z = x.to(statistics_dtype(x.dtype))
    places = (1,) * (x.dim() - 2)
    if scale is not None:
        z = z * scale.to(z.dtype).reshape(*scale.shape, *places)
    if noise is not None:
        noise = noise.to(z.dtype)
        z = z + (noise if strength is None else strength.to(z.dtype) * noise)
    if bias is not None:
        z = z + bias.to(z.dtype).reshape(-1, *places)
    y = function(z, alpha)
    if gain != 1:
        y = y * gain
    if clamp is not None:
        y = y.clamp(-clamp, clamp)
    if style is not None:
        y = y * style.to(y.dtype).reshape(*style.shape, *places)
    return y.to(x.dtype)


# ----------------------------------------------------------------------------------------------- arguments of the user


def _require_valid(
    x: Tensor, bias: Tensor | None, scale: Tensor | None, noise: Tensor | None, next_style: Tensor | None
) -> None:
    if x.dim() < 2:
        raise UsageError(f"bias_act takes tensors (N, C, ...), not one of shape {tuple(x.shape)}.")
    if not x.is_floating_point():
        raise UsageError(f"bias_act takes tensors of a floating type, not {x.dtype}.")
    batch, channels = x.shape[:2]
    if bias is not None:
        require_fits("bias_act", "bias", bias, x, (channels,))
    for name, factor in (("scale", scale), ("next_style", next_style)):
        if factor is not None:
            require_fits("bias_act", name, factor, x, (batch, channels))
    if noise is not None:
        if x.dim() != 4:
            raise UsageError(f"bias_act adds noise to feature maps (N, C, H, W), not to shape {tuple(x.shape)}.")
        height, width = x.shape[2:]
        require_fits("bias_act", "noise", noise, x, (batch, 1, height, width), (1, 1, height, width), (height, width))


def _shape_of(activation: str) -> _Shape:
    if activation not in ACTIVATIONS:
        raise UsageError(
            f"there is no activation called {activation!r}.", have=f"Activations: {', '.join(map(repr, ACTIVATIONS))}."
        )
    return ACTIVATIONS[activation]


def _strength_of(x: Tensor, noise: Tensor | None, strength: Tensor | float | None) -> Tensor | None:
    """The strength as a tensor without dimensions, or None for 1."""
    if strength is None:
        return None
    if noise is None:
        raise UsageError("bias_act has a noise_strength and no noise.", hint="Give it the noise too, or neither.")
    if not isinstance(strength, Tensor):
        return torch.tensor(float(strength), dtype=statistics_dtype(x.dtype), device=x.device)
    if strength.numel() != 1:
        raise UsageError(f"the noise_strength of bias_act is one number, not of shape {tuple(strength.shape)}.")
    return strength.reshape(())


# -------------------------------------------------------------------------------------------------- for the dispatcher


def _why_not(x: Tensor, noise: Tensor | None, activation: str, shape: _Shape) -> str | None:
    if x.numel() == 0:
        return "there is nothing to do for an empty tensor."
    if not shape.kinked:
        return f"its kernels know 'linear', 'relu' and 'lrelu', not {activation!r}."
    if noise is not None and noise.requires_grad:
        return "noise has no gradient in its kernels."
    return operator.why_not(x)


def _self_check(device: torch.device) -> list[Check]:
    return check_bias_act(operator.dtypes[device.type], device, bias_act)


_FLOATS = frozenset({torch.float32, torch.float64, torch.bfloat16})
_PARAMETERS = (
    "Tensor x, Tensor? scale, Tensor? bias, Tensor? noise, Tensor? strength, Tensor? style, float slope, float gain,"
    " float clamp"
)

operator = define(
    Operator(
        name="bias_act",
        summary="scale + noise + bias + activation + gain + clamp + next style, between StyleGAN2's convolutions",
        schemas={
            # slope: what negative values are multiplied by, 1 for no activation and 0 for ReLU; clamp: infinity for
            # none. Parameters and sums have the type of the statistics; sums are (4, N, C), and their meaning stands in
            # csrc/common/bias_act.h. Without dsums, grad_x is zero, and is given as a tensor of shape (0,).
            "bias_act": f"({_PARAMETERS}) -> Tensor",
            "bias_act_backward": f"(Tensor dy, {_PARAMETERS}) -> (Tensor dx, Tensor sums)",
            "bias_act_backward_backward": f"(Tensor ddx, Tensor? dsums, Tensor dy, {_PARAMETERS})"
            " -> (Tensor grad_dy, Tensor grad_x, Tensor sums)",
        },
        reference=reference,
        self_check=_self_check,
        dtypes={"cpu": _FLOATS, "cuda": _FLOATS | {torch.float16}},
    )
)


@torch.library.register_fake("imtrans::bias_act")
def _forward_fake(x: Tensor, *_: Any) -> Tensor:
    return torch.empty_like(x)


@torch.library.register_fake("imtrans::bias_act_backward")
def _backward_fake(dy: Tensor, x: Tensor, *_: Any) -> tuple[Tensor, Tensor]:
    return torch.empty_like(x), _new_sums(x)


@torch.library.register_fake("imtrans::bias_act_backward_backward")
def _backward_backward_fake(
    ddx: Tensor, dsums: Tensor | None, dy: Tensor, x: Tensor, *_: Any
) -> tuple[Tensor, Tensor, Tensor]:
    grad_x = x.new_empty(0) if dsums is None else torch.empty_like(x)
    return torch.empty_like(x), grad_x, _new_sums(x)


def _new_sums(x: Tensor) -> Tensor:
    return x.new_empty((4, *x.shape[:2]), dtype=statistics_dtype(x.dtype))


# ------------------------------------------------------------------------------------------------------------ autograd


def _save_for_backward(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    *tensors, ctx.slope, ctx.gain, ctx.clamp = inputs
    ctx.save_for_backward(*tensors)


def _backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
    tensors = ctx.saved_tensors
    dx, sums = torch.ops.imtrans.bias_act_backward(dy, *tensors, ctx.slope, ctx.gain, ctx.clamp)
    style = tensors[5]
    _, wants_scale, wants_bias, _, wants_strength, wants_style, *_ = ctx.needs_input_grad
    # The sums are of what comes before the style.
    by_bias, by_scale, by_strength = (sums[k] if style is None else style * sums[k] for k in range(3))
    return (
        dx,
        by_scale if wants_scale else None,
        by_bias.sum(0) if wants_bias else None,
        None,
        by_strength.sum() if wants_strength else None,
        sums[3] if wants_style else None,
        *(None,) * 3,
    )


def _save_for_backward_backward(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    *tensors, ctx.slope, ctx.gain, ctx.clamp = inputs
    ctx.save_for_backward(*tensors)
    ctx.set_materialize_grads(False)


def _backward_backward(ctx: Any, ddx: Tensor | None, dsums: Tensor | None) -> tuple[Tensor | None, ...]:
    dy, x, scale, bias, noise, strength, style = ctx.saved_tensors
    if ddx is None:
        ddx = torch.zeros_like(x)
    grad_dy, grad_x, sums = torch.ops.imtrans.bias_act_backward_backward(
        ddx, dsums, dy, x, scale, bias, noise, strength, style, ctx.slope, ctx.gain, ctx.clamp
    )
    _, wants_x, wants_scale, wants_bias, _, wants_strength, wants_style, *_ = ctx.needs_input_grad
    grad_scale = grad_bias = grad_strength = grad_style = None
    if wants_scale:
        grad_scale = sums[3] if style is None else style * sums[3]
    if wants_style:
        grad_style = sums[3] if scale is None else scale * sums[3]
    if dsums is not None:  # the sums depend on what the activation is given
        if grad_scale is not None:
            grad_scale = grad_scale + dsums[3] * sums[1]
        grad_bias = (dsums[3] * sums[0]).sum(0) if wants_bias else None
        grad_strength = (dsums[3] * sums[2]).sum() if wants_strength else None
    grad_x = grad_x if wants_x and dsums is not None else None
    return grad_dy, grad_x, grad_scale, grad_bias, None, grad_strength, grad_style, *(None,) * 3


torch.library.register_autograd("imtrans::bias_act", _backward, setup_context=_save_for_backward)
# Without a gradient of its own, the backward operator would give a wrong second gradient and hardly a warning.
torch.library.register_autograd(
    "imtrans::bias_act_backward", _backward_backward, setup_context=_save_for_backward_backward
)
refuse_third_order("bias_act")
