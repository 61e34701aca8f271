"""Layers that plugins share."""

from __future__ import annotations

from imtrans.nn.instance_norm import InstanceNorm2d
from imtrans.nn.reflect_conv2d import ReflectConv2d
from imtrans.nn.spectral_norm import spectral_norm

__all__ = ["InstanceNorm2d", "ReflectConv2d", "spectral_norm"]
