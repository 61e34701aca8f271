"""Instance norm with scale and shift, activation and residual in one pass over memory.

For each image n and channel c, over the m = H W pixels of ``x[n, c]``::

    mean = E[x]        rstd = 1 / sqrt(E[(x - mean)^2] + eps)
    z = (x - mean) * rstd * weight + bias
    y = act(z) + residual

The residual is added *after* the activation, as in the residual block of CycleGAN (norm, no activation, add); without
a residual this is norm and activation. Ulyanov, Vedaldi, Lempitsky: Instance Normalization: The Missing Ingredient for
Fast Stylization, 2016, https://arxiv.org/abs/1607.08022.

First and second gradients are fused; a third raises :class:`~imtrans.errors.BackendError`. The derivations stand in
``csrc/common/instance_norm.h``.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from imtrans.errors import BackendError, UsageError
from imtrans.ops.checks import check_against_reference
from imtrans.ops.operator import Check, Operator, define

Activation = Literal["none", "relu", "leaky_relu"]


def instance_norm(
    x: Tensor,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    residual: Tensor | None = None,
    *,
    activation: Activation = "none",
    slope: float = 0.2,
    eps: float = 1e-5,
) -> Tensor:
    """``act((x - mean) / sqrt(var + eps) * weight + bias) + residual``, with the statistics of each channel and image.

    Args:
        x: feature maps (N, C, H, W) of any floating type. Contiguous and channels-last maps are taken as they lie;
            others are copied first. Statistics and arithmetic are float32 (float64 for a float64 x).
        weight: scale (C,), or None for 1. May be float32 where x is bfloat16 or float16.
        bias: shift (C,), or None for 0.
        residual: added at the end, of the shape of x, or None. It is converted to the type of x first.
        activation: ``"none"``, ``"relu"`` or ``"leaky_relu"``.
        slope: of the leaky ReLU, for negative values. Unused by the other activations.
        eps: added to the (biased) variance.

    Returns:
        A tensor of the shape, type and memory layout of x. The maps of one pixel become ``act(bias) + residual``.

    Raises:
        UsageError: shapes that do not fit, an empty x, an activation that does not exist, types that are not floating.
        BackendError: ``use_backend("fused")`` is in force and the kernels cannot serve.
    """
    _require_valid(x, weight, bias, residual, eps)
    negative_slope = _slope_of(activation, slope)
    if residual is not None and residual.dtype != x.dtype:
        residual = residual.to(x.dtype)
    if operator.is_fused(operator.why_not(x)):
        wide = statistics_dtype(x.dtype)
        weight = None if weight is None else weight.to(wide)
        bias = None if bias is None else bias.to(wide)
        y, _, _ = torch.ops.imtrans.instance_norm(_dense(x), weight, bias, residual, negative_slope, eps)
        return y
    return reference(x, weight, bias, residual, negative_slope, eps)


def reference(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, residual: Tensor | None, slope: float, eps: float
) -> Tensor:
    """The formula in plain PyTorch; ``slope`` is 1 for no activation and 0 for ReLU."""
    wide = x.to(statistics_dtype(x.dtype))
    centred = wide - wide.mean(dim=(2, 3), keepdim=True)
    z = centred * torch.rsqrt(centred.square().mean(dim=(2, 3), keepdim=True) + eps)
    if weight is not None:
        z = z * weight.to(z.dtype).view(1, -1, 1, 1)
    if bias is not None:
        z = z + bias.to(z.dtype).view(1, -1, 1, 1)
    if slope != 1:
        z = functional.leaky_relu(z, slope)
    if residual is not None:
        z = z + residual.to(z.dtype)
    return z.to(x.dtype)


def statistics_dtype(dtype: torch.dtype) -> torch.dtype:
    """The type of statistics, parameters and arithmetic for feature maps of type ``dtype``."""
    return torch.float64 if dtype == torch.float64 else torch.float32


# ----------------------------------------------------------------------------------------------- arguments of the user


def _slope_of(activation: str, slope: float) -> float:
    """One number says it all: ``act(z) = z if z > 0 else slope * z``."""
    slopes = {"none": 1.0, "relu": 0.0, "leaky_relu": slope}
    if activation not in slopes:
        raise UsageError(
            f"there is no activation called {activation!r}.", have=f"Activations: {', '.join(map(repr, slopes))}."
        )
    return slopes[activation]


def _require_valid(x: Tensor, weight: Tensor | None, bias: Tensor | None, residual: Tensor | None, eps: float) -> None:
    if x.dim() != 4:
        raise UsageError(f"instance_norm takes feature maps (N, C, H, W), not a tensor of shape {tuple(x.shape)}.")
    if x.numel() == 0:
        raise UsageError(f"instance_norm has nothing to take statistics from in a tensor of shape {tuple(x.shape)}.")
    if not x.is_floating_point():
        raise UsageError(f"instance_norm takes floating-point feature maps, not {x.dtype}.")
    if not eps >= 0:
        raise UsageError(f"instance_norm needs an eps of at least 0, not {eps}.")
    for name, parameter in (("weight", weight), ("bias", bias)):
        if parameter is not None:
            _require_fits(name, parameter, (x.shape[1],), x)
    if residual is not None:
        _require_fits("residual", residual, tuple(x.shape), x)


def _require_fits(name: str, tensor: Tensor, shape: tuple[int, ...], x: Tensor) -> None:
    if tuple(tensor.shape) != shape:
        raise UsageError(
            f"the {name} of instance_norm has shape {tuple(tensor.shape)}.",
            have=f"For feature maps of shape {tuple(x.shape)} it has shape {shape}.",
        )
    if tensor.device != x.device:
        raise UsageError(f"the {name} of instance_norm is on {tensor.device}, and the feature maps are on {x.device}.")
    if not tensor.is_floating_point():
        raise UsageError(f"the {name} of instance_norm is of a floating type, not {tensor.dtype}.")


def _dense(x: Tensor) -> Tensor:
    """X as the kernels take it: contiguous or channels-last, whichever is nearer to how it lies."""
    if x.is_contiguous() or x.is_contiguous(memory_format=torch.channels_last):
        return x
    nearer = torch.channels_last if x.stride(1) == 1 and x.shape[1] > 1 else torch.contiguous_format
    return x.contiguous(memory_format=nearer)


# -------------------------------------------------------------------------------------------------- for the dispatcher


def _self_check(device: torch.device) -> list[Check]:
    return check_against_reference(operator.dtypes[device.type], device, instance_norm)


_FLOATS = frozenset({torch.float32, torch.float64, torch.bfloat16})

operator = define(
    Operator(
        name="instance_norm",
        summary="instance norm + scale and shift + activation + residual",
        schemas={
            # slope: what negative values are multiplied by, 1 for no activation and 0 for ReLU. weight, bias, mean and
            # rstd have the type of the statistics; a gradient of an absent weight or bias has shape (0,).
            "instance_norm": "(Tensor x, Tensor? weight, Tensor? bias, Tensor? residual, float slope, float eps)"
            " -> (Tensor y, Tensor mean, Tensor rstd)",
            "instance_norm_backward": "(Tensor dy, Tensor x, Tensor? weight, Tensor? bias, Tensor mean, Tensor rstd,"
            " float slope) -> (Tensor dx, Tensor dweight, Tensor dbias)",
            "instance_norm_backward_backward": "(Tensor ddx, Tensor? ddweight, Tensor? ddbias, Tensor dy, Tensor x,"
            " Tensor? weight, Tensor? bias, Tensor mean, Tensor rstd, float slope)"
            " -> (Tensor grad_dy, Tensor grad_x, Tensor grad_weight)",
        },
        reference=reference,
        self_check=_self_check,
        dtypes={"cpu": _FLOATS, "cuda": _FLOATS | {torch.float16}},
    )
)


@torch.library.register_fake("imtrans::instance_norm")
def _forward_fake(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, residual: Tensor | None, slope: float, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    statistics = x.new_empty(x.shape[:2], dtype=statistics_dtype(x.dtype))
    return torch.empty_like(x), statistics, torch.empty_like(statistics)


@torch.library.register_fake("imtrans::instance_norm_backward")
def _backward_fake(
    dy: Tensor, x: Tensor, weight: Tensor | None, bias: Tensor | None, mean: Tensor, rstd: Tensor, slope: float
) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(x), _gradient_like(weight, x), _gradient_like(bias, x)


@torch.library.register_fake("imtrans::instance_norm_backward_backward")
def _backward_backward_fake(
    ddx: Tensor,
    ddweight: Tensor | None,
    ddbias: Tensor | None,
    dy: Tensor,
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor,
    rstd: Tensor,
    slope: float,
) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(x), torch.empty_like(x), _gradient_like(weight, x)


def _gradient_like(parameter: Tensor | None, x: Tensor) -> Tensor:
    return x.new_empty(0 if parameter is None else x.shape[1], dtype=statistics_dtype(x.dtype))


# ------------------------------------------------------------------------------------------------------------ autograd


def _save_for_backward(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
    x, weight, bias, residual, ctx.slope, _ = inputs
    _, mean, rstd = output
    ctx.has_residual = residual is not None
    ctx.save_for_backward(x, weight, bias, mean, rstd)
    # The statistics are there for the backward; a gradient through them would be a second, unfused path to x.
    ctx.mark_non_differentiable(mean, rstd)
    ctx.set_materialize_grads(False)


def _backward(ctx: Any, dy: Tensor | None, *_: None) -> tuple[Tensor | None, ...]:
    x, weight, bias, mean, rstd = ctx.saved_tensors
    dx = dweight = dbias = None
    if dy is not None and any(ctx.needs_input_grad[:3]):
        dx, dweight, dbias = torch.ops.imtrans.instance_norm_backward(dy, x, weight, bias, mean, rstd, ctx.slope)
    return (
        dx,
        None if weight is None else dweight,
        None if bias is None else dbias,
        dy if ctx.has_residual else None,
        None,
        None,
    )


def _save_for_backward_backward(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
    *tensors, ctx.slope = inputs
    ctx.save_for_backward(*tensors)
    ctx.set_materialize_grads(False)


def _backward_backward(
    ctx: Any, ddx: Tensor | None, ddweight: Tensor | None, ddbias: Tensor | None
) -> tuple[Tensor | None, ...]:
    dy, x, weight, bias, mean, rstd = ctx.saved_tensors
    if ddx is None:
        ddx = torch.zeros_like(x)
    grad_dy, grad_x, grad_weight = torch.ops.imtrans.instance_norm_backward_backward(
        ddx,
        None if weight is None else ddweight,
        None if bias is None else ddbias,
        dy,
        x,
        weight,
        bias,
        mean,
        rstd,
        ctx.slope,
    )
    # mean and rstd depend on x, and grad_x holds what flows through them.
    return grad_dy, grad_x, None if weight is None else grad_weight, None, None, None, None


def _third_order(ctx: Any, *_: Tensor | None) -> None:
    raise BackendError(
        "the fused instance_norm has first and second gradients, and a third was asked for.",
        hint="Compute the forward pass under imtrans.ops.use_backend('reference').",
    )


def _save_nothing(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
    pass


torch.library.register_autograd("imtrans::instance_norm", _backward, setup_context=_save_for_backward)
# Without a gradient of its own, the backward operator would give a wrong second gradient and hardly a warning.
torch.library.register_autograd(
    "imtrans::instance_norm_backward", _backward_backward, setup_context=_save_for_backward_backward
)
torch.library.register_autograd("imtrans::instance_norm_backward_backward", _third_order, setup_context=_save_nothing)
