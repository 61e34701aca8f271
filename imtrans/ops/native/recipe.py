"""Everything that decides what a built library is: its :class:`Recipe`, and the key that stands for it."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from imtrans.errors import BuildError

from .compile import CXX_FLAGS, LINK_FLAGS, NVCC_FLAGS, OLDEST_TORCH, TORCH_LIBRARIES
from .sources import Sources
from .toolchain import Toolchain, find_nvcc

RECIPE = "recipe.json"
"""Name of the file that tells what the library beside it was built from."""


@dataclass(frozen=True)
class Recipe:
    """The ingredients of one library. Two equal recipes give the same library."""

    sources: str
    """Digest of the sources."""
    flags: tuple[str, ...]
    torch: str
    """Version of torch, as ``torch.__version__`` gives it."""
    machine: str
    """Architecture of the processor, say ``x86_64``."""
    compiler: str
    """Name and version of the C++ compiler, with the user's ``CXXFLAGS``."""
    cuda: str | None
    """Version of nvcc in a build with CUDA, else None."""

    @property
    def key(self) -> str:
        """Sixteen hexadecimal digits."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        """For the file that lies beside a library."""
        return {"key": self.key, **asdict(self)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Recipe:
        """Inverse of :meth:`to_json`; ``KeyError`` when a field is missing."""
        names = ("sources", "torch", "machine", "compiler", "cuda")
        return cls(flags=tuple(data["flags"]), **{name: data[name] for name in names})

    def serves(self, other: Recipe) -> bool:
        """Whether this library may stand in for the ``other`` one: any compiler will do, with or without CUDA."""
        fields = ("sources", "flags", "torch", "machine")
        return all(getattr(self, name) == getattr(other, name) for name in fields)


@dataclass(frozen=True)
class Built:
    """A finished library and its recipe."""

    path: Path
    """The library itself."""
    recipe: Recipe

    @property
    def size(self) -> int:
        """Bytes of the library."""
        return self.path.stat().st_size


def read_built(library: Path, recipe: Path) -> Built | None:
    """The library with the recipe beside it, or None where either is missing or unreadable."""
    try:
        data = json.loads(recipe.read_text(encoding="utf-8"))
        return Built(library, Recipe.from_json(data)) if library.is_file() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Leave a small record beside a library."""
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


def recipe_for(sources: Sources, toolchain: Toolchain | None = None) -> Recipe:
    """The recipe of a build here and now; without a toolchain it is one to compare by :meth:`Recipe.serves`."""
    return Recipe(
        sources=sources.digest(),
        flags=(*CXX_FLAGS, *NVCC_FLAGS, *LINK_FLAGS, *TORCH_LIBRARIES),
        torch=torch_version(),
        machine=platform.machine(),
        compiler=" ".join((toolchain.cxx_version, *toolchain.extra_flags)) if toolchain else "",
        cuda=toolchain.nvcc_version if toolchain else None,
    )


def torch_version() -> str:
    """Version of the torch that is here.

    Raises:
        BuildError: there is no torch, or it is too old for the kernels.
    """
    version = _torch().__version__
    release = tuple(int(part) for part in version.split("+")[0].split(".")[:2])
    if release < OLDEST_TORCH:
        oldest = ".".join(map(str, OLDEST_TORCH))
        raise BuildError(
            f"the native kernels need torch {oldest} or later.",
            have=f"This is torch {version}.",
            hint=f"Update it: pip install 'torch>={oldest}'.",
        )
    return str(version)


def torch_root() -> Path:
    """The folder of the torch package, with ``include`` and ``lib`` inside."""
    return Path(_torch().__file__).parent


def torch_has_cuda() -> bool:
    """Whether the torch that is here was built for CUDA; there need not be a GPU."""
    return _torch().version.cuda is not None


def wants_cuda() -> bool:
    """``IMTRANS_BUILD_CUDA`` (0 or 1) where it is set; else whether torch has CUDA and nvcc is there.

    Raises:
        BuildError: the variable is neither 0 nor 1, or there is no torch.
    """
    wanted = os.environ.get("IMTRANS_BUILD_CUDA", "")
    if wanted not in ("", "0", "1"):
        raise BuildError(f"IMTRANS_BUILD_CUDA={wanted} means nothing.", hint="Say 0 or 1, or unset it.")
    return wanted == "1" if wanted else torch_has_cuda() and find_nvcc() is not None


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise BuildError(
            "torch is not importable, and the native kernels are compiled against it.",
            have=str(error),
            hint="Install torch first: pip install torch.",
        ) from error
    return torch
