"""Finding compilers, and saying what to do where there are none."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from imtrans.errors import BuildError
from imtrans.ops.native import toolchain
from imtrans.ops.native.toolchain import find_nvcc, find_toolchain, parallel_jobs

linux = pytest.mark.skipif(platform.system() != "Linux", reason="native kernels are built on Linux")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("CXX", "CXXFLAGS", "CUDACXX", "CUDA_HOME", "CUDA_PATH", "MAX_JOBS"):
        monkeypatch.delenv(variable, raising=False)


def make_tool(path: Path, output: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{output}'\n")
    path.chmod(0o755)
    return path


@linux
def test_the_named_compiler_is_taken_with_its_launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launcher = make_tool(tmp_path / "ccache", "compiler 1.2.3")
    compiler = make_tool(tmp_path / "my-c++", "compiler 1.2.3")
    monkeypatch.setenv("CXX", f"{launcher} {compiler}")
    monkeypatch.setenv("CXXFLAGS", "-g '-DTEXT=a b'")
    found = find_toolchain(cuda=False)
    assert found.cxx == (str(launcher), str(compiler))
    assert found.cxx_version == "compiler 1.2.3"
    assert found.extra_flags == ("-g", "-DTEXT=a b")
    assert found.host_compiler == str(compiler)
    assert found.nvcc is None


@linux
def test_without_a_compiler_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match="no C\\+\\+ compiler") as caught:
        find_toolchain(cuda=False)
    assert "apt install g++" in caught.value.hint


@linux
def test_a_named_compiler_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "/nowhere/g++")
    with pytest.raises(BuildError, match="/nowhere/g\\+\\+"):
        find_toolchain(cuda=False)


@linux
def test_a_compiler_that_does_not_run_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "false")
    with pytest.raises(BuildError, match="false does not run"):
        find_toolchain(cuda=False)


@linux
def test_nvcc_is_found_where_cuda_home_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nvcc = make_tool(tmp_path / "cuda" / "bin" / "nvcc", "Cuda compilation tools, release 12.8, V12.8.93")
    monkeypatch.setenv("CUDA_HOME", str(tmp_path / "cuda"))
    assert find_nvcc() == str(nvcc)
    assert find_toolchain(cuda=True).nvcc_version == "12.8.93"


@linux
def test_cuda_without_nvcc_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "find_nvcc", lambda: None)
    with pytest.raises(BuildError, match="nvcc is not to be found"):
        find_toolchain(cuda=True)


def test_other_systems_are_told_that_they_go_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    with pytest.raises(BuildError, match="this is Windows"):
        find_toolchain(cuda=False)


def test_max_jobs_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_JOBS", "7")
    assert parallel_jobs() == 7


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_a_senseless_max_jobs_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("MAX_JOBS", value)
    with pytest.raises(BuildError, match="MAX_JOBS"):
        parallel_jobs()


@pytest.mark.parametrize(("gib", "jobs"), [(0, 1), (1, 1), (4, 2), (1000, 8)])
def test_memory_limits_the_jobs(monkeypatch: pytest.MonkeyPatch, gib: int, jobs: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr(toolchain, "_free_gib", lambda: gib)
    assert parallel_jobs() == jobs
