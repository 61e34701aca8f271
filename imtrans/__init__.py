"""imtrans: images into images with generative networks.

The public face is lazy: ``import imtrans`` imports neither torch nor any plugin. What is public:

* :func:`imtrans.load` gives a :class:`~imtrans.infer.translator.Translator` for a model and its weights, or a
  :class:`~imtrans.infer.generator.Generator` for a model that draws pictures from random numbers;
* :func:`imtrans.models` lists the cards of the installed models;
* :class:`imtrans.Card`, :class:`imtrans.Ref` and :class:`imtrans.Weights` declare a plugin.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from imtrans.version import __version__

if TYPE_CHECKING:
    from imtrans.card import Card, Ref, Weights
    from imtrans.infer.generator import Generator
    from imtrans.infer.loading import load
    from imtrans.infer.translator import Translator
    from imtrans.registry import cards as models

__all__ = ["Card", "Generator", "Ref", "Translator", "Weights", "__version__", "load", "models"]

_HOMES = {
    "Card": ("imtrans.card", "Card"),
    "Ref": ("imtrans.card", "Ref"),
    "Weights": ("imtrans.card", "Weights"),
    "Generator": ("imtrans.infer.generator", "Generator"),
    "Translator": ("imtrans.infer.translator", "Translator"),
    "load": ("imtrans.infer.loading", "load"),
    "models": ("imtrans.registry", "cards"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'imtrans' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(importlib.import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted(__all__)
