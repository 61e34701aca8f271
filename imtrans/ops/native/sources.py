"""What the native library is made of: the files under ``csrc`` and a digest that tells when they changed.

Standard library only, because ``setup.py`` reads this file before imtrans is installed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from imtrans.errors import BuildError

PACKAGE = Path(__file__).resolve().parents[2]
"""The folder of the ``imtrans`` package."""

FOLDERS = ("common", "cpu", "cuda", "register")
"""The folders of ``csrc`` that enter the library."""


@dataclass(frozen=True)
class Sources:
    """The translation units under one ``csrc`` folder, sorted."""

    root: Path
    cpp: tuple[Path, ...]
    """For the C++ compiler: the CPU kernels and the files that register them with torch."""
    cuda: tuple[Path, ...]
    """For nvcc, in a build with CUDA only: the CUDA kernels and the files that register them."""

    def digest(self) -> str:
        """SHA-256 over names and contents of every file in :data:`FOLDERS`, headers included."""
        whole = hashlib.sha256()
        files = [path for folder in FOLDERS for path in (self.root / folder).rglob("*") if path.is_file()]
        for path in sorted(files):
            whole.update(path.relative_to(self.root).as_posix().encode() + b"\0")
            whole.update(hashlib.sha256(path.read_bytes()).digest())
        return whole.hexdigest()


def find_sources(root: Path | None = None) -> Sources:
    """The sources under ``root``; by default those of the installed package, or of the checkout it is run from.

    Raises:
        BuildError: the sources are not there.
    """
    root = root or _default_root()
    registered = sorted((root / "register").glob("*.cpp"))
    for_cuda = [path for path in registered if path.stem.endswith("_cuda")]
    return Sources(
        root=root,
        cpp=(*sorted((root / "cpu").glob("*.cpp")), *(path for path in registered if path not in for_cuda)),
        cuda=(*sorted((root / "cuda").glob("*.cu")), *for_cuda),
    )


def _default_root() -> Path:
    """``imtrans/_csrc`` in an installed wheel; ``csrc`` beside the package in a checkout or an editable install."""
    for root in (PACKAGE / "_csrc", PACKAGE.parent / "csrc"):
        if (root / "register").is_dir():
            return root
    raise BuildError(
        "the C++ sources of the native kernels are missing from this installation.",
        have=f"Looked for {PACKAGE / '_csrc'} and {PACKAGE.parent / 'csrc'}.",
        hint="Install imtrans again: pip install --force-reinstall --no-deps imtrans.",
    )
