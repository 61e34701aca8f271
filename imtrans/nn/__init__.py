"""Layers that plugins share."""

from __future__ import annotations

from imtrans.nn.instance_norm import InstanceNorm2d

__all__ = ["InstanceNorm2d"]
