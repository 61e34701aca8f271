from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from imtrans.infer import memory


class Known(nn.Module):
    """Holds its input, one tensor of twice the size and one of its own size at its worst moment."""

    def forward(self, x: Tensor) -> Tensor:
        double = torch.cat([x, x], 1)  # x and double: 3 units
        half = double[:, :3] + double[:, 3:]  # and half: 4 units
        del double
        return half * 2  # x, half and the result: 3 units


def test_the_peak_is_exact_for_a_network_that_can_be_counted_by_hand() -> None:
    unit = 2 * 3 * 50 * 40 * 4
    assert memory.peak_bytes(Known(), (2, 3, 50, 40), torch.float32) == 4 * unit
    assert memory.peak_bytes(Known(), (2, 3, 50, 40), torch.bfloat16) == 2 * unit


def test_sizes_beyond_any_memory_are_computed_without_it() -> None:
    network = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), nn.InstanceNorm2d(64), nn.ReLU())
    needed = memory.peak_bytes(network, (1, 3, 100_000, 100_000), torch.float32)
    assert needed is not None
    assert needed > 64 * 100_000**2 * 4


def test_a_network_that_looks_at_its_data_has_no_estimate() -> None:
    class Looks(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if bool(x.sum().item() > 0) else -x

    assert memory.peak_bytes(Looks(), (1, 3, 8, 8), torch.float32) is None


def test_this_machine_tells_what_it_has() -> None:
    left = memory.available_bytes(torch.device("cpu"))
    assert left is None or left > 1e6


def test_a_containers_limit(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("400000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 100000\n")
    assert memory._group_available(tmp_path) == 700_000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._group_available(tmp_path) is None
    assert memory._group_available(tmp_path / "none") is None


def test_the_smaller_limit_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_system_available", lambda: 500)
    monkeypatch.setattr(memory, "_group_available", lambda: 300)
    assert memory.available_bytes(torch.device("cpu")) == 300
    monkeypatch.setattr(memory, "_group_available", lambda: None)
    assert memory.available_bytes(torch.device("cpu")) == 500
    monkeypatch.setattr(memory, "_system_available", lambda: None)
    assert memory.available_bytes(torch.device("cpu")) is None
