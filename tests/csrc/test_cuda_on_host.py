"""The stand-in for a GPU: barriers, shuffles and shared memory mean on the host what they mean there."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.csrc.native_build import CSRC, compiler

SANITIZERS = "-fsanitize=address,undefined"
STUCK = "some threads of a block never reach a barrier or a shuffle that others wait at:"
MEANING = {
    "reverse": "ok: 99 0 1099 1000",
    # Past the end of the warp a lane gets its own value back, first from one place up and then from two.
    "shuffle": "ok: 3 31 31 31 31 35",
    "unwritten": "ok: -1 -1",
    "arrays": "ok: 1",
    "barrier": STUCK,
    "divergent shuffle": STUCK,
    # Blocks 0 and 1, and then 2 and 3, read each other's numbers backwards; the second pair counts from 20 and 30.
    "cluster": "ok: 13 10 3 33 23",
    "ended neighbour": "a block looks into the shared memory of one that is ending:",
    "foreign pointer": "a block asks for the shared memory of another with a pointer that is not of its own:",
    "odd cluster": "invalid configuration argument:",
    "launch memory": "ok: 3 4",
    "too much memory": "invalid configuration argument:",
    "no blocks": "ok:",
    "too many threads": "invalid configuration argument:",
    "too many blocks": "the tensor needs more thread blocks than one launch can have:",
    "resident 1x256x64x64": "ok: 128 8 32",
    "resident 16x256x64x64": "ok: 512 8 128",
    "resident 1x128x128x128": "ok: 64 8 32",
    "resident 1x64x256x256": "ok: 0 0 0",  # too large: two launches
    "resident 2x8x64x64": "ok: 16 8 16",
    "resident planes": "ok: 256 1 2",
    "resident without clusters": "ok: 16 1 32",
}


def compile_check(folder: Path, *flags: str) -> Path:
    """The program of ``cuda_on_host_check.cpp``."""
    cxx = compiler()
    if cxx is None:
        pytest.skip("there is no C++ compiler")
    sources = [Path(__file__).with_name("cuda_on_host_check.cpp"), CSRC / "host" / "cuda_on_host.cpp"]
    command = [cxx, "-std=c++17", "-O1", "-g1", *flags, f"-I{CSRC}", *map(str, sources), "-o", str(folder / "check")]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if flags and "cannot find" in built.stderr:
        pytest.skip("the compiler has no sanitizer libraries")
    assert built.returncode == 0, built.stderr
    return folder / "check"


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def meanings(said: str) -> dict[str, str]:
    return {name: rest.rstrip() for name, _, rest in (line.partition(": ") for line in said.splitlines())}


def test_kernels_mean_what_they_mean_on_a_gpu(tmp_path: Path) -> None:
    done = run(compile_check(tmp_path))
    assert done.returncode == 0
    assert meanings(done.stdout) == MEANING


def test_sanitizers_understand_the_fibers(tmp_path: Path) -> None:
    program = compile_check(tmp_path, SANITIZERS)
    done = run(program)
    assert done.returncode == 0, done.stderr
    assert meanings(done.stdout) == MEANING
    overrun = run(program, "overrun")
    assert overrun.returncode != 0
    assert "heap-buffer-overflow" in overrun.stderr
    assert "read_past_the_end" in overrun.stderr
