"""Fused operators: one contract each, a native kernel where it fits, and the PyTorch code that it must agree with.

>>> y = imtrans.ops.instance_norm(x, activation="relu")
>>> with imtrans.ops.use_backend("reference"):
...     y = imtrans.ops.instance_norm(x, activation="relu")

:func:`status` tells what is available and why the rest is not; :func:`self_check` compares kernels and references.
"""

from __future__ import annotations

from imtrans.ops import packed_convolution  # noqa: F401  (puts itself on the list of operators)
from imtrans.ops.adain import adain, adain_affine
from imtrans.ops.adalin import adalin, lin
from imtrans.ops.backend import BACKENDS, use_backend
from imtrans.ops.bias_act import bias_act
from imtrans.ops.conv2d_resample import conv2d_resample
from imtrans.ops.convolution import no_weight_gradients
from imtrans.ops.demodulation import demodulation
from imtrans.ops.instance_norm import instance_norm
from imtrans.ops.modulated_conv2d import modulated_conv2d
from imtrans.ops.moments import moments
from imtrans.ops.reflect_conv2d import reflect_conv2d
from imtrans.ops.reflect_pad import reflect_pad
from imtrans.ops.status import OperatorStatus, Status, self_check, status
from imtrans.ops.upfirdn2d import downsample2d, filter2d, setup_filter, upfirdn2d, upsample2d

__all__ = [
    "BACKENDS",
    "OperatorStatus",
    "Status",
    "adain",
    "adain_affine",
    "adalin",
    "bias_act",
    "conv2d_resample",
    "demodulation",
    "downsample2d",
    "filter2d",
    "instance_norm",
    "lin",
    "modulated_conv2d",
    "moments",
    "no_weight_gradients",
    "reflect_conv2d",
    "reflect_pad",
    "self_check",
    "setup_filter",
    "status",
    "upfirdn2d",
    "upsample2d",
    "use_backend",
]
