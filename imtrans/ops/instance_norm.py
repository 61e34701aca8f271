"""Instance norm with scale and shift, activation, residual and a reflected border in one pass over memory.

For each image n and channel c, over the m = H W pixels of ``x[n, c]``::

    mean = E[x]        rstd = 1 / sqrt(E[(x - mean)^2] + eps)
    z = (x - mean) * rstd * weight + bias
    y = pad(act(z) + residual)

The residual is added *after* the activation, as in the residual block of CycleGAN (norm, no activation, add); without
a residual this is norm and activation. pad is the reflection of ``torch.nn.ReflectionPad2d``, for the convolution that
comes next. Ulyanov, Vedaldi, Lempitsky: Instance Normalization: The Missing Ingredient for Fast Stylization, 2016,
https://arxiv.org/abs/1607.08022.

First and second gradients are fused; a third raises :class:`~imtrans.errors.BackendError`. The derivations stand in
``csrc/common/instance_norm.h``.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from imtrans.ops.arguments import (
    Activation,
    border_of,
    require_fits,
    require_map,
    require_residual,
    slope_of,
    statistics_dtype,
)
from imtrans.ops.checks import check_against_reference
from imtrans.ops.normalisation import finish, new_padded, refuse_third_order, residual_gradient
from imtrans.ops.operator import Check, Operator, define
from imtrans.ops.reflect_pad import dense


def instance_norm(
    x: Tensor,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    residual: Tensor | None = None,
    *,
    activation: Activation = "none",
    slope: float = 0.2,
    eps: float = 1e-5,
    pad: int = 0,
) -> Tensor:
    """``pad(act((x - mean) / sqrt(var + eps) * weight + bias) + residual)``, normalised by channel and image.

    Args:
        x: feature maps (N, C, H, W) of any floating type. Contiguous and channels-last maps are taken as they lie;
            others are copied first. Statistics and arithmetic are float32 (float64 for a float64 x).
        weight: scale (C,), or (N, C) with numbers for each image, or None for 1. May be float32 where x is bfloat16 or
            float16.
        bias: shift, likewise, or None for 0. Where both are given, both have the same shape.
        residual: added at the end, of the shape of x, or None. Where it is larger by the same number of pixels on each
            side, its interior counts (and the gradient of the rest is zero). It is converted to the type of x first.
        activation: ``"none"``, ``"relu"`` or ``"leaky_relu"``.
        slope: of the leaky ReLU, for negative values. Unused by the other activations.
        eps: added to the (biased) variance.
        pad: pixels of the reflected border of the result, less than H and less than W.

    Returns:
        (N, C, H + 2 pad, W + 2 pad) of the type and memory layout of x. Maps of one pixel become
        ``act(bias) + residual``.

    Raises:
        UsageError: shapes that do not fit, an empty x, one too small for the border, an activation that does not exist,
            types that are not floating.
        BackendError: ``use_backend("fused")`` is in force and the kernels cannot serve.
    """
    require_map("instance_norm", x, eps, pad)
    _require_parameters(x, weight, bias)
    negative_slope = slope_of(activation, slope)
    if residual is not None:
        require_residual("instance_norm", residual, x)
        if residual.dtype != x.dtype:
            residual = residual.to(x.dtype)
    if operator.is_fused(operator.why_not(x)):
        wide = statistics_dtype(x.dtype)
        weight = None if weight is None else weight.to(wide)
        bias = None if bias is None else bias.to(wide)
        return torch.ops.imtrans.instance_norm(dense(x), weight, bias, residual, negative_slope, eps, pad)[0]
    return reference(x, weight, bias, residual, negative_slope, eps, pad)


def reference(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    residual: Tensor | None,
    slope: float,
    eps: float,
    pad: int = 0,
) -> Tensor:
    """The formula in plain PyTorch; ``slope`` is 1 for no activation and 0 for ReLU."""
    wide = x.to(statistics_dtype(x.dtype))
    centred = wide - wide.mean(dim=(2, 3), keepdim=True)
    z = centred * torch.rsqrt(centred.square().mean(dim=(2, 3), keepdim=True) + eps)
    if weight is not None:
        z = z * weight.to(z.dtype)[..., None, None]
    if bias is not None:
        z = z + bias.to(z.dtype)[..., None, None]
    return finish(z, residual, slope, pad).to(x.dtype)


def _require_parameters(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> None:
    batch, channels = x.shape[:2]
    for name, parameter in (("weight", weight), ("bias", bias)):
        if parameter is not None:
            require_fits("instance_norm", name, parameter, x, (channels,), (batch, channels))
    if weight is not None and bias is not None:
        require_fits("instance_norm", "bias", bias, x, tuple(weight.shape))


# -------------------------------------------------------------------------------------------------- for the dispatcher


def _self_check(device: torch.device) -> list[Check]:
    return check_against_reference(operator.dtypes[device.type], device, instance_norm)


_FLOATS = frozenset({torch.float32, torch.float64, torch.bfloat16})

operator = define(
    Operator(
        name="instance_norm",
        summary="instance norm + scale and shift + activation + residual + border",
        schemas={
            # slope: what negative values are multiplied by, 1 for no activation and 0 for ReLU. weight, bias, mean and
            # rstd have the type of the statistics; a gradient of an absent weight or bias has shape (0,), and so has
            # dresidual unless it is wanted. Without a border dresidual is dy, and nobody asks for it.
            "instance_norm": "(Tensor x, Tensor? weight, Tensor? bias, Tensor? residual, float slope, float eps,"
            " int pad=0) -> (Tensor y, Tensor mean, Tensor rstd)",
            "instance_norm_backward": "(Tensor dy, Tensor x, Tensor? weight, Tensor? bias, Tensor mean, Tensor rstd,"
            " float slope, int pad=0, bool wants_dresidual=False)"
            " -> (Tensor dx, Tensor dresidual, Tensor dweight, Tensor dbias)",
            "instance_norm_backward_backward": "(Tensor ddx, Tensor? vresidual, Tensor? ddweight, Tensor? ddbias,"
            " Tensor dy, Tensor x, Tensor? weight, Tensor? bias, Tensor mean, Tensor rstd, float slope, int pad=0)"
            " -> (Tensor grad_dy, Tensor grad_x, Tensor grad_weight)",
        },
        reference=reference,
        self_check=_self_check,
        dtypes={"cpu": _FLOATS, "cuda": _FLOATS | {torch.float16}},
    )
)


@torch.library.register_fake("imtrans::instance_norm")
def _forward_fake(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    residual: Tensor | None,
    slope: float,
    eps: float,
    pad: int = 0,
) -> tuple[Tensor, Tensor, Tensor]:
    statistics = x.new_empty(x.shape[:2], dtype=statistics_dtype(x.dtype))
    return new_padded(x, pad), statistics, torch.empty_like(statistics)


@torch.library.register_fake("imtrans::instance_norm_backward")
def _backward_fake(
    dy: Tensor,
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor,
    rstd: Tensor,
    slope: float,
    pad: int = 0,
    wants_dresidual: bool = False,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    dresidual = torch.empty_like(x) if wants_dresidual else x.new_empty(0)
    return torch.empty_like(x), dresidual, _gradient_like(weight, mean), _gradient_like(bias, mean)


@torch.library.register_fake("imtrans::instance_norm_backward_backward")
def _backward_backward_fake(
    ddx: Tensor,
    vresidual: Tensor | None,
    ddweight: Tensor | None,
    ddbias: Tensor | None,
    dy: Tensor,
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor,
    rstd: Tensor,
    slope: float,
    pad: int = 0,
) -> tuple[Tensor, Tensor, Tensor]:
    return new_padded(x, pad), torch.empty_like(x), _gradient_like(weight, mean)


def _gradient_like(parameter: Tensor | None, mean: Tensor) -> Tensor:
    return mean.new_empty(0 if parameter is None else parameter.shape)


# ------------------------------------------------------------------------------------------------------------ autograd


def _save_for_backward(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
    x, weight, bias, residual, ctx.slope, _, ctx.pad = inputs
    _, mean, rstd = output
    ctx.border = None if residual is None else border_of(residual, x)
    ctx.save_for_backward(x, weight, bias, mean, rstd)
    # The statistics are there for the backward; a gradient through them would be a second, unfused path to x.
    ctx.mark_non_differentiable(mean, rstd)
    ctx.set_materialize_grads(False)


def _backward(ctx: Any, dy: Tensor | None, *_: None) -> tuple[Tensor | None, ...]:
    x, weight, bias, mean, rstd = ctx.saved_tensors
    dx = dresidual = dweight = dbias = None
    wants_dresidual = ctx.needs_input_grad[3]
    if dy is not None and any(ctx.needs_input_grad[:3]):
        folds = wants_dresidual and ctx.pad > 0
        dx, folded, dweight, dbias = torch.ops.imtrans.instance_norm_backward(
            dy, x, weight, bias, mean, rstd, ctx.slope, ctx.pad, folds
        )
        dresidual = folded if folds else None
    if wants_dresidual:
        dresidual = residual_gradient(ctx, dy, dresidual)
    return (
        dx,
        None if weight is None else dweight,
        None if bias is None else dbias,
        dresidual,
        None,
        None,
        None,
    )


def _save_for_backward_backward(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    *tensors, ctx.slope, ctx.pad, ctx.wants_dresidual = inputs
    ctx.save_for_backward(*tensors)
    ctx.set_materialize_grads(False)


def _backward_backward(
    ctx: Any, ddx: Tensor | None, vresidual: Tensor | None, ddweight: Tensor | None, ddbias: Tensor | None
) -> tuple[Tensor | None, ...]:
    dy, x, weight, bias, mean, rstd = ctx.saved_tensors
    if ddx is None:
        ddx = torch.zeros_like(x)
    grad_dy, grad_x, grad_weight = torch.ops.imtrans.instance_norm_backward_backward(
        ddx,
        vresidual if ctx.wants_dresidual else None,
        None if weight is None else ddweight,
        None if bias is None else ddbias,
        dy,
        x,
        weight,
        bias,
        mean,
        rstd,
        ctx.slope,
        ctx.pad,
    )
    # mean and rstd depend on x, and grad_x holds what flows through them.
    return grad_dy, grad_x, None if weight is None else grad_weight, None, None, None, None, None, None


torch.library.register_autograd("imtrans::instance_norm", _backward, setup_context=_save_for_backward)
# Without a gradient of its own, the backward operator would give a wrong second gradient and hardly a warning.
torch.library.register_autograd(
    "imtrans::instance_norm_backward", _backward_backward, setup_context=_save_for_backward_backward
)
refuse_third_order("instance_norm")
