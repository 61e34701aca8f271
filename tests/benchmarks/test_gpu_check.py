"""``benchmarks/gpu_check.sh`` with stand-ins for everything that needs a GPU."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "gpu_check.sh"
PYTHON = """#!/bin/sh
case "$*" in
*get_device_name*) echo Fake GPU | tr ' ' - ;;
*doctor*) sleep 60 ;;
*every_kernel_once*) exit 0 ;;
*"-m gpu"*) exit ${TESTS:-0} ;;
*" build "*) echo compiled ;;
esac
"""
SANITIZER = """#!/bin/sh
[ "$1" = --help ] && echo --kernel-regex arg && exit 0
echo sanitized with "$4"
"""


def command(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def stand_ins(tmp_path: Path) -> Path:
    """A folder with programs of the names that the script calls, and the script with a short limit for one of them."""
    for name, text in (("python", PYTHON), ("compute-sanitizer", SANITIZER), ("nvidia-smi", "#!/bin/sh\n")):
        command(tmp_path, name, text)
    command(tmp_path, "nvcc", "#!/bin/sh\n")
    (tmp_path / "benchmarks").mkdir()
    text = SCRIPT.read_text()
    assert "start doctor 60" in text
    command(tmp_path / "benchmarks", "gpu_check.sh", text.replace("start doctor 60", "start doctor 1"))
    operators = "instance_norm", "adain", "adalin", "reflect_conv2d", "bias_act", "upfirdn2d", "modulated_conv2d"
    for name in (*(f"ops/{operator}" for operator in operators), "models/generator"):
        script = tmp_path / "benchmarks" / f"{name}.py"
        script.parent.mkdir(exist_ok=True)
        script.touch()
    return tmp_path


def run(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", str(folder / "benchmarks" / "gpu_check.sh"), str(folder / "python")],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path, "RESULTS": str(folder / "results"), **environment},
        check=False,
    )


def test_a_step_that_hangs_or_fails_costs_no_other(stand_ins: Path) -> None:
    done = run(stand_ins, TESTS="3")
    assert done.returncode == 1, done.stderr
    report = (stand_ins / "results" / "gpu-Fake-GPU.txt").read_text()
    assert report == done.stdout
    assert "self-check of the operators: stopped at its limit of 1 s" in report
    assert "tests: failed with 3" in report
    for tool in ("memcheck", "racecheck", "initcheck", "synccheck"):
        assert f"--tool {tool}" in report
        assert f"compute-sanitizer {tool}: passed" in report
    for script in ("ops/adalin.py", "models/generator.py"):
        assert f"benchmarks/{script}: passed" in report
    assert report.endswith("failed: self-check of the operators (time); tests;\n")


def test_without_a_gpu_it_says_so_and_writes_nothing(stand_ins: Path) -> None:
    command(stand_ins, "python", "#!/bin/sh\nexit 1\n")
    done = run(stand_ins)
    assert done.returncode == 2
    assert "no torch that sees a CUDA device" in done.stderr
    assert not (stand_ins / "results").exists()
