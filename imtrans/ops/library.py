"""The native library: found and loaded at the first use of an operator, never at import."""

from __future__ import annotations

import functools
import logging
import os
from dataclasses import dataclass
from pathlib import Path

import torch

log = logging.getLogger("imtrans.ops")

# Defined here and not by the library: the operators below register their schemas the same way, so that
# torch.compile knows them whether or not a library is there to run them.
torch.library.define("imtrans::cpu_capability", "() -> str")


@dataclass(frozen=True)
class Library:
    """What became of the search for the native library in this process."""

    path: Path | None
    """The file that was loaded."""
    kind: str
    """``"ahead of time"``, ``"on demand"``, ``"IMTRANS_LIBRARY"`` or ``"none"``."""
    reason: str | None
    """Why there is none, as a sentence or two; None where one is loaded."""

    @property
    def cpu_capability(self) -> str | None:
        """Instruction set of the CPU kernels on this machine: ``"baseline"``, ``"avx2"`` or ``"avx512"``."""
        return str(torch.ops.imtrans.cpu_capability()) if self.path is not None else None


@functools.cache
def load() -> Library:
    """Find the native library and load it, once in a process. Says once, through logging, where there is none.

    The environment variable ``IMTRANS_LIBRARY`` names another library to load (a sanitizer build, say) or, set to
    ``none``, keeps every library away.
    """
    named = os.environ.get("IMTRANS_LIBRARY")
    if named == "none":
        return Library(None, "none", "IMTRANS_LIBRARY=none keeps the native library away.")
    library = _load_file(Path(named), "IMTRANS_LIBRARY") if named else _load_found()
    if library.reason is not None:
        log.warning(
            "imtrans works without its native kernels, slower; `imtrans kernels build` compiles them. (%s)",
            library.reason,
        )
    return library


def _load_found() -> Library:
    from imtrans.ops.build import find_library, why_no_library

    found = find_library()
    if found is None:
        return Library(None, "none", why_no_library())
    return _load_file(found.path, found.kind)


def _load_file(path: Path, kind: str) -> Library:
    try:
        torch.ops.load_library(str(path))
    except OSError as error:
        return Library(None, "none", f"{path} cannot be loaded: {error}.")
    log.debug("native kernels from %s (%s)", path, kind)
    return Library(path, kind, None)


@torch.compiler.assume_constant_result
def why_no_kernel(operator: str, device: str) -> str | None:
    """Why the operator ``imtrans::<operator>`` cannot run natively on a type of device (``"cpu"``); None if it can."""
    library = load()
    if library.reason is not None:
        return f"there is no native library: {library.reason}"
    key = {"cpu": "CPU", "cuda": "CUDA"}.get(device)
    if key is None:
        return f"there are no native kernels for {device} devices."
    if not _has_kernel(library.path, operator, key):
        return f"the native library at {library.path} was built without {key} kernels."
    return None


@functools.cache  # asked at every call of an operator, and the answer takes longer than the rest of the call's checks
def _has_kernel(path: Path | None, operator: str, key: str) -> bool:
    return torch._C._dispatch_has_kernel_for_dispatch_key(f"imtrans::{operator}", key)
