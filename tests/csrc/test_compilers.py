"""What needs a compiler and no GPU: nvcc on every kernel, CMakeLists.txt, and the sanitizers on real calls."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.csrc.native_build import CSRC, ROOT, build, compiler

pytestmark = pytest.mark.slow

NVCC = shutil.which("nvcc") or shutil.which("/usr/local/cuda/bin/nvcc")
needs_nvcc = pytest.mark.skipif(NVCC is None, reason="there is no nvcc")


def run(command: list[str], **environment: str) -> str:
    """Standard output and standard error together."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **environment}
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}"
    return done.stdout


@needs_nvcc
@pytest.mark.parametrize("source", sorted((CSRC / "cuda").glob("*.cu")), ids=lambda path: path.name)
@pytest.mark.parametrize("architecture", [pytest.param("80", marks=pytest.mark.exhaustive), "90"])
def test_nvcc_compiles_without_notable_spills(source: Path, architecture: str, tmp_path: Path) -> None:
    target = f"arch=compute_{architecture},code=[sm_{architecture},compute_{architecture}]"
    options = ["-std=c++17", "-O3", "-Xptxas", "-v", "-Werror", "all-warnings", f"-I{CSRC}", "-gencode", target]
    said = run([str(NVCC), *options, "-c", str(source), "-o", str(tmp_path / "kernel.o")])
    spills = [int(amount) for amount in re.findall(r"(\d+) bytes spill stores", said)]
    assert spills
    assert max(spills) <= 32


@needs_nvcc
@pytest.mark.parametrize(
    ("source", "passes"),
    [
        pytest.param("instance_norm", {"reduce": 3, "apply": 3, "resident": 3}, id="instance_norm"),
        pytest.param("adalin", {"reduce": 3, "apply": 3}, id="adalin"),
        pytest.param("moments", {"reduce": 2, "apply": 2, "resident": 2}, id="moments"),
        pytest.param("bias_act", {"reduce": 2, "apply": 1}, id="bias_act"),
    ],
)
def test_full_width_kernels_load_16_bytes_at_a_time(source: str, passes: dict[str, int], tmp_path: Path) -> None:
    assembly = tmp_path / "kernels.ptx"
    options = ["-std=c++17", "-O3", f"-I{CSRC}", "-arch=compute_90", "-ptx"]
    run([str(NVCC), *options, str(CSRC / "cuda" / f"{source}.cu"), "-o", str(assembly)])
    kernels = assembly.read_text().split(".entry ")[1:]
    for kind, number in passes.items():
        full_width = [each for each in kernels if re.search(rf"\d{kind}_kernel\w*Li[48]E", each.partition("(")[0])]
        assert len(full_width) == number * 3 * 2, kind  # types but double, layouts
        wide = r"cp\.async\.cg\.shared\.global [^;]*, 16;" if kind == "resident" else r"\.global\.v4\."
        assert all(re.search(wide, each) for each in full_width), kind


@needs_nvcc
def test_full_width_padding_moves_16_bytes_at_a_time(tmp_path: Path) -> None:
    assembly = tmp_path / "kernels.ptx"
    options = ["-std=c++17", "-O3", f"-I{CSRC}", "-arch=compute_90", "-ptx"]
    run([str(NVCC), *options, str(CSRC / "cuda" / "reflect_pad.cu"), "-o", str(assembly)])
    kernels = {each.partition("(")[0]: each for each in assembly.read_text().split(".entry ")[1:]}
    full_width = [text for name, text in kernels.items() if re.search(r"(pad|fold)_kernelI\w*Li[248]E", name)]
    assert len(full_width) == 3 + 3  # sizes of an element to pad; types but double to fold
    for direction in ("ld", "st"):
        assert all(re.search(rf"{direction}\.global\.v(4\.\w32|2\.\w64)", text) for text in full_width)


@needs_nvcc
def test_full_width_resampling_moves_16_bytes_at_a_time(tmp_path: Path) -> None:
    assembly = tmp_path / "kernels.ptx"
    options = ["-std=c++17", "-O3", f"-I{CSRC}", "-arch=compute_90", "-ptx"]
    run([str(NVCC), *options, str(CSRC / "cuda" / "upfirdn2d.cu"), "-o", str(assembly)])
    kernels = {each.partition("(")[0]: each for each in assembly.read_text().split(".entry ")[1:]}
    full_width = [text for name, text in kernels.items() if re.search(r"resample_kernelI\w*Li[48]E", name)]
    assert len(full_width) == 3  # types but double
    for direction in ("ld", "st"):
        assert all(re.search(rf"{direction}\.global\.v4\.\w32", text) for text in full_width)


def test_kernels_under_sanitizers(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """AddressSanitizer and UndefinedBehaviorSanitizer, in the build that CMakeLists.txt is for."""
    cxx = compiler()
    if cxx is None:
        pytest.skip("there is no C++ compiler")
    pytest.importorskip("pybind11")
    runtime = run([cxx, "-print-file-name=libasan.so"]).strip()
    if not Path(runtime).is_file():
        pytest.skip("the compiler has no AddressSanitizer")
    if shutil.which("cmake") and shutil.which("ninja"):
        module = build_with_cmake(tmp_path / "build", cxx)
    else:
        module = build(pytestconfig.cache.mkdir("csrc"), ("-fsanitize=address,undefined", "-fno-sanitize-recover=all"))
    said = run(
        [sys.executable, str(Path(__file__).with_name("exercise.py")), str(module)],
        LD_PRELOAD=runtime,
        ASAN_OPTIONS="detect_leaks=0",
        PYTHONMALLOC="malloc",
    )
    assert "ok" in said.splitlines()[-1]


def build_with_cmake(folder: Path, cxx: str) -> Path:
    """The module of CMakeLists.txt with both sanitizers; warnings are as it has them."""
    options = [
        f"-DPython_EXECUTABLE={sys.executable}",
        f"-DCMAKE_CXX_COMPILER={cxx}",
        "-DCMAKE_BUILD_TYPE=None",
        "-DCMAKE_CXX_FLAGS=-O1 -Werror",
        "-DIMTRANS_ASAN=ON",
        "-DIMTRANS_UBSAN=ON",
    ]
    run(["cmake", "-S", str(ROOT), "-B", str(folder), "-G", "Ninja", *options])
    commands = json.loads((folder / "compile_commands.json").read_text())
    assert {"instance_norm.cpp", "kernels.cpp"} <= {Path(entry["file"]).name for entry in commands}
    run(["cmake", "--build", str(folder), "--target", "imtrans_kernels"])
    return next(folder.glob("*.so"))
