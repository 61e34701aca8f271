"""AdaLIN, the mix of instance and layer norm of U-GAT-IT, with activation, residual and a reflected border.

For one image with C channels of m = H W pixels, var being unbiased (divided by m - 1 and C m - 1)::

    xI = (x - mean over the channel) / sqrt(var over the channel + eps)
    xL = (x - mean over the image) / sqrt(var over the image + eps)
    z = gamma * (rho * xI + (1 - rho) * xL) + beta
    y = pad(act(z) + residual)

Kim, Kim, Kang, Lee: U-GAT-IT, 2020, equation 1, https://arxiv.org/abs/1907.10830, with the variances of the authors'
code. rho is used as it is: the authors clip it to [0, 1] after every step of the optimiser (``imtrans.nn.clip_rho``).

First and second gradients are fused; a third raises :class:`~imtrans.errors.BackendError`. The derivations stand in
``csrc/common/adalin.h``.
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


def adalin(
    x: Tensor,
    rho: Tensor,
    gamma: Tensor,
    beta: Tensor,
    residual: Tensor | None = None,
    *,
    activation: Activation = "none",
    slope: float = 0.2,
    eps: float = 1e-5,
    pad: int = 0,
) -> Tensor:
    """``pad(act(gamma * (rho * xI + (1 - rho) * xL) + beta) + residual)``, scale and shift given for each image.

    Args:
        x: feature maps (N, C, H, W) of any floating type. Contiguous and channels-last maps are taken as they lie;
            others are copied first. Statistics and arithmetic are float32 (float64 for a float64 x).
        rho: share of the instance norm, (C,), used as it is.
        gamma: scale (N, C). Like rho and beta it may be float32 where x is bfloat16 or float16.
        beta: shift (N, C).
        residual: added at the end, of the shape of x, or None. Where it is larger by the same number of pixels on each
            side, its interior counts (and the gradient of the rest is zero). It is converted to the type of x first.
        activation: ``"none"``, ``"relu"`` or ``"leaky_relu"``.
        slope: of the leaky ReLU, for negative values. Unused by the other activations.
        eps: added to both variances.
        pad: pixels of the reflected border of the result, less than H and less than W.

    Returns:
        (N, C, H + 2 pad, W + 2 pad) of the type and memory layout of x. A single pixel has a variance of 0, where
        ``torch.var`` has NaN.

    Raises:
        UsageError: shapes that do not fit, an empty x, one too small for the border, an activation that does not exist,
            types that are not floating.
        BackendError: ``use_backend("fused")`` is in force and the kernels cannot serve.
    """
    require_map("adalin", x, eps, pad)
    batch, channels = x.shape[:2]
    require_fits("adalin", "gamma", gamma, x, (batch, channels))
    require_fits("adalin", "beta", beta, x, (batch, channels))
    return _mix("adalin", x, rho, gamma, beta, residual, slope_of(activation, slope), eps, pad)


def lin(
    x: Tensor,
    rho: Tensor,
    gamma: Tensor,
    beta: Tensor,
    residual: Tensor | None = None,
    *,
    activation: Activation = "none",
    slope: float = 0.2,
    eps: float = 1e-5,
    pad: int = 0,
) -> Tensor:
    """The same with one scale and one shift for all images, gamma and beta (C,): U-GAT-IT's layer ILN.

    The other arguments, the result and the errors are those of :func:`adalin`.
    """
    require_map("lin", x, eps, pad)
    require_fits("lin", "gamma", gamma, x, (x.shape[1],))
    require_fits("lin", "beta", beta, x, (x.shape[1],))
    return _mix("lin", x, rho, gamma, beta, residual, slope_of(activation, slope), eps, pad)


def _mix(
    name: str,
    x: Tensor,
    rho: Tensor,
    gamma: Tensor,
    beta: Tensor,
    residual: Tensor | None,
    slope: float,
    eps: float,
    pad: int,
) -> Tensor:
    require_fits(name, "rho", rho, x, (x.shape[1],))
    if residual is not None:
        require_residual(name, residual, x)
        if residual.dtype != x.dtype:
            residual = residual.to(x.dtype)
    if operator.is_fused(operator.why_not(x)):
        wide = statistics_dtype(x.dtype)
        return torch.ops.imtrans.adalin(
            dense(x), rho.to(wide), gamma.to(wide), beta.to(wide), residual, slope, eps, pad
        )[0]
    return reference(x, rho, gamma, beta, residual, slope, eps, pad)


def reference(
    x: Tensor, rho: Tensor, gamma: Tensor, beta: Tensor, residual: Tensor | None, slope: float, eps: float, pad: int = 0
) -> Tensor:
    """The formula in plain PyTorch; gamma and beta (N, C) or (C,), ``slope`` 1 for no activation and 0 for ReLU."""
    wide = x.to(statistics_dtype(x.dtype))
    share, scale, shift = (parameter.to(wide.dtype)[..., None, None] for parameter in (rho, gamma, beta))
    z = share * _normalised(wide, (2, 3), eps) + (1 - share) * _normalised(wide, (1, 2, 3), eps)
    return finish(z * scale + shift, residual, slope, pad).to(x.dtype)


def _normalised(x: Tensor, over: tuple[int, ...], eps: float) -> Tensor:
    centred = x - x.mean(over, keepdim=True)
    elements = x[0].numel() if 1 in over else x.shape[2] * x.shape[3]
    return centred * torch.rsqrt(centred.square().sum(over, keepdim=True) / max(1, elements - 1) + eps)


# -------------------------------------------------------------------------------------------------- for the dispatcher


def _self_check(device: torch.device) -> list[Check]:
    def function(x: Tensor, weight: Tensor, bias: Tensor, residual: Tensor, **keywords: Any) -> Tensor:
        images = x.shape[0], -1
        return adalin(x, weight / 2, weight.expand(images), bias.expand(images), residual, **keywords)

    return check_against_reference(operator.dtypes[device.type], device, function)


_FLOATS = frozenset({torch.float32, torch.float64, torch.bfloat16})

operator = define(
    Operator(
        name="adalin",
        summary="AdaLIN and LIN + activation + residual + border",
        schemas={
            # slope as in instance_norm. gamma and beta are (N, C), or (C,) for LIN; statistics (4, N, C) are what the
            # backward needs. dresidual has shape (0,) unless it is wanted.
            "adalin": "(Tensor x, Tensor rho, Tensor gamma, Tensor beta, Tensor? residual, float slope, float eps,"
            " int pad=0) -> (Tensor y, Tensor statistics)",
            "adalin_backward": "(Tensor dy, Tensor x, Tensor rho, Tensor gamma, Tensor beta, Tensor statistics,"
            " float slope, int pad=0, bool wants_dresidual=False)"
            " -> (Tensor dx, Tensor dresidual, Tensor drho, Tensor dgamma, Tensor dbeta)",
            "adalin_backward_backward": "(Tensor ddx, Tensor? vresidual, Tensor? ddrho, Tensor? ddgamma,"
            " Tensor? ddbeta, Tensor dy, Tensor x, Tensor rho, Tensor gamma, Tensor beta, Tensor statistics,"
            " float slope, int pad=0) -> (Tensor grad_dy, Tensor grad_x, Tensor grad_rho, Tensor grad_gamma)",
        },
        reference=reference,
        self_check=_self_check,
        dtypes={"cpu": _FLOATS, "cuda": _FLOATS | {torch.float16}},
    )
)


@torch.library.register_fake("imtrans::adalin")
def _forward_fake(
    x: Tensor, rho: Tensor, gamma: Tensor, beta: Tensor, residual: Tensor | None, slope: float, eps: float, pad: int = 0
) -> tuple[Tensor, Tensor]:
    return new_padded(x, pad), x.new_empty((4, *x.shape[:2]), dtype=statistics_dtype(x.dtype))


@torch.library.register_fake("imtrans::adalin_backward")
def _backward_fake(
    dy: Tensor,
    x: Tensor,
    rho: Tensor,
    gamma: Tensor,
    beta: Tensor,
    statistics: Tensor,
    slope: float,
    pad: int = 0,
    wants_dresidual: bool = False,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    dresidual = torch.empty_like(x) if wants_dresidual else x.new_empty(0)
    drho, dgamma, dbeta = (statistics.new_empty(parameter.shape) for parameter in (rho, gamma, beta))
    return torch.empty_like(x), dresidual, drho, dgamma, dbeta


@torch.library.register_fake("imtrans::adalin_backward_backward")
def _backward_backward_fake(
    ddx: Tensor,
    vresidual: Tensor | None,
    ddrho: Tensor | None,
    ddgamma: Tensor | None,
    ddbeta: Tensor | None,
    dy: Tensor,
    x: Tensor,
    rho: Tensor,
    gamma: Tensor,
    beta: Tensor,
    statistics: Tensor,
    slope: float,
    pad: int = 0,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return (
        new_padded(x, pad),
        torch.empty_like(x),
        statistics.new_empty(rho.shape),
        statistics.new_empty(gamma.shape),
    )


# ------------------------------------------------------------------------------------------------------------ autograd


def _save_for_backward(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    x, rho, gamma, beta, residual, ctx.slope, _, ctx.pad = inputs
    _, statistics = output
    ctx.border = None if residual is None else border_of(residual, x)
    ctx.save_for_backward(x, rho, gamma, beta, statistics)
    # A gradient through the statistics would be a second, unfused path to x.
    ctx.mark_non_differentiable(statistics)
    ctx.set_materialize_grads(False)


def _backward(ctx: Any, dy: Tensor | None, *_: None) -> tuple[Tensor | None, ...]:
    dx = dresidual = drho = dgamma = dbeta = None
    wants_dresidual = ctx.needs_input_grad[4]
    if dy is not None and any(ctx.needs_input_grad[:4]):
        folds = wants_dresidual and ctx.pad > 0
        dx, folded, drho, dgamma, dbeta = torch.ops.imtrans.adalin_backward(
            dy, *ctx.saved_tensors, ctx.slope, ctx.pad, folds
        )
        dresidual = folded if folds else None
    if wants_dresidual:
        dresidual = residual_gradient(ctx, dy, dresidual)
    return dx, drho, dgamma, dbeta, dresidual, None, None, None


def _save_for_backward_backward(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    *tensors, ctx.slope, ctx.pad, ctx.wants_dresidual = inputs
    ctx.save_for_backward(*tensors)
    ctx.set_materialize_grads(False)


def _backward_backward(
    ctx: Any,
    ddx: Tensor | None,
    vresidual: Tensor | None,
    ddrho: Tensor | None,
    ddgamma: Tensor | None,
    ddbeta: Tensor | None,
) -> tuple[Tensor | None, ...]:
    dy, x, *rest = ctx.saved_tensors
    grad_dy, grad_x, grad_rho, grad_gamma = torch.ops.imtrans.adalin_backward_backward(
        torch.zeros_like(x) if ddx is None else ddx,
        vresidual if ctx.wants_dresidual else None,
        ddrho,
        ddgamma,
        ddbeta,
        dy,
        x,
        *rest,
        ctx.slope,
        ctx.pad,
    )
    # beta moves the kink of the activation only; the statistics depend on x, and grad_x holds what flows through them.
    return grad_dy, grad_x, grad_rho, grad_gamma, None, None, None, None, None


torch.library.register_autograd("imtrans::adalin", _backward, setup_context=_save_for_backward)
# Without a gradient of its own, the backward operator would give a wrong second gradient and hardly a warning.
torch.library.register_autograd(
    "imtrans::adalin_backward", _backward_backward, setup_context=_save_for_backward_backward
)
refuse_third_order("adalin")
