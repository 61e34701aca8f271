"""The native library on demand: built into the cache, once, however many ask for it, and found there again.

Nothing is ever built when imtrans is imported. The parts are in :mod:`imtrans.ops.native`.
"""

from __future__ import annotations

import time
from pathlib import Path

from imtrans.errors import BuildError
from imtrans.ops.native.cache import cache_folder, cached, clean, keep_log, locked, publish, workshop
from imtrans.ops.native.compile import LIBRARY, LOG, Report, compile_library
from imtrans.ops.native.find import Found, cached_library, find_library, shipped_library, why_no_library
from imtrans.ops.native.recipe import RECIPE, Built, Recipe, read_built, recipe_for, torch_root, wants_cuda, write_json
from imtrans.ops.native.sources import Sources, find_sources
from imtrans.ops.native.toolchain import Toolchain, find_toolchain

__all__ = [
    "BuildError",
    "Built",
    "Found",
    "Recipe",
    "build",
    "cache_folder",
    "cached",
    "cached_library",
    "clean",
    "find_library",
    "shipped_library",
    "wants_cuda",
    "why_no_library",
]


def build(
    *, verbose: bool = False, force: bool = False, cuda: bool | None = None, report: Report = lambda line: None
) -> Path:
    """Build the native library into the cache, unless it is there already, and return its path.

    Safe to call from several processes at once: one builds, the others wait and get the same path. A build that is
    killed leaves nothing that a later one could trip over.

    Args:
        verbose: report every command and what the compilers say.
        force: build again even where the library is in the cache.
        cuda: with or without CUDA kernels; None decides by :func:`wants_cuda`.
        report: takes lines of progress.

    Raises:
        BuildError: no compiler, no torch, a failing compiler (with the log), or a cache that cannot be written.
    """
    sources = find_sources()
    toolchain = find_toolchain(wants_cuda() if cuda is None else cuda)
    recipe = recipe_for(sources, toolchain)
    place = cache_folder() / recipe.key
    with locked(recipe.key, report):
        if not force and read_built(place / LIBRARY, place / RECIPE):
            return place / LIBRARY
        return _build_into_cache(sources, toolchain, recipe, verbose=verbose, report=report)


def _build_into_cache(sources: Sources, toolchain: Toolchain, recipe: Recipe, *, verbose: bool, report: Report) -> Path:
    start = time.monotonic()
    with workshop(recipe.key) as made:
        try:
            compile_library(sources, toolchain, torch_root(), made, verbose=verbose, report=report)
        except BuildError as error:
            if (made / LOG).exists():
                error.hint = f"{error.hint} The whole log: {keep_log(made, recipe.key)}".strip()
            raise
        if find_sources().digest() != recipe.sources:
            raise BuildError("the C++ sources changed while they were being compiled.", hint="Build again.")
        write_json(made / RECIPE, recipe.to_json())
        path = publish(made, recipe.key)
    report(f"built in {time.monotonic() - start:.0f} s")
    return path
