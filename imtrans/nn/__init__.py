"""Layers that plugins share."""

from __future__ import annotations

from imtrans.nn.adain import AdaIN
from imtrans.nn.adalin import LIN, AdaLIN, clip_rho
from imtrans.nn.instance_norm import InstanceNorm2d
from imtrans.nn.reflect_conv2d import ReflectConv2d
from imtrans.nn.soft_adalin import SoftAdaLIN
from imtrans.nn.spectral_norm import spectral_norm

__all__ = [
    "LIN",
    "AdaIN",
    "AdaLIN",
    "InstanceNorm2d",
    "ReflectConv2d",
    "SoftAdaLIN",
    "clip_rho",
    "spectral_norm",
]
