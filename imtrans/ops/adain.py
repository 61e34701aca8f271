"""Adaptive instance norm: the scale and shift of each image come from elsewhere.

From the statistics of a style's feature maps (:func:`adain`; Huang, Belongie: Arbitrary Style Transfer in Real-time
with Adaptive Instance Normalization, 2017, equation 8, https://arxiv.org/abs/1703.06868)::

    y = std(style) * (content - mean(content)) / std(content) + mean(style)

or from an affine layer (:func:`adain_affine`; Karras, Laine, Aila: A Style-Based Generator Architecture for Generative
Adversarial Networks, 2019, equation 1, https://arxiv.org/abs/1812.04948)::

    y = scale * (x - mean(x)) / std(x) + shift

Both are the instance norm with parameters of each image, so kernels, gradients and errors are those of
:func:`imtrans.ops.instance_norm`; the style's statistics are :func:`imtrans.ops.moments`.
"""

from __future__ import annotations

import math

from torch import Tensor

from imtrans.errors import UsageError
from imtrans.ops.arguments import Activation, require_fits, require_map
from imtrans.ops.instance_norm import instance_norm
from imtrans.ops.moments import moments


def adain(
    content: Tensor,
    style: Tensor,
    residual: Tensor | None = None,
    *,
    activation: Activation = "none",
    slope: float = 0.2,
    eps: float = 1e-5,
    pad: int = 0,
) -> Tensor:
    """Give every channel of ``content`` the mean and the deviation that it has in ``style``.

    Args:
        content: feature maps (N, C, H, W), as :func:`imtrans.ops.instance_norm` takes them.
        style: feature maps (N, C, H', W') of any height and width, or (1, C, H', W') for one style for all images.
        residual: added after the activation, see :func:`imtrans.ops.instance_norm`.
        activation: ``"none"``, ``"relu"`` or ``"leaky_relu"``.
        slope: of the leaky ReLU.
        eps: added to the variances, unbiased ones as in the authors' code, of content and style.
        pad: pixels of the reflected border of the result, less than H and less than W.

    Returns:
        (N, C, H + 2 pad, W + 2 pad) of the type and memory layout of ``content``. Content of one pixel becomes the
        style's mean.

    Raises:
        UsageError: as :func:`imtrans.ops.instance_norm`; also a style of other channels or another number of images.
        BackendError: ``use_backend("fused")`` is in force and the kernels cannot serve.
    """
    require_map("adain", content, eps, pad)
    if style.dim() != 4 or style.shape[1] != content.shape[1] or style.shape[0] not in (1, content.shape[0]):
        raise UsageError(
            f"the style of adain has shape {tuple(style.shape)}.",
            have=f"For content of shape {tuple(content.shape)} it has {content.shape[1]} channels, and one image or "
            f"{content.shape[0]}; its height and width are free.",
        )
    if style.device != content.device:
        raise UsageError(f"the style of adain is on {style.device}, and the content is on {content.device}.")
    mean, std = moments(style, eps=eps)
    if mean.dtype != content.dtype and content.dtype.itemsize == 8:
        mean, std = mean.to(content.dtype), std.to(content.dtype)
    if style.shape[0] != content.shape[0]:
        mean, std = mean[0], std[0]
    # sqrt(D / (m - 1) + eps) = sqrt(D / m + eps (m - 1) / m) / sqrt((m - 1) / m): the unbiased deviation of the content
    # is the instance norm's with another eps and another scale.
    pixels = content.shape[2] * content.shape[3]
    share = (pixels - 1) / pixels if pixels > 1 else 1.0
    return instance_norm(
        content,
        std * math.sqrt(share),
        mean,
        residual,
        activation=activation,
        slope=slope,
        eps=eps * share,
        pad=pad,
    )


def adain_affine(
    x: Tensor,
    scale: Tensor,
    shift: Tensor,
    residual: Tensor | None = None,
    *,
    activation: Activation = "none",
    slope: float = 0.2,
    eps: float = 1e-5,
    pad: int = 0,
) -> Tensor:
    """``pad(act(scale * (x - mean) / sqrt(var + eps) + shift) + residual)`` with numbers of each image.

    Args:
        x: feature maps (N, C, H, W), as :func:`imtrans.ops.instance_norm` takes them.
        scale: (N, C), used as it is. Networks whose layer gives scale - 1 (StyleGAN, StarGAN v2) add the 1 first, see
            :class:`imtrans.nn.AdaIN`.
        shift: (N, C).
        residual: added after the activation, see :func:`imtrans.ops.instance_norm`.
        activation: ``"none"``, ``"relu"`` or ``"leaky_relu"``.
        slope: of the leaky ReLU.
        eps: added to the (biased) variance.
        pad: pixels of the reflected border of the result, less than H and less than W.

    Returns:
        (N, C, H + 2 pad, W + 2 pad) of the type and memory layout of x.

    Raises:
        UsageError, BackendError: as :func:`imtrans.ops.instance_norm`.
    """
    require_map("adain_affine", x, eps, pad)
    require_fits("adain_affine", "scale", scale, x, tuple(x.shape[:2]))
    require_fits("adain_affine", "shift", shift, x, tuple(x.shape[:2]))
    return instance_norm(x, scale, shift, residual, activation=activation, slope=slope, eps=eps, pad=pad)
