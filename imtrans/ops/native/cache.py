"""Where libraries that were built on demand are kept: one folder a recipe, put there whole or not at all.

::

    $IMTRANS_CACHE/kernels/            by default ~/.cache/imtrans/kernels
        <key>/_C.so                    the library
        <key>/recipe.json              what it was built from
        <key>/build.log                what the compilers said
        <key>.log                      what they said when the build failed
        .<key>.lock                    held while <key> is being built
        .<key>.<random>/               a build under way, or the remains of a killed one
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from imtrans.cache import cache_root
from imtrans.errors import BuildError

from .compile import LIBRARY, LOG, Report
from .recipe import RECIPE, Built, read_built

_OURS = re.compile(r"\.?([0-9a-f]{16})(\.|$)")
"""Names that this module gives; IMTRANS_CACHE may point to a folder that holds other things."""


def cache_folder() -> Path:
    """The folder of the built libraries; it need not exist yet."""
    return cache_root() / "kernels"


def cached() -> list[Built]:
    """Every finished library in the cache, the newest first. Folders that make no sense are passed over."""
    found = []
    with contextlib.suppress(OSError):
        for folder in cache_folder().iterdir():
            if not folder.name.startswith(".") and (built := read_built(folder / LIBRARY, folder / RECIPE)):
                found.append(built)
    return sorted(found, key=lambda built: built.path.stat().st_mtime, reverse=True)


@contextlib.contextmanager
def locked(key: str, report: Report) -> Iterator[None]:
    """Hold the lock of ``key``; the operating system releases it when the process ends, however it ends."""
    folder = cache_folder()
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f".{key}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            report("another process is building the same kernels; waiting for it")
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def workshop(key: str) -> Iterator[Path]:
    """An empty folder to build in, removed afterwards; remains of killed builds of ``key`` are swept away first."""
    folder = cache_folder()
    with writing(folder):
        for remains in folder.glob(f".{key}.*"):
            if remains.is_dir():
                shutil.rmtree(remains, ignore_errors=True)
        made = Path(tempfile.mkdtemp(prefix=f".{key}.", dir=folder))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def publish(made: Path, key: str) -> Path:
    """Move what was built in ``made`` to its place in one step, instead of what may be there; gives the library."""
    place = cache_folder() / key
    with writing(place):
        finished = made / "finished"
        finished.mkdir()
        for name in (LIBRARY, RECIPE, LOG):
            (made / name).rename(finished / name)
        if place.exists():
            place.rename(made / "replaced")  # a rename cannot replace a folder that holds something
        finished.rename(place)
        (cache_folder() / f"{key}.log").unlink(missing_ok=True)
    return place / LIBRARY


def keep_log(made: Path, key: str) -> Path:
    """Save the log of a failed build from the workshop's end; gives its new path."""
    kept = cache_folder() / f"{key}.log"
    with writing(kept):
        (made / LOG).replace(kept)
    return kept


def clean() -> list[Path]:
    """Remove every library, log and remains of killed builds, and return what was removed.

    Builds under way are left alone, and so is everything that does not carry the name of a key.
    """
    folder = cache_folder()
    removed = []
    with writing(folder):
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        for key in sorted({found[1] for name in names if (found := _OURS.match(name))}):
            removed += _clean_key(folder, key)
    return removed


def _clean_key(folder: Path, key: str) -> list[Path]:
    lock = FileLock(folder / f".{key}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return []
    removed = [path for path in (folder / key, folder / f"{key}.log", *folder.glob(f".{key}.*")) if path.exists()]
    for path in removed:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    lock.release()
    return [path for path in removed if path.suffix != ".lock"]


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a refused write into a sentence."""
    try:
        yield
    except OSError as error:
        raise BuildError(
            f"the cache of built kernels cannot be written: {error.strerror or error} ({error.filename or path}).",
            hint="Name a folder that you may write to: IMTRANS_CACHE=/some/folder.",
        ) from error
