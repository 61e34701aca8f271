"""Finding and loading the native library: lazily, once, and in words where there is none."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from imtrans.ops import build, library
from imtrans.ops.library import Library, why_no_kernel


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def test_import_loads_nothing() -> None:
    code = "import imtrans.ops; from imtrans.ops.library import load; print(load.cache_info().currsize)"
    assert run_python(code).stdout == "0\n"


def test_works_without_a_library_and_says_so_once(tmp_path: Path) -> None:
    code = """if True:
        import torch, imtrans.ops as ops
        x = torch.randn(1, 3, 4, 5)
        for _ in range(2): y = ops.instance_norm(x)
        torch.testing.assert_close(y, torch.nn.functional.instance_norm(x))
        print(ops.status().operators[0].unavailable["cpu"])
    """
    result = run_python(code, IMTRANS_LIBRARY=str(tmp_path / "missing.so"))
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("`imtrans kernels build` compiles them") == 1
    assert "there is no native library" in result.stdout


def test_can_be_kept_away(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("IMTRANS_LIBRARY", "none")
    found = library.load.__wrapped__()
    assert found == Library(None, "none", "IMTRANS_LIBRARY=none keeps the native library away.")
    assert not caplog.records  # who asks for it knows it


def test_nothing_found(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.delenv("IMTRANS_LIBRARY", raising=False)
    monkeypatch.setattr(build, "find_library", lambda: None)
    monkeypatch.setattr(build, "why_no_library", lambda: "there was no compiler.")
    with caplog.at_level(logging.WARNING, logger="imtrans.ops"):
        found = library.load.__wrapped__()
    assert found.path is None
    assert found.cpu_capability is None
    assert found.reason == "there was no compiler."
    assert "there was no compiler." in caplog.text


def test_a_broken_file_is_no_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken.so"
    broken.write_bytes(b"not a library")
    monkeypatch.setenv("IMTRANS_LIBRARY", str(broken))
    found = library.load.__wrapped__()
    assert found.path is None
    assert found.reason is not None
    assert str(broken) in found.reason


def test_other_devices_have_no_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "load", lambda: Library(Path("x.so"), "on demand", None))
    assert why_no_kernel("instance_norm", "mps") == "there are no native kernels for mps devices."
    monkeypatch.setattr(torch._C, "_dispatch_has_kernel_for_dispatch_key", lambda name, key: False)
    assert why_no_kernel("instance_norm", "cuda") == "the native library at x.so was built without CUDA kernels."


@pytest.mark.parametrize("capability", ["baseline", "avx2", "avx512", "avx512_bf16"])
@pytest.mark.usefixtures("fused")
def test_every_instruction_set_passes_the_self_check(capability: str) -> None:
    code = """if True:
        import torch, imtrans.ops as ops
        torch.set_num_threads(1)
        print(ops.status().library.cpu_capability)
        checks = ops.self_check()["instance_norm"]
        assert checks
        print([check for check in checks if not check.passed])
    """
    result = run_python(code, IMTRANS_CPU=capability)
    assert result.returncode == 0, result.stderr
    used, failed = result.stdout.splitlines()
    assert failed == "[]"
    if used != capability:
        pytest.skip(f"this machine has no {capability}; {used} was checked in its place")
