"""Compile and link: from :class:`Sources` and :class:`Toolchain` to one shared library.

The library is no Python module. It registers operators with torch when ``torch.ops.load_library`` opens it, uses only
torch's stable ABI, and so serves every supported version of Python and every torch from :data:`OLDEST_TORCH` on.

torch.utils.cpp_extension is not used: with a torch built for the CPU it refuses CUDA sources, its lock outlives a
killed build, its cache ignores the version of torch, and it needs ninja on the PATH. What it would add, a pool of
compiler processes, is one function here.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from imtrans.errors import BuildError

from .sources import Sources
from .toolchain import Toolchain, parallel_jobs

LIBRARY = "_C.so"
LOG = "build.log"

OLDEST_TORCH = (2, 11)
"""The first torch whose stable ABI has all that the kernels use."""

_COMMON_FLAGS = ("-O3", "-std=c++20", "-DTORCH_TARGET_VERSION=0x020b000000000000")
CXX_FLAGS = (*_COMMON_FLAGS, "-fvisibility=hidden", "-fPIC")
"""No ``-march``: kernels choose their instruction set when they run, so that one binary serves every CPU."""

NVCC_FLAGS = (
    *_COMMON_FLAGS,
    "-Xcompiler=-fvisibility=hidden,-fPIC",
    "--expt-relaxed-constexpr",
    "-gencode=arch=compute_80,code=sm_80",
    "-gencode=arch=compute_90,code=sm_90",
    "-gencode=arch=compute_90,code=compute_90",
    "-Xfatbin=-compress-all",
)
"""Machine code for A100 and H100, and PTX that newer GPUs compile when they load it."""

LINK_FLAGS = ("-shared",)
TORCH_LIBRARIES = ("torch", "torch_cpu")
"""libtorch.so pulls in libtorch_cuda.so where there is one, so one link line serves torch with and without CUDA."""

_TAIL = 30

Report = Callable[[str], None]
"""Takes one line of progress."""


@dataclass(frozen=True)
class _Command:
    output: Path
    argv: tuple[str, ...]

    @property
    def text(self) -> str:
        return shlex.join(self.argv)


@dataclass(frozen=True)
class _Result:
    command: _Command
    status: int
    text: str


def compile_library(
    sources: Sources, toolchain: Toolchain, torch_root: Path, folder: Path, *, verbose: bool, report: Report
) -> Path:
    """Compile everything inside ``folder`` and return the path of the library there.

    Args:
        sources: what to compile.
        toolchain: by what; its nvcc decides about the CUDA kernels.
        torch_root: the folder of the installed ``torch`` package, which holds ``include`` and ``lib``.
        folder: an empty folder for objects, the library and the log.
        verbose: report the commands and what the compilers say, not just the progress.
        report: where lines of progress go.

    Raises:
        BuildError: a compiler failed; the message has the end of the log and its path.
    """
    commands = _compile_commands(sources, toolchain, torch_root, folder)
    link = _link_command(toolchain, torch_root, [command.output for command in commands], folder / LIBRARY)
    with (folder / LOG).open("w", encoding="utf-8") as log:

        def note(result: _Result) -> None:
            log.write(f"{result.command.text}\n{result.text}\n")
            log.flush()
            if verbose:
                report(f"{result.command.text}\n{result.text}".rstrip())

        report(f"compiling {len(commands)} files with {toolchain.cxx_version}, {parallel_jobs()} at once")
        _run_all(commands, note, report)
        result = _run(link)
        note(result)
        _check(result)
    return link.output


def _compile_commands(sources: Sources, toolchain: Toolchain, torch_root: Path, folder: Path) -> list[_Command]:
    """One command a file; CUDA first, because it takes longest."""
    includes = ("-I", str(sources.root), "-isystem", str(torch_root / "include"))
    commands = []
    if toolchain.nvcc is not None:
        nvcc = (toolchain.nvcc, "-ccbin", toolchain.host_compiler, *NVCC_FLAGS, *includes)
        commands += [_compile(nvcc, source, folder) for source in sources.cuda]
    cxx = (*toolchain.cxx, *toolchain.extra_flags, *CXX_FLAGS, *includes)
    return commands + [_compile(cxx, source, folder) for source in sources.cpp]


def _compile(compiler: tuple[str, ...], source: Path, folder: Path) -> _Command:
    output = folder / f"{source.parent.name}.{source.name}.o"  # cpu/adain.cpp and register/adain.cpp share their name
    return _Command(output, (*compiler, "-c", str(source), "-o", str(output)))


def _link_command(toolchain: Toolchain, torch_root: Path, objects: list[Path], output: Path) -> _Command:
    libraries = [f"-L{torch_root / 'lib'}", *(f"-l{name}" for name in TORCH_LIBRARIES)]
    if toolchain.nvcc is None:
        head = [*toolchain.cxx, *toolchain.extra_flags, *LINK_FLAGS, "-Wl,--no-as-needed"]
    else:
        # The CUDA runtime is linked statically: a library that is loaded where there is no driver must still load.
        head = [toolchain.nvcc, "-ccbin", toolchain.host_compiler, *LINK_FLAGS, "-cudart=static"]
        head += ["-Xlinker=--no-as-needed"]
    return _Command(output, (*head, *map(str, objects), *libraries, "-o", str(output)))


def _run_all(commands: list[_Command], note: Callable[[_Result], None], report: Report) -> None:
    """Run the commands in parallel; after a failure start no more, and raise when those under way have ended."""
    with ThreadPoolExecutor(parallel_jobs()) as pool:
        running = [pool.submit(_run, command) for command in commands]
        try:
            for done, future in enumerate(as_completed(running), start=1):
                result = future.result()
                note(result)
                _check(result)
                report(f"[{done}/{len(commands)}] {result.command.output.stem}")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _run(command: _Command) -> _Result:
    done = subprocess.run(command.argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    return _Result(command, done.returncode, done.stdout)


def _check(result: _Result) -> None:
    if result.status == 0:
        return
    compiler = Path(result.command.argv[0]).name
    how = f"was killed by signal {-result.status}" if result.status < 0 else f"ended with status {result.status}"
    hint = ""
    if result.status == -9 or "Killed" in result.text:
        hint = "Memory ran out, it seems; run fewer compilers at once: MAX_JOBS=1."
    elif compiler == "nvcc":
        hint = "Kernels for the CPU alone may do for now: IMTRANS_BUILD_CUDA=0."
    raise BuildError(
        f"compiling {result.command.output.stem} failed: {compiler} {how}.",
        have="\n".join(result.text.strip().splitlines()[-_TAIL:]),
        hint=hint,
    )
