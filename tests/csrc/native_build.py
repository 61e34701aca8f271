"""Compiles the torch-free kernels into a Python module, once for each state of the sources."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

from filelock import FileLock

ROOT = Path(__file__).resolve().parents[2]
CSRC = ROOT / "csrc"
FOLDERS = ("common", "cpu", "cuda", "host", "python")
UNITS = sorted(
    path.relative_to(CSRC).as_posix()
    for folder in FOLDERS
    for path in (CSRC / folder).iterdir()
    if path.suffix in (".cpp", ".cu")
)
FLAGS = ("-std=c++17", "-O1", "-fPIC", "-fvisibility=hidden", "-w")
"""Quick to compile; warnings are for the builds of ``CMakeLists.txt``."""
MODULE = "imtrans_kernels"


def compiler() -> str | None:
    """The C++ compiler, or None."""
    names = (os.environ.get("CXX", ""), "g++", "c++", "clang++")
    return next((found for name in names if (found := shutil.which(name))), None)


def build(folder: Path, extra: tuple[str, ...] = ()) -> Path:
    """The module's file under ``folder``, compiled now if no process has done so before.

    Args:
        folder: a cache that processes share.
        extra: flags for the compiler and the linker, such as ``-fsanitize=address``.
    """
    folder = folder / _digest(extra)
    library = folder / f"{MODULE}{sysconfig.get_config_var('EXT_SUFFIX')}"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        if not library.exists():
            _compile(library, extra)
    return library


def load(library: Path) -> ModuleType:
    """Import the module from its file."""
    spec = importlib.util.spec_from_file_location(MODULE, library)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _digest(extra: tuple[str, ...]) -> str:
    whole = hashlib.sha256(repr((FLAGS, extra, compiler(), sysconfig.get_config_var("EXT_SUFFIX"))).encode())
    for path in sorted(path for folder in FOLDERS for path in (CSRC / folder).rglob("*") if path.is_file()):
        whole.update(path.relative_to(CSRC).as_posix().encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()[:16]


def _compile(library: Path, extra: tuple[str, ...]) -> None:
    import pybind11

    cxx = compiler()
    assert cxx is not None
    include = [f"-I{CSRC}", f"-I{pybind11.get_include()}", f"-I{sysconfig.get_path('include')}"]
    objects = [library.with_name(unit.replace("/", ".") + ".o") for unit in UNITS]

    def compile_unit(unit: str, to: Path) -> None:
        own = {"cuda": ["-x", "c++"], "python": ["-O0"]}.get(Path(unit).parent.name, [])
        _run([cxx, *FLAGS, *extra, *include, *own, "-c", str(CSRC / unit), "-o", str(to)])

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        list(pool.map(compile_unit, UNITS, objects))
    unfinished = library.with_suffix(".unfinished")
    _run([cxx, *extra, "-shared", *map(str, objects), "-o", str(unfinished)])
    unfinished.rename(library)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
