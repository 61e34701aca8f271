"""``imtrans doctor``: healthy, without a library, and with things broken."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import pytest
import torch
import typer
from typer.testing import CliRunner

from imtrans import ops, registry
from imtrans.cli import doctor
from imtrans.cli.doctor import Finding, examine
from imtrans.ops.library import Library
from imtrans.ops.operator import Check
from imtrans.ops.status import OperatorStatus, Status

app = typer.Typer()
app.command()(doctor.doctor)
runner = CliRunner()


def find(findings: list[Finding], name: str) -> Finding:
    (found,) = [finding for finding in findings if finding.name == name]
    return found


def pretend(
    monkeypatch: pytest.MonkeyPatch, reason: str | None = None, checks: list[Check] | Exception | None = None
) -> None:
    """One operator on the CPU, with this reason against its kernel or these results of its self-check."""
    library = Library(None if reason else Path("/somewhere/_C.so"), "none" if reason else "on demand", reason)
    operator = OperatorStatus("norm", "a norm", {"cpu": reason}, {"cpu": ("float32",)}, {})

    def self_check(device: str) -> dict[str, list[Check]]:
        if isinstance(checks, Exception):
            raise checks
        return {"norm": checks or []}

    monkeypatch.setattr(Library, "cpu_capability", "avx2")
    monkeypatch.setattr(ops, "status", lambda: Status(library, (operator,)))
    monkeypatch.setattr(ops, "self_check", self_check)


def test_the_report_has_a_section_for_everything() -> None:
    result = runner.invoke(app, [])
    assert result.exit_code == 0, result.stdout
    for text in ("Versions", "Processor", "GPUs", "Native kernels", "Plugins", torch.__version__, "Nothing failed."):
        assert text in result.stdout


def test_json_says_the_same_to_programs() -> None:
    report = json.loads(runner.invoke(app, ["--json"]).stdout)
    assert report["ok"] is True
    names = {(finding["section"], finding["name"]) for finding in report["findings"]}
    assert {("Versions", "torch"), ("Processor", "threads"), ("Native kernels", "compiler")} <= names


def test_operators_are_really_checked_where_there_are_kernels() -> None:
    findings = [finding for finding in examine(ops=True) if finding.section == "Operators"]
    assert {finding.name for finding in findings} >= {"instance_norm on cpu"}
    unavailable = ops.status().operators[0].unavailable["cpu"]
    expected = "checks against float64" if unavailable is None else unavailable
    assert all(expected in finding.value for finding in findings if finding.name.endswith("on cpu"))


def test_a_passed_check_shows_its_worst_error(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, checks=[Check("easy", 1e-9, 1e-5), Check("hard", 5e-6, 1e-5)])
    finding = find(examine(ops=True), "norm on cpu")
    assert finding.state == "ok"
    assert "the worst: hard, 5.0e-06" in finding.value


@pytest.mark.parametrize("error", [1.0, float("nan")])
def test_a_wrong_kernel_fails_the_doctor(monkeypatch: pytest.MonkeyPatch, error: float) -> None:
    pretend(monkeypatch, checks=[Check("float32 gradient", error, 1e-5), Check("fine", 0.0, 1e-5)])
    result = runner.invoke(app, ["--ops"])
    assert result.exit_code == 1
    assert "1 of 2 checks failed: float32 gradient" in result.stdout


def test_a_kernel_that_raises_fails_the_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, checks=RuntimeError("kernel out of luck"))
    finding = find(examine(ops=True), "self-check on cpu")
    assert finding.state == "failed"
    assert "kernel out of luck" in finding.value


def test_kernels_that_nobody_checked_fail_the_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, checks=[])
    assert find(examine(ops=True), "norm on cpu").state == "failed"


def test_a_missing_library_is_a_warning_with_the_command_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, reason="nobody built it.")
    monkeypatch.setattr("imtrans.ops.build.find_library", lambda: None)
    findings = examine(ops=True)
    assert find(findings, "library") == Finding(
        "Native kernels", "library", "none: nobody built it.", "warning", "Build them: imtrans kernels build"
    )
    assert find(findings, "norm on cpu").state == "warning"
    assert runner.invoke(app, ["--ops"]).exit_code == 0


def test_a_library_that_does_not_load_fails_the_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, reason="_C.so cannot be loaded: undefined symbol.")
    monkeypatch.setattr("imtrans.ops.build.find_library", object)
    result = runner.invoke(app, [])
    assert result.exit_code == 1
    assert "undefined symbol" in result.stdout
    assert "imtrans kernels build --force" in result.stdout


def test_a_broken_plugin_fails_the_doctor_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = registry.Entry("sketch", "imtrans-sketch", "1.0", "sketch:card", None, "SyntaxError in sketch.py")
    monkeypatch.setattr(registry, "entries", lambda: [broken])
    result = runner.invoke(app, [])
    assert result.exit_code == 1
    assert "SyntaxError in sketch.py" in result.stdout
    assert "pip uninstall imtrans-sketch" in result.stdout


def test_no_plugin_at_all_is_a_broken_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "entries", list)
    assert find(examine(), "models").state == "failed"


def test_without_torch_the_doctor_still_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    findings = examine(ops=True)
    assert find(findings, "torch").state == "failed"
    assert "pip install --force-reinstall torch" in find(findings, "torch").hint
    assert any(finding.section == "Plugins" for finding in findings)


def test_no_compiler_is_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    finding = find(examine(), "compiler")
    assert finding.state == "warning"
    assert "apt install g++" in finding.hint


def test_a_cache_that_cannot_be_written_is_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("IMTRANS_CACHE", str(tmp_path / "file"))
    assert find(examine(), "cache").state == "warning"


def test_more_threads_than_cores_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4096)
    assert "OMP_NUM_THREADS=" in find(examine(), "threads").hint


def test_gpus_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = types.SimpleNamespace(name="Some GPU", total_memory=80 << 30, major=9, minor=0)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: gpu)
    pretend(monkeypatch)
    assert find(examine(), "cuda:0").value == "Some GPU, 80 GiB, compute capability 9.0"


def test_a_cuda_torch_without_a_gpu_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "nvidia-smi" in find(examine(), "CUDA").hint


def test_an_unreadable_cpuinfo_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda *args, **options: (_ for _ in ()).throw(OSError()))
    model, flags = doctor._cpuinfo()
    assert flags == set()
    assert isinstance(model, str)
