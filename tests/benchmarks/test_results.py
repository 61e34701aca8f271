"""Files of results, read back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from results import map_bytes, median, quickest, read_all, shape_text

from .made_up import generator_line, operator_line


def test_other_files_are_passed_over(write_results: Callable[..., Path]) -> None:
    folder = write_results("adain", operator_line())
    write_results("adain", operator_line(), device="cuda")
    (folder / "portraits.json").write_text('{"settings": {}}')
    assert [(each.benchmark, each.device) for each in read_all(folder)] == [("adain", "cpu"), ("adain", "cuda")]


def test_times_by_name_and_by_pattern() -> None:
    line = generator_line()
    assert median(line, "imtrans bf16") == 0.125
    assert median(line, "ONNX Runtime fp32") is None
    assert quickest(line, ["imtrans*", "eager*"]) == 0.125
    assert quickest(line, ["nobody"]) is None


def test_size_of_a_map() -> None:
    line = operator_line(dtype="bf16", shape=[2, 3, 4, 5])
    assert map_bytes(line) == 240
    assert shape_text(line) == "2x3x4x5"
