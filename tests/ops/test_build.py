"""Building on demand, with a tiny library instead of the real kernels so that each test takes a moment."""

from __future__ import annotations

import ctypes
import os
import signal
import stat
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from imtrans.errors import BuildError
from imtrans.ops import build as on_demand
from imtrans.ops.native import recipe, sources, toolchain

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="native kernels are built on Linux")

COMPILER = """#!/bin/sh
# A compiler that keeps count of its work, and dawdles while a file called "slow" is there.
case " $* " in *" -c "*)
    echo "$*" >> "{folder}/compiled"
    if [ -e "{folder}/slow" ]; then touch "{folder}/started"; sleep 60; fi
esac
exec c++ "$@"
"""

CHILD = """
import sys, pathlib
from imtrans.ops.native import sources
sources._default_root = lambda: pathlib.Path(sys.argv[1])
from imtrans.ops.build import build
print(build(cuda=False, report=lambda line: print(line, file=sys.stderr)))
"""


@dataclass(frozen=True)
class Workplace:
    """A tiny csrc, a cache of its own, and a compiler that counts."""

    folder: Path

    @property
    def csrc(self) -> Path:
        return self.folder / "csrc"

    @property
    def kernels(self) -> Path:
        return self.folder / "cache" / "kernels"

    def write(self, answer: str) -> None:
        """A library whose one function returns ``answer``."""
        (self.csrc / "cpu" / "tiny.cpp").write_text(f'#include "common/tiny.h"\nint answer() {{ return {answer}; }}\n')

    def compiled(self) -> int:
        log = self.folder / "compiled"
        return len(log.read_text().splitlines()) if log.exists() else 0

    def start_child(self) -> subprocess.Popen[str]:
        """Another process that builds the same."""
        return subprocess.Popen(
            [sys.executable, "-c", CHILD, str(self.csrc)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    place = Workplace(tmp_path)
    for folder in sources.FOLDERS:
        (place.csrc / folder).mkdir(parents=True)
    (place.csrc / "common" / "tiny.h").write_text(
        'extern "C" __attribute__((visibility("default"))) int answer();\n', encoding="utf-8"
    )
    (place.csrc / "register" / "tiny.cpp").write_text('#include "common/tiny.h"\n', encoding="utf-8")
    place.write("1")
    compiler = tmp_path / "counting-c++"
    compiler.write_text(COMPILER.format(folder=tmp_path), encoding="utf-8")
    compiler.chmod(compiler.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("CXX", str(compiler))
    monkeypatch.setenv("IMTRANS_CACHE", str(tmp_path / "cache"))
    for variable in ("CXXFLAGS", "MAX_JOBS", "IMTRANS_BUILD_CUDA"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(sources, "_default_root", lambda: place.csrc)
    return place


def answer_of(library: Path) -> int:
    return int(ctypes.CDLL(str(library)).answer())


def test_a_library_is_built_once_and_found_again(workplace: Workplace) -> None:
    assert on_demand.cached_library() is None
    path = on_demand.build(cuda=False)
    assert answer_of(path) == 1
    assert workplace.compiled() == 2
    assert on_demand.build(cuda=False) == path
    assert workplace.compiled() == 2
    assert on_demand.cached_library() == path
    assert sorted(each.name for each in path.parent.iterdir()) == ["_C.so", "build.log", "recipe.json"]


def test_force_builds_again_in_the_same_place(workplace: Workplace) -> None:
    path = on_demand.build(cuda=False)
    assert on_demand.build(cuda=False, force=True) == path
    assert workplace.compiled() == 4
    assert answer_of(path) == 1


@pytest.mark.parametrize("changed", ["cpu/tiny.cpp", "common/tiny.h"])
def test_changed_sources_and_headers_give_another_library(workplace: Workplace, changed: str) -> None:
    old = on_demand.build(cuda=False)
    with (workplace.csrc / changed).open("a") as file:
        file.write("// another line\n")
    assert on_demand.cached_library() is None
    new = on_demand.build(cuda=False)
    assert new != old
    assert on_demand.cached_library() == new


def test_another_torch_gives_another_library(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    old = on_demand.build(cuda=False)
    monkeypatch.setattr(torch, "__version__", "2.99.0+cpu")
    assert on_demand.cached_library() is None
    assert on_demand.build(cuda=False) != old


def test_other_compiler_flags_give_another_library_that_any_process_may_load(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workplace.write("ANSWER")
    monkeypatch.setenv("CXXFLAGS", "-DANSWER=7")
    path = on_demand.build(cuda=False)
    assert answer_of(path) == 7
    monkeypatch.delenv("CXXFLAGS")
    assert on_demand.cached_library() == path


def test_a_failing_compiler_is_reported_with_its_words_and_its_log(workplace: Workplace) -> None:
    workplace.write("nonsense")
    with pytest.raises(BuildError, match=r"compiling cpu\.tiny\.cpp failed") as caught:
        on_demand.build(cuda=False)
    assert "nonsense" in caught.value.have
    (log,) = workplace.kernels.glob("*.log")
    assert str(log) in caught.value.hint
    assert "nonsense" in log.read_text()
    assert on_demand.cached_library() is None
    workplace.write("1")
    on_demand.build(cuda=False)


def test_a_build_that_succeeds_at_last_removes_the_log_of_the_failure(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolchain, "_version_line", lambda command: "one and the same compiler")
    good = os.environ["CXX"]
    monkeypatch.setenv("CXX", "false")
    with pytest.raises(BuildError, match="ended with status 1"):
        on_demand.build(cuda=False)
    assert list(workplace.kernels.glob("*.log"))
    monkeypatch.setenv("CXX", good)
    on_demand.build(cuda=False)
    assert not list(workplace.kernels.glob("*.log"))


def test_sources_that_change_under_the_compiler_are_noticed(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    compile_library = on_demand.compile_library

    def compile_and_meddle(*args: object, **options: object) -> Path:
        library = compile_library(*args, **options)  # type: ignore[arg-type]
        workplace.write("2")
        return library

    monkeypatch.setattr(on_demand, "compile_library", compile_and_meddle)
    with pytest.raises(BuildError, match="changed while they were being compiled"):
        on_demand.build(cuda=False)
    assert not on_demand.cached()


def test_a_cache_that_cannot_be_written_is_refused_in_words(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workplace.folder / "file").write_text("in the way")
    monkeypatch.setenv("IMTRANS_CACHE", str(workplace.folder / "file"))
    with pytest.raises(BuildError, match="cannot be written") as caught:
        on_demand.build(cuda=False)
    assert "IMTRANS_CACHE" in caught.value.hint


def test_a_killed_compiler_leads_to_advice_about_memory(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    dying = workplace.folder / "dying-c++"
    dying.write_text('#!/bin/sh\ncase "$*" in *--version*) echo 1;; *) kill -9 $$;; esac\n')
    dying.chmod(0o755)
    monkeypatch.setenv("CXX", str(dying))
    with pytest.raises(BuildError, match="was killed by signal 9") as caught:
        on_demand.build(cuda=False)
    assert "MAX_JOBS=1" in caught.value.hint


def test_verbose_reports_the_commands(workplace: Workplace) -> None:
    lines: list[str] = []
    on_demand.build(cuda=False, verbose=True, report=lines.append)
    assert any("-std=c++20" in line and "tiny.cpp" in line for line in lines)


def test_a_killed_build_leaves_nothing_to_trip_over(workplace: Workplace) -> None:
    (workplace.folder / "slow").touch()
    child = workplace.start_child()
    try:
        wait_for(workplace.folder / "started")
        assert [path for path in workplace.kernels.iterdir() if path.is_dir()], "the build is not under way"
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
    (workplace.folder / "slow").unlink()
    assert on_demand.cached_library() is None
    path = on_demand.build(cuda=False)
    assert answer_of(path) == 1
    assert [each for each in workplace.kernels.iterdir() if each.is_dir()] == [path.parent], "remains were left"


def test_of_two_builds_at_once_one_waits_for_the_other(workplace: Workplace) -> None:
    children = [workplace.start_child(), workplace.start_child()]
    outputs = [child.communicate(timeout=60) for child in children]
    assert [child.returncode for child in children] == [0, 0], outputs
    assert len({stdout for stdout, _ in outputs}) == 1
    assert workplace.compiled() == 2


def test_clean_removes_what_was_built_and_nothing_else(workplace: Workplace) -> None:
    on_demand.build(cuda=False)
    (workplace.kernels / "0123456789abcdef.log").write_text("of a failed build")
    (workplace.kernels / ".0123456789abcdef.killed").mkdir()
    (workplace.kernels / "my-own-notes.txt").write_text("not ours")
    assert len(on_demand.clean()) == 3
    assert [path.name for path in workplace.kernels.iterdir()] == ["my-own-notes.txt"]
    assert on_demand.cached_library() is None


def test_clean_leaves_a_build_under_way_alone(workplace: Workplace) -> None:
    (workplace.folder / "slow").touch()
    child = workplace.start_child()
    try:
        wait_for(workplace.folder / "started")
        assert on_demand.clean() == []
        assert [path for path in workplace.kernels.iterdir() if path.is_dir()]
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()


def test_clean_of_a_cache_that_never_was(workplace: Workplace) -> None:
    assert on_demand.clean() == []


@pytest.mark.parametrize(("value", "wanted"), [("0", False), ("1", True)])
def test_the_environment_decides_about_cuda(monkeypatch: pytest.MonkeyPatch, value: str, wanted: bool) -> None:
    monkeypatch.setenv("IMTRANS_BUILD_CUDA", value)
    assert on_demand.wants_cuda() is wanted


def test_nonsense_about_cuda_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMTRANS_BUILD_CUDA", "maybe")
    with pytest.raises(BuildError, match="IMTRANS_BUILD_CUDA=maybe"):
        on_demand.wants_cuda()


def test_cuda_is_built_where_torch_has_it_and_nvcc_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMTRANS_BUILD_CUDA", raising=False)
    monkeypatch.setattr(recipe, "find_nvcc", lambda: "/somewhere/nvcc")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert on_demand.wants_cuda()
    monkeypatch.setattr(torch.version, "cuda", None)
    assert not on_demand.wants_cuda()


@pytest.mark.skipif(toolchain.find_nvcc() is None, reason="needs nvcc")
def test_cuda_sources_are_compiled_by_nvcc(workplace: Workplace) -> None:
    (workplace.csrc / "cuda" / "tiny.cu").write_text(
        '__global__ void kernel() {}\nextern "C" __attribute__((visibility("default"))) int launch() '
        "{ kernel<<<1, 1>>>(); return 3; }\n"
    )
    path = on_demand.build(cuda=True)
    assert ctypes.CDLL(str(path)).launch() == 3
    (built,) = on_demand.cached()
    assert built.recipe.cuda is not None
    assert on_demand.build(cuda=False) != path


@pytest.mark.skipif(toolchain.find_nvcc() is None, reason="needs nvcc")
def test_a_failing_nvcc_leads_to_advice_about_doing_without(workplace: Workplace) -> None:
    (workplace.csrc / "cuda" / "tiny.cu").write_text("nonsense;\n")
    with pytest.raises(BuildError, match=r"compiling cuda\.tiny\.cu failed: nvcc") as caught:
        on_demand.build(cuda=True)
    assert "IMTRANS_BUILD_CUDA=0" in caught.value.hint


def wait_for(path: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} never came"
        time.sleep(0.05)
