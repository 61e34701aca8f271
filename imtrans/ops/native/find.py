"""Which library to load: the one that came with the installation, or one that was built on demand."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from imtrans.errors import BuildError

from .cache import cached
from .compile import LIBRARY
from .recipe import Built, Recipe, read_built, recipe_for, torch_has_cuda
from .sources import PACKAGE, find_sources

SHIPPED_LIBRARY = PACKAGE / LIBRARY
SHIPPED_RECORD = PACKAGE / "_C.json"
"""Written by ``setup.py``: the library's recipe, or ``{"missing": reason}``."""


@dataclass(frozen=True)
class Found:
    """A library that fits this machine, this torch and these sources."""

    path: Path
    kind: Literal["ahead of time", "on demand"]
    recipe: Recipe


def find_library() -> Found | None:
    """The library to load, or None; :func:`why_no_library` then has the reason.

    One with CUDA kernels goes first where torch has CUDA, then the installed one, then the newest of the cache.
    Compiles nothing and runs no compiler: reading the sources for their digest takes a few milliseconds.
    """
    with contextlib.suppress(BuildError):
        candidates = _candidates(recipe_for(find_sources()))
        if candidates and torch_has_cuda():
            candidates.sort(key=lambda found: found.recipe.cuda is None)
        return candidates[0] if candidates else None
    return None


def cached_library() -> Path | None:
    """Path of the newest library in the cache that was built on demand and fits, or None."""
    with contextlib.suppress(BuildError):
        wanted = recipe_for(find_sources())
        return next((built.path for built in cached() if built.recipe.serves(wanted)), None)
    return None


def shipped_library() -> Built | None:
    """What the installation built ahead of time, whether or not it still fits the sources."""
    return read_built(SHIPPED_LIBRARY, SHIPPED_RECORD)


def why_no_library() -> str:
    """Why :func:`find_library` gives None, as a sentence or two."""
    try:
        recipe_for(find_sources())
    except BuildError as error:
        return error.what
    if shipped_library() is not None:
        return "the library built when imtrans was installed is older than its C++ sources."
    return f"{_why_not_shipped()} None was built on demand for this version of imtrans and torch."


def _candidates(wanted: Recipe) -> list[Found]:
    found = [Found(built.path, "on demand", built.recipe) for built in cached() if built.recipe.serves(wanted)]
    shipped = shipped_library()
    # The stable ABI lets an installed library outlive an update of torch, so only the sources must agree.
    if shipped is not None and shipped.recipe.sources == wanted.sources:
        found.insert(0, Found(shipped.path, "ahead of time", shipped.recipe))
    return found


def _why_not_shipped() -> str:
    try:
        reason = json.loads(SHIPPED_RECORD.read_text(encoding="utf-8"))["missing"]
    except (OSError, ValueError, KeyError, TypeError):
        return "no library was built when imtrans was installed."
    return f"no library was built when imtrans was installed, because {reason}"
