"""What the tests of the benchmarks share: their folder on the path, as scripts have it, and files of results."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .made_up import SURROUNDINGS

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path[:0] = [str(BENCHMARKS), str(BENCHMARKS / "models"), str(BENCHMARKS / "training")]


@pytest.fixture
def write_results(tmp_path: Path) -> Callable[..., Path]:
    """Writes lines as a file of results into one folder and gives the folder."""

    def write(benchmark: str, *lines: dict[str, Any], device: str = "cpu") -> Path:
        folder = tmp_path / "results"
        folder.mkdir(exist_ok=True)
        content = {"benchmark": benchmark, "surroundings": SURROUNDINGS, "lines": lines}
        (folder / f"{benchmark}-{device}.json").write_text(json.dumps(content), encoding="utf-8")
        return folder

    return write
