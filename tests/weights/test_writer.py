"""Files that appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from imtrans.errors import OutputError
from imtrans.weights.reader import read
from imtrans.weights.writer import save


def test_round_trip(tmp_path: Path) -> None:
    tensors = {"a": torch.randn(3, 4), "b": torch.arange(5), "c": torch.randn(2).bfloat16()}
    path = save(tmp_path / "new" / "folder" / "w.safetensors", tensors, {"licence": "MIT"})
    found = read(path)
    assert found.metadata == {"licence": "MIT"}
    assert all(torch.equal(found.tensors[key], tensors[key]) for key in tensors)
    assert [entry.name for entry in path.parent.iterdir()] == ["w.safetensors"]


def test_shared_transposed_and_learning_tensors(tmp_path: Path) -> None:
    base = nn.Parameter(torch.randn(3, 4))
    found = read(save(tmp_path / "w.safetensors", {"a": base, "same": base, "t": base.t()}))
    assert torch.equal(found.tensors["same"], base)
    assert torch.equal(found.tensors["t"], base.t())


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "w.safetensors", {"a": torch.zeros(2)})
    real = safetensors.torch.save_file

    def fails_half_way(tensors: object, filename: Path, metadata: object = None) -> None:
        real({"half": torch.ones(1)}, filename)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(safetensors.torch, "save_file", fails_half_way)
    with pytest.raises(OutputError, match="No space left"):
        save(path, {"a": torch.ones(2)})
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.safetensors"]
    assert torch.equal(read(path).tensors["a"], torch.zeros(2))


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        save(tmp_path / "file" / "w.safetensors", {"a": torch.zeros(2)})


def test_the_file_has_the_usual_permissions(tmp_path: Path) -> None:
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    path = save(tmp_path / "w.safetensors", {"a": torch.zeros(2)})
    assert path.stat().st_mode == ordinary.stat().st_mode
