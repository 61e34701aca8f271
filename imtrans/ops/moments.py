"""Mean and deviation of each channel of each image, which make up the style of a feature map.

For each image n and channel c, over the m = H W pixels of ``x[n, c]``, of which one pass is enough::

    mean = E[x]        std = sqrt(sum of (x - mean)^2 / (m - 1) + eps)

Huang, Belongie: Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization, 2017,
https://arxiv.org/abs/1703.06868, with the unbiased variance of the authors' code. They stand in the normalisation
(:func:`imtrans.ops.adain`) and in the style loss (equation 13).

First and second gradients are fused; a third raises :class:`~imtrans.errors.BackendError`. The derivations stand in
``csrc/common/moments.h``.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from imtrans.ops.arguments import require_map, statistics_dtype
from imtrans.ops.checks import check_moments
from imtrans.ops.normalisation import refuse_third_order
from imtrans.ops.operator import Check, Operator, define
from imtrans.ops.reflect_pad import dense


def moments(x: Tensor, *, eps: float = 1e-5) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each channel of each image.

    Args:
        x: feature maps (N, C, H, W) of any floating type. Contiguous and channels-last maps are taken as they lie;
            others are copied first.
        eps: added to the (unbiased) variance, so that the deviation of a constant channel is ``sqrt(eps)`` and has a
            gradient.

    Returns:
        mean and std, both (N, C) and float32 (float64 for a float64 x). A single pixel has a variance of 0, where
        ``torch.var`` has NaN.

    Raises:
        UsageError: no feature maps, empty ones, types that are not floating, a negative eps.
        BackendError: ``use_backend("fused")`` is in force and the kernels cannot serve.
    """
    require_map("moments", x, eps)
    if operator.is_fused(operator.why_not(x)):
        return torch.ops.imtrans.moments(dense(x), eps)
    return reference(x, eps)


def reference(x: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """The formulas in plain PyTorch."""
    wide = x.to(statistics_dtype(x.dtype))
    mean = wide.mean((2, 3))
    freedom = max(1, x.shape[2] * x.shape[3] - 1)
    return mean, ((wide - mean[..., None, None]).square().sum((2, 3)) / freedom + eps).sqrt()


# -------------------------------------------------------------------------------------------------- for the dispatcher


def _self_check(device: torch.device) -> list[Check]:
    return check_moments(operator.dtypes[device.type], device, moments)


_FLOATS = frozenset({torch.float32, torch.float64, torch.bfloat16})

operator = define(
    Operator(
        name="moments",
        summary="mean and deviation of each channel, for AdaIN and style losses",
        schemas={
            "moments": "(Tensor x, float eps) -> (Tensor mean, Tensor std)",
            "moments_backward": "(Tensor? dmean, Tensor? dstd, Tensor x, Tensor mean, Tensor std) -> Tensor",
            "moments_backward_backward": "(Tensor ddx, Tensor? dstd, Tensor x, Tensor mean, Tensor std)"
            " -> (Tensor grad_dmean, Tensor grad_dstd, Tensor grad_x)",
        },
        reference=reference,
        self_check=_self_check,
        dtypes={"cpu": _FLOATS, "cuda": _FLOATS | {torch.float16}},
    )
)


@torch.library.register_fake("imtrans::moments")
def _forward_fake(x: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    mean = x.new_empty(x.shape[:2], dtype=statistics_dtype(x.dtype))
    return mean, torch.empty_like(mean)


@torch.library.register_fake("imtrans::moments_backward")
def _backward_fake(dmean: Tensor | None, dstd: Tensor | None, x: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    return torch.empty_like(x)


@torch.library.register_fake("imtrans::moments_backward_backward")
def _backward_backward_fake(
    ddx: Tensor, dstd: Tensor | None, x: Tensor, mean: Tensor, std: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(mean), torch.empty_like(mean), torch.empty_like(x)


# ------------------------------------------------------------------------------------------------------------ autograd


def _save_for_backward(ctx: Any, inputs: tuple[Tensor, float], output: tuple[Tensor, Tensor]) -> None:
    ctx.save_for_backward(inputs[0], *output)
    ctx.set_materialize_grads(False)


def _backward(ctx: Any, dmean: Tensor | None, dstd: Tensor | None) -> tuple[Tensor | None, None]:
    if dmean is None and dstd is None:
        return None, None
    x, mean, std = ctx.saved_tensors
    # mean and std are constants of the backward: what flows through them is in its gradient by x.
    return torch.ops.imtrans.moments_backward(dmean, dstd, x, mean.detach(), std.detach()), None


def _save_for_backward_backward(ctx: Any, inputs: tuple[Tensor | None, ...], output: Tensor) -> None:
    dmean, dstd, x, mean, std = inputs
    ctx.has = dmean is not None, dstd is not None
    ctx.save_for_backward(dstd, x, mean, std)


def _backward_backward(ctx: Any, ddx: Tensor) -> tuple[Tensor | None, ...]:
    grad_dmean, grad_dstd, grad_x = torch.ops.imtrans.moments_backward_backward(ddx, *ctx.saved_tensors)
    return grad_dmean if ctx.has[0] else None, grad_dstd if ctx.has[1] else None, grad_x, None, None


torch.library.register_autograd("imtrans::moments", _backward, setup_context=_save_for_backward)
# Without a gradient of its own, the backward operator would give a wrong second gradient and hardly a warning.
torch.library.register_autograd(
    "imtrans::moments_backward", _backward_backward, setup_context=_save_for_backward_backward
)
refuse_third_order("moments")
