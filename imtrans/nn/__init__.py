"""Layers that plugins share.

The face is lazy: settings of networks live here too, and reading them imports no torch. Functions that are called as
their module (``spectral_norm``) are imported from it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imtrans.nn.adain import AdaIN
    from imtrans.nn.adalin import LIN, AdaLIN, clip_rho
    from imtrans.nn.instance_norm import InstanceNorm2d
    from imtrans.nn.reflect_conv2d import ReflectConv2d
    from imtrans.nn.soft_adalin import SoftAdaLIN

__all__ = ["LIN", "AdaIN", "AdaLIN", "InstanceNorm2d", "ReflectConv2d", "SoftAdaLIN", "clip_rho"]

_HOMES = {
    "AdaIN": "adain",
    "AdaLIN": "adalin",
    "LIN": "adalin",
    "clip_rho": "adalin",
    "InstanceNorm2d": "instance_norm",
    "ReflectConv2d": "reflect_conv2d",
    "SoftAdaLIN": "soft_adalin",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'imtrans.nn' has no attribute {name!r}")
    return getattr(importlib.import_module(f"imtrans.nn.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
