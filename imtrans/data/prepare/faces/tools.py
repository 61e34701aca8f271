"""Who finds faces and people: whatever can be called, given by the user or by an optional library."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Sequence
from typing import Any, Protocol

from PIL import Image

from imtrans.data.prepare.faces.geometry import Face
from imtrans.errors import UsageError

DEFAULT = "mediapipe"
"""The name of the library that imtrans knows by itself."""


class FaceDetector(Protocol):
    """Finds faces."""

    def __call__(self, image: Image.Image) -> Sequence[Face]:
        """The faces in an upright RGB image, in any order; none is no error."""


class Segmenter(Protocol):
    """Tells people from what is behind them."""

    def __call__(self, image: Image.Image) -> Image.Image:
        """The people in an RGB image: mode L, of the same size, 255 for a person."""


def load_detector(reference: str = DEFAULT) -> FaceDetector:
    """The detector that is meant by ``"mediapipe"`` or by ``"package.module:name"``.

    Raises:
        MissingExtraError: mediapipe is not there.
        UsageError: there is nothing of that name, or it cannot be called.
    """
    if reference == DEFAULT:
        from imtrans.data.prepare.faces.with_mediapipe import MediaPipeFaces

        return MediaPipeFaces()
    found: FaceDetector = _load(reference, "--detector")
    return found


def load_segmenter(reference: str = DEFAULT) -> Segmenter:
    """The same for the segmenter; raises as :func:`load_detector` does."""
    if reference == DEFAULT:
        from imtrans.data.prepare.faces.with_mediapipe import MediaPipePeople

        return MediaPipePeople()
    found: Segmenter = _load(reference, "--segmenter")
    return found


def _load(reference: str, option: str) -> Any:
    """The object, or an instance of the class, that a reference leads to."""
    module, colon, name = reference.partition(":")
    try:
        if not (module and colon and name):
            raise ValueError("it is no reference")
        found = getattr(importlib.import_module(module), name)
        found = found() if inspect.isclass(found) else found
    except (ValueError, ImportError, AttributeError, TypeError) as error:
        raise UsageError(
            f"there is no {option} {reference!r}: {error}.",
            have=f"There are {DEFAULT!r}, and what Python can import, written package.module:name.",
            hint="Put the module's folder on PYTHONPATH.",
        ) from error
    if not callable(found):
        raise UsageError(
            f"the {option} {reference!r} cannot be called.",
            hint="Name a function that takes an image, or a class without arguments whose objects are called with one.",
        )
    return found
