"""Layers that plugins share."""

from __future__ import annotations

from imtrans.nn.instance_norm import InstanceNorm2d
from imtrans.nn.reflect_conv2d import ReflectConv2d

__all__ = ["InstanceNorm2d", "ReflectConv2d"]
