"""What a figure was taken on."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import surroundings
import torch

from imtrans.errors import OutputError


def test_device_versions_and_threads_are_told() -> None:
    told = surroundings.surroundings(torch.device("cpu"))
    assert told["torch"] == torch.__version__
    assert told["threads"] == torch.get_num_threads()
    assert told["device"]
    json.dumps(told)


@pytest.mark.parametrize(("text", "size"), [("32768K\n", 32 << 20), ("2M", 2 << 20), ("512", 512)])
def test_cache_sizes(tmp_path: Path, text: str, size: int) -> None:
    (tmp_path / "size").write_text(text)
    assert surroundings._bytes(tmp_path / "size") == size


def test_another_malloc_cannot_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("musl", "1.2"))
    assert surroundings.keep_memory() is False


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_glibc_keeps_memory() -> None:
    # In a process of its own, because it holds for the rest of one.
    code = "import sys; sys.path.insert(0, sys.argv[1]); import surroundings; sys.exit(not surroundings.keep_memory())"
    assert (
        subprocess.run([sys.executable, "-c", code, str(surroundings.ROOT / "benchmarks")], check=False).returncode == 0
    )


def test_results_are_written_with_their_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "x.json"
    surroundings.write_json(path, {"lines": [1]})
    assert json.loads(path.read_text()) == {"lines": [1]}


def test_results_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        surroundings.write_json(tmp_path / "file" / "x.json", {})
