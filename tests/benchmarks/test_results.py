"""Files of results, read back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from results import map_bytes, median, quickest, read_all, shape_text

from imtrans.errors import InputError

from .made_up import generator_line, operator_line


def test_other_files_are_passed_over(write_results: Callable[..., Path]) -> None:
    folder = write_results("adain", operator_line())
    write_results("adain", operator_line(), device="cuda")
    (folder / "portraits.json").write_text('{"settings": {}}')
    assert [(each.benchmark, each.device) for each in read_all(folder)] == [("adain", "cpu"), ("adain", "cuda")]


def test_a_file_that_was_cut_off_is_named(write_results: Callable[..., Path]) -> None:
    folder = write_results("adain", operator_line())
    (folder / "adalin-cpu.json").write_text('{"benchmark": "ada')
    with pytest.raises(InputError, match=r"adalin-cpu\.json is not JSON"):
        read_all(folder)


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
