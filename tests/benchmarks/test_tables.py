"""Results as Markdown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import tables
from results import read_all

from .made_up import generator_line, operator_line, taken, training_line


def test_an_operator_has_a_table_of_each_direction(write_results: Callable[..., Path]) -> None:
    double = operator_line(direction="double backward", impossible={"compiled": "there is no second backward"})
    del double["seconds"]["compiled"]
    text = tables.operator(read_all(write_results("adain", operator_line(), double))[0])
    assert "a machine (avx2, 32 MiB of cache), 2 threads; torch 2.13.0" in text
    assert "**Forward**" in text
    assert "| 8x256x64x64 | fp32 | nhwc | relu+pad | 1000 (900 to 1200) | 8.00 | 2.00 | 100.7 | 60% |" in text
    assert "| 8.00 | cannot | 100.7 |" in text
    assert text.endswith("compiled cannot: there is no second backward.")


def test_a_peer_that_is_ahead_is_bold(write_results: Callable[..., Path]) -> None:
    line = operator_line()
    line["seconds"]["compiled"] = taken(0.9e-3)
    assert "| 8.00 | **0.90** |" in tables.operator(read_all(write_results("adain", line))[0])


def test_clocks_have_a_column_where_there_are_several(write_results: Callable[..., Path]) -> None:
    folder = write_results("adain", operator_line(clock="cold"), operator_line(clock="graph"), device="cuda")
    text = tables.operator(read_all(folder)[0])
    assert "| variant | clock |" in text
    assert "| relu+pad | graph |" in text


def test_no_share_of_the_copy_where_memory_is_no_bound(write_results: Callable[..., Path]) -> None:
    line = operator_line(share_of_copy=None, bytes=None)
    line["seconds"]["zero padding"] = taken(1e-3)
    text = tables.operator(read_all(write_results("reflect_conv2d", line))[0])
    assert "of copy" not in text
    assert "zero padding / fused" in text


def test_the_generators_table_says_what_is_missing(write_results: Callable[..., Path]) -> None:
    text = tables.generator(read_all(write_results("generator", generator_line()))[0])
    assert "**One picture of 256 x 256, ResNet-9 with 64 filters**" in text
    assert "| eager fp32 | 400 (360 to 480) | 3.20 | 1e-03 | 5e-03 |" in text
    assert "| OpenVINO bf16 | 100 (90 to 120) | **0.80** |" in text
    assert "| ONNX Runtime fp32 | onnxruntime is not installed: pip install 'imtrans[bench]' |" in text


def test_training_has_loops_a_feed_and_losses(write_results: Callable[..., Path]) -> None:
    text = tables.training(read_all(write_results("training", training_line()))[0])
    assert "**cyclegan, 1 x 128 x 128, 6 blocks, ngf 64**" in text
    assert "| plain | 0.333 | 3000 (2700 to 3600) | 1.00 | 1.0% | 39.0% | 58.0% | 2.0% | 500 |   |" in text
    assert "| imtrans bf16 | 1 | 1000 (900 to 1200) | 3.00 | 1.0% |" in text
    assert "| 500 | 1e-03 at first, 4.0% |" in text
    assert "| imtrans bf16 compiled | there is no compiler |" in text
    assert "2 workers read 200 pictures of 128 x 128 a second" in text
    assert "1.0% of the quickest step" in text
    assert "| sum of losses | step 1 | step 7 |" in text
    assert "| plain | 3 | 1.5 |" in text


def test_memory_that_the_system_does_not_tell(write_results: Callable[..., Path]) -> None:
    untold = {name: {"state": 1, "step": None} for name in training_line()["seconds"]}
    assert "| unknown |" in tables.training(read_all(write_results("training", training_line(memory=untold)))[0])
