"""Which compilers there are, which versions they have, and how many of them may run at once."""

from __future__ import annotations

import os
import platform
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from imtrans.errors import BuildError

GIB_PER_JOB = 2
"""Memory that one compiler process may need; nvcc on a templated kernel comes close to it."""

_LAUNCHERS = ("ccache", "sccache", "distcc")


@dataclass(frozen=True)
class Toolchain:
    """The compilers of one build."""

    cxx: tuple[str, ...]
    """The C++ compiler as a command, say ``("ccache", "g++")``."""
    cxx_version: str
    extra_flags: tuple[str, ...] = ()
    """The user's ``CXXFLAGS``. Ours come after them and win: conda, for one, sets an older C++ standard there."""
    nvcc: str | None = None
    """Path of nvcc in a build with CUDA, else None."""
    nvcc_version: str | None = None

    @property
    def host_compiler(self) -> str:
        """The C++ compiler's executable without a launcher such as ccache, as nvcc's ``-ccbin`` wants it."""
        return next(word for word in self.cxx if Path(word).name not in _LAUNCHERS)


def find_toolchain(cuda: bool) -> Toolchain:
    """The compilers that the environment names (``CXX``, ``CUDACXX``, ``CUDA_HOME``), or the usual ones.

    Raises:
        BuildError: there is no C++ compiler, or ``cuda`` is wanted and there is no nvcc.
    """
    if platform.system() != "Linux":
        raise BuildError(
            f"native kernels are built on Linux, and this is {platform.system()}.",
            hint="imtrans works here without them, slower.",
        )
    cxx = _find_cxx()
    extra = tuple(shlex.split(os.environ.get("CXXFLAGS", "")))
    if not cuda:
        return Toolchain(cxx, _version_line(cxx), extra)
    nvcc = find_nvcc()
    if nvcc is None:
        raise BuildError(
            "CUDA kernels were asked for and nvcc is not to be found.",
            have="Looked at CUDACXX, CUDA_HOME, the PATH and /usr/local/cuda.",
            hint="Install the CUDA toolkit, set CUDA_HOME to it, or do without: imtrans kernels build --no-cuda.",
        )
    return Toolchain(cxx, _version_line(cxx), extra, nvcc, _nvcc_release(nvcc))


def find_nvcc() -> str | None:
    """Path of nvcc, or None. Torch's own search gives up where torch is built for the CPU; this one does not."""
    candidates = [os.environ.get("CUDACXX", "")]
    for variable in ("CUDA_HOME", "CUDA_PATH"):
        if home := os.environ.get(variable):
            candidates.append(str(Path(home) / "bin" / "nvcc"))
    candidates += ["nvcc", "/usr/local/cuda/bin/nvcc"]
    return next((found for candidate in candidates if candidate and (found := shutil.which(candidate))), None)


def parallel_jobs() -> int:
    """How many compilers to run at once: ``MAX_JOBS``, or one a core as far as the free memory goes.

    Raises:
        BuildError: ``MAX_JOBS`` is not a positive number.
    """
    if wanted := os.environ.get("MAX_JOBS", ""):
        if not wanted.isdecimal() or int(wanted) == 0:
            raise BuildError(f"MAX_JOBS={wanted} is not a positive whole number.", hint="Say MAX_JOBS=2, or unset it.")
        return int(wanted)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, _free_gib() // GIB_PER_JOB))


def _free_gib() -> int:
    try:
        meminfo = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return GIB_PER_JOB
    found = re.search(r"^MemAvailable:\s+(\d+) kB", meminfo, re.MULTILINE)
    return int(found[1]) >> 20 if found else GIB_PER_JOB


def _find_cxx() -> tuple[str, ...]:
    named = tuple(shlex.split(os.environ.get("CXX", "")))
    if named:
        if missing := next((word for word in named if not word.startswith("-") and not shutil.which(word)), None):
            raise BuildError(
                f"CXX names the compiler {missing!r}, which is not to be found.", hint="Correct or unset CXX."
            )
        return named
    for candidate in ("c++", "g++", "clang++"):
        if found := shutil.which(candidate):
            return (found,)
    raise BuildError(
        "there is no C++ compiler.",
        have="Looked for c++, g++ and clang++ on the PATH.",
        hint="Install one (apt install g++, dnf install gcc-c++, conda install gxx), or name it: CXX=/path/to/g++.",
    )


def _version_line(command: tuple[str, ...]) -> str:
    """First line of ``command --version``."""
    try:
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise BuildError(f"{shlex.join(command)} does not run: {error}", hint="Set CXX to a C++ compiler.") from error
    return done.stdout.strip().partition("\n")[0]


def _nvcc_release(nvcc: str) -> str:
    try:
        done = subprocess.run([nvcc, "--version"], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise BuildError(f"{nvcc} does not run: {error}", hint="Set CUDA_HOME to a CUDA toolkit.") from error
    found = re.search(r"release [\d.]+, V([\d.]+)", done.stdout)
    return found[1] if found else done.stdout.strip()
