"""Every operator's script on tiny maps: that it measures what it says, never how long it takes."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import operators
import pytest
import tables
import torch
from operators import Case, OperatorBenchmark, Subject, Variant, run
from results import read_all

from imtrans.errors import BackendError
from imtrans.ops.library import why_no_kernel

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
SCRIPTS = sorted((BENCHMARKS / "ops").glob("*.py"))
each_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
TINY = ["--seconds", "0", "--shapes", "2x3x5x4", "--threads", "1"]


def load(script: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"benchmark_{script.stem}", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def kernels() -> None:
    reason = why_no_kernel("instance_norm", "cpu")
    if reason is not None:
        pytest.skip(reason)


@each_script
@pytest.mark.usefixtures("kernels")
def test_every_line_has_its_timings_and_a_table(script: Path, tmp_path: Path) -> None:
    benchmark: OperatorBenchmark = load(script).BENCHMARK
    assert benchmark.name == script.stem
    output = tmp_path / f"{script.stem}-cpu.json"
    directions = ",".join(operators.DIRECTIONS)
    assert run(benchmark, [*TINY, "--no-compile", "--directions", directions, "--output", str(output)]) == 0
    lines = json.loads(output.read_text())["lines"]
    assert {line["direction"] for line in lines} == set(operators.DIRECTIONS)
    assert {line["variant"] for line in lines} == set(benchmark.variants)
    for line in lines:
        assert {"copy", "fused", "eager"} <= set(line["seconds"])
        assert line["impossible"] == {}
        assert (line["share_of_copy"] is None) == (benchmark.variants[line["variant"]].passes is None)
    assert tables.operator(read_all(tmp_path)[0]).count("2x3x5x4") == len(lines)


@each_script
def test_help_shows_the_options_and_the_script(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        run(load(script).BENCHMARK, ["--help"])
    assert left.value.code == 0
    text = capsys.readouterr().out
    assert f"python benchmarks/ops/{script.name}" in text
    assert all(f"--{name}" in text for name in ("seconds", "shapes", "dtypes", "device", "threads", "output"))


@pytest.mark.slow
@pytest.mark.usefixtures("kernels")
def test_compiled_runs_and_says_what_it_cannot(tmp_path: Path) -> None:
    output = tmp_path / "results.json"
    benchmark = load(BENCHMARKS / "ops" / "instance_norm.py").BENCHMARK
    arguments = ["--dtypes", "fp32", "--layouts", "nhwc", "--variants", "relu", "--output", str(output)]
    assert run(benchmark, [*TINY, *arguments, "--directions", "forward,double backward"]) == 0
    forward, double = json.loads(output.read_text())["lines"]
    assert "compiled" in forward["seconds"]
    assert "double backward" in double["impossible"]["compiled"]


def test_the_first_layout_and_variant_are_measured_in_full() -> None:
    benchmark = load(BENCHMARKS / "ops" / "instance_norm.py").BENCHMARK
    options = operators._options(benchmark, ["--dtypes", "fp32"])
    cases = operators._cases(benchmark, options, torch.device("cpu"))
    of_one_shape = [(case.layout, case.variant, case.direction) for case in cases if case.shape == cases[0].shape]
    both = ("forward", "forward+backward")
    assert of_one_shape == [
        *(("nhwc", "relu+pad", direction) for direction in (*both, "double backward")),
        *(("nhwc", "relu", direction) for direction in both),
        *(("nchw", "relu+pad", direction) for direction in both),
    ]


def test_a_gpu_is_asked_for_the_backward_alone() -> None:
    benchmark = load(BENCHMARKS / "ops" / "instance_norm.py").BENCHMARK
    cases = operators._cases(benchmark, operators._options(benchmark, []), torch.device("cuda"))
    assert {case.direction for case in cases} == set(operators.DIRECTIONS)
    assert cases[-1].shape == (16, 64, 256, 256)


def test_what_computes_something_else_is_not_measured(tmp_path: Path) -> None:
    def prepare(case: Case, device: torch.device) -> Subject:
        return Subject((case.feature_map(device),), lambda x: 2 * x, lambda x: 3 * x)

    with pytest.raises(BackendError, match=r"differ by 3\.3e-01 for 2x3x5x4 fp32 nhwc it forward"):
        run(OperatorBenchmark("it", "about", {"it": Variant(prepare)}), [*TINY, "--output", str(tmp_path / "x.json")])
    assert not list(tmp_path.iterdir())


def test_as_a_command_it_refuses_in_words() -> None:
    command = [sys.executable, str(BENCHMARKS / "ops" / "instance_norm.py"), "--device", "cuda:99"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: there is no device 'cuda:99' here.")
