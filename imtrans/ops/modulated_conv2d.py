"""StyleGAN2's convolution, whose weight is another one for every image, without making these weights.

For each image n, with the style s[n, i] of every input channel and the shared weight w[o, i, k]::

    w'[n, o, i, k] = s[n, i] w[o, i, k]                                         modulation
    w"[n, o, i, k] = w'[n, o, i, k] / sqrt(sum over i, k of w'^2 + eps)         demodulation
    y[n]           = conv(x[n], w"[n])

Karras, Laine, Aittala, Hellsten, Lehtinen, Aila: Analyzing and Improving the Image Quality of StyleGAN, 2020,
https://arxiv.org/abs/1912.04958, equations 1 to 3. A style scales input channels and the root scales output channels,
so the convolution may use the shared weight, and the maps before and after it are scaled instead::

    y[n, o] = d[n, o] conv(s[n] x[n], w)[o]        d[n, o] = 1 / sqrt(sum over i of s[n, i]^2 (sum over k of w^2) + eps)

d is a small matrix product (:func:`imtrans.ops.demodulation`), and its scaling goes with noise, bias, activation and
the style of the next convolution in one pass (:func:`imtrans.ops.bias_act`). The convolution is oneDNN's or cuDNN's.
"""

from __future__ import annotations

import torch
from torch import Tensor

from imtrans.errors import UsageError
from imtrans.ops.arguments import require_fits
from imtrans.ops.bias_act import StyleActivation, bias_act
from imtrans.ops.conv2d_resample import conv2d_resample
from imtrans.ops.demodulation import demodulation
from imtrans.ops.upfirdn2d import Padding


def modulated_conv2d(
    x: Tensor,
    weight: Tensor,
    styles: Tensor,
    bias: Tensor | None = None,
    *,
    noise: Tensor | None = None,
    noise_strength: Tensor | float | None = None,
    next_style: Tensor | None = None,
    activation: StyleActivation = "linear",
    alpha: float | None = None,
    gain: float | None = None,
    clamp: float | None = None,
    demodulate: bool = True,
    modulated: bool = False,
    up: int = 1,
    down: int = 1,
    padding: Padding = 0,
    resample_filter: Tensor | None = None,
    flip_weight: bool = True,
    eps: float = 1e-8,
) -> Tensor:
    """A convolution modulated and demodulated by styles, and all that is pointwise after it.

    Under autocast the convolution computes in the type of autocast, and everything else in float32.

    Args:
        x: feature maps (N, I, H, W) of any floating type. Contiguous and channels-last maps are taken as they lie.
        weight: shared kernels (O, I, kH, kW). May be float32 where x is bfloat16 or float16, as may what follows.
        styles: factor of each input channel for each image (N, I).
        bias: (O,), or None; with the six arguments after it as for :func:`imtrans.ops.bias_act`.
        noise: one number for each pixel of the result, (N, 1, H', W'), (1, 1, H', W') or (H', W'), or None.
        noise_strength: factor of the noise; None for 1.
        next_style: styles of the convolution that takes the result, (N, O); it is then called with ``modulated=True``.
        activation: a key of ``imtrans.ops.bias_act.ACTIVATIONS``.
        alpha: slope of ``"lrelu"`` for negative values; None for 0.2.
        gain: factor of the activated value; None for that of the activation.
        clamp: the largest magnitude of a value after the gain, or None.
        demodulate: whether to scale the output channels, as if each kernel of each image had length 1.
        modulated: whether x has been multiplied by ``styles`` already.
        up: factor by which the maps are enlarged, with ``resample_filter``.
        down: factor by which they are shrunk.
        padding: as for :func:`imtrans.ops.conv2d_resample`; half of the kernel's size keeps the size of the map.
        resample_filter: low-pass filter, as of :func:`imtrans.ops.setup_filter`.
        flip_weight: correlate, as ``F.conv2d`` does; False turns the kernels by half a turn first.
        eps: added to the squared length of a kernel.

    Returns:
        (N, O, H', W') of the type of x, or of autocast.

    Raises:
        UsageError: shapes, types or devices that do not fit, or what the parts refuse.
        BackendError: ``use_backend("fused")`` is in force and the kernels cannot serve.
    """
    _require_valid(x, weight, styles)
    x = x.to(_convolution_dtype(x))
    if demodulate and x.dtype == torch.float16:
        weight, styles = _within_half(weight, styles, modulated)
    d = demodulation(weight, styles, eps=eps) if demodulate else None
    if not modulated:
        x = bias_act(x, scale=styles)
    y = conv2d_resample(
        x, weight.to(x.dtype), resample_filter, up=up, down=down, padding=padding, flip_weight=flip_weight
    )
    return bias_act(
        y,
        bias,
        scale=d,
        noise=noise,
        noise_strength=noise_strength,
        next_style=next_style,
        activation=activation,
        alpha=alpha,
        gain=gain,
        clamp=clamp,
    )


def grouped(
    x: Tensor,
    weight: Tensor,
    styles: Tensor,
    *,
    demodulate: bool = True,
    up: int = 1,
    down: int = 1,
    padding: Padding = 0,
    resample_filter: Tensor | None = None,
    flip_weight: bool = True,
    eps: float = 1e-8,
) -> Tensor:
    """The equations of the paper as they stand: a weight for each image, and one convolution with a group for each.

    What :func:`modulated_conv2d` must agree with, before noise, bias and activation. It needs N times the weight.
    """
    batch, channels, height, width = x.shape
    kernels = weight[None] * styles[:, None, :, None, None]
    if demodulate:
        kernels = kernels * torch.rsqrt(kernels.square().sum((2, 3, 4), keepdim=True) + eps)
    y = conv2d_resample(
        x.reshape(1, batch * channels, height, width),
        kernels.flatten(0, 1).to(x.dtype),
        resample_filter,
        up=up,
        down=down,
        padding=padding,
        groups=batch,
        flip_weight=flip_weight,
    )
    return y.reshape(batch, -1, *y.shape[2:])


def _within_half(weight: Tensor, styles: Tensor, modulated: bool) -> tuple[Tensor, Tensor]:
    """Weight and styles scaled down, which demodulation undoes, so that float16 holds the sums of the convolution."""
    fan_in = weight.shape[1:].numel()
    weight = weight / (weight.abs().amax((1, 2, 3), keepdim=True) * fan_in**0.5)
    return weight, styles if modulated else styles / styles.abs().amax(1, keepdim=True)


def _convolution_dtype(x: Tensor) -> torch.dtype:
    """The type in which ``F.conv2d`` computes, which under autocast is another than that of x; float64 stays."""
    if not torch.is_autocast_enabled(x.device.type) or x.dtype == torch.float64:
        return x.dtype
    return torch.get_autocast_dtype(x.device.type)


def _require_valid(x: Tensor, weight: Tensor, styles: Tensor) -> None:
    if x.dim() != 4 or weight.dim() != 4 or weight.shape[1] != x.shape[1] or not x.is_floating_point():
        raise UsageError(
            "modulated_conv2d takes floating-point feature maps (N, I, H, W) and kernels (O, I, kH, kW), not "
            f"{x.dtype} of shape {tuple(x.shape)} and {tuple(weight.shape)}."
        )
    require_fits("modulated_conv2d", "styles", styles, x, tuple(x.shape[:2]))
    require_fits("modulated_conv2d", "weight", weight, x, tuple(weight.shape))
