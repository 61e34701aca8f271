"""Everything pointwise between two convolutions of StyleGAN2, in one pass over memory.

For each image n, channel c and pixel p::

    z = x * scale[n, c] + noise_strength * noise[n, p] + bias[c]
    y = clamp(gain * act(z)) * next_style[n, c]

Every part is optional. With bias, activation, gain and clamp alone this is ``bias_act`` of NVIDIA's StyleGAN code. With
``scale`` it ends a modulated convolution (the demodulation), and with ``next_style`` it begins the next one. Karras,
Laine, Aittala, Hellsten, Lehtinen, Aila: Analyzing and Improving the Image Quality of StyleGAN, 2020,
https://arxiv.org/abs/1912.04958, section 2.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from imtrans.errors import UsageError
from imtrans.ops.arguments import require_fits, statistics_dtype

StyleActivation = Literal["linear", "relu", "lrelu", "tanh", "sigmoid", "elu", "selu", "softplus", "swish"]


@dataclass(frozen=True)
class _Shape:
    """An activation, with what NVIDIA's code takes where the caller says nothing."""

    function: Callable[[Tensor, float], Tensor]
    alpha: float = 0.0
    gain: float = 1.0
    slope: float | None = None
    """What negative values are multiplied by, where that is all there is to it; NaN stands for alpha."""


_SQRT2 = math.sqrt(2)

ACTIVATIONS: dict[str, _Shape] = {
    "linear": _Shape(lambda z, alpha: z, slope=1.0),
    "relu": _Shape(lambda z, alpha: functional.relu(z), gain=_SQRT2, slope=0.0),
    "lrelu": _Shape(functional.leaky_relu, alpha=0.2, gain=_SQRT2, slope=math.nan),
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
    return reference(x, scale, bias, noise, strength, next_style, shape.function, alpha, gain, clamp)


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
