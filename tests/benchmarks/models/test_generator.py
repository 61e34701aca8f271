"""The benchmark of the generator, on a tiny one."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import contestants
import generator
import pytest
from contestants import Contestant

from imtrans.errors import UsageError
from imtrans.ops.library import why_no_kernel


@pytest.fixture(autouse=True)
def kernels() -> None:
    """Without kernels the row of imtrans says so, and there is nothing to test."""
    reason = why_no_kernel("instance_norm", "cpu")
    if reason is not None:
        pytest.skip(reason)


def measure(tmp_path: Path, *arguments: str) -> dict[str, Any]:
    output = tmp_path / "generator-cpu.json"
    tiny = ["--ngf", "2", "--blocks", "1", "--size", "16", "--seconds", "0", "--threads", "1", "--no-compile"]
    assert generator.main([*tiny, "--output", str(output), *arguments]) == 0
    return json.loads(output.read_text())


def test_everyone_computes_the_same(tmp_path: Path) -> None:
    names = {"eager fp32", "eager bf16 channels-last", "imtrans layers fp32", "imtrans packed fp32"}
    results = measure(tmp_path, "--only", "eager,imtrans", "--batch", "1,2")
    assert [line["shape"] for line in results["lines"]] == [[1, 3, 16, 16], [2, 3, 16, 16]]
    for line in results["lines"]:
        assert names <= set(line["seconds"])
        assert line["impossible"] == {}
        for name, error in line["errors"].items():
            assert error["rms"] <= error["max"] < (1e-5 if "fp32" in name else 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("package", ["onnxruntime", "openvino"])
def test_other_runtimes_compute_the_same(tmp_path: Path, package: str) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip(package)
    name = {"onnxruntime": "ONNX Runtime fp32", "openvino": "OpenVINO fp32"}[package]
    line = measure(tmp_path, "--only", name)["lines"][0]
    assert line["errors"][name]["max"] < 1e-5


@pytest.mark.parametrize("package", ["onnx", "onnxruntime", "openvino"])
def test_a_runtime_that_is_not_installed_is_a_row(
    tmp_path: Path, package: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for each in ("onnx", "onnxruntime", "openvino"):
        monkeypatch.setitem(sys.modules, each, None)
    name = "OpenVINO bf16" if package == "openvino" else "ONNX Runtime fp32"
    line = measure(tmp_path, "--only", f"{name},imtrans layers fp32")["lines"][0]
    assert "not installed: pip install 'imtrans[bench]'" in line["impossible"][name]
    assert "imtrans layers fp32" in line["seconds"]
    assert line["impossible"][name] in capsys.readouterr().out


def test_another_contestant_is_one_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Contestant("imtrans twice", lambda task: lambda: task.plain(task.x))
    monkeypatch.setattr(generator, "CONTESTANTS", (*contestants.CONTESTANTS, mine))
    assert list(measure(tmp_path, "--only", "twice")["lines"][0]["seconds"]) == ["imtrans twice"]


@pytest.mark.parametrize("arguments", [["--only", "nobody"], ["--size", "18"], ["--size", "4"]])
def test_what_cannot_be_measured_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    with pytest.raises(UsageError):
        measure(tmp_path, *arguments)


@pytest.mark.slow
def test_compiled_computes_the_same(tmp_path: Path) -> None:
    output = tmp_path / "out.json"
    arguments = ["--ngf", "2", "--blocks", "1", "--size", "16", "--seconds", "0", "--only", "torch.compile fp32"]
    assert generator.main([*arguments, "--output", str(output)]) == 0
    errors = json.loads(output.read_text())["lines"][0]["errors"]
    assert len(errors) == 2
    assert all(each["max"] < 1e-5 for each in errors.values())
