"""Targets held against results."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from contestants import CONTESTANTS
from results import read_all
from surroundings import ROOT
from targets import Target, read_targets, table

from imtrans.errors import ConfigError

from .made_up import generator_line, operator_line

FORWARD = {"layout": "nhwc", "direction": "forward"}


def target(**changes: Any) -> Target:
    settings: dict[str, Any] = {
        "what": "it",
        "device": "cpu",
        "benchmarks": ["adain"],
        "lines": FORWARD,
        "slow": ("eager",),
    }
    return Target(**(settings | changes))


def row(wanted: Target, write_results: Callable[..., Path], *lines: dict[str, Any], benchmark: str = "adain") -> str:
    return table([wanted], read_all(write_results(benchmark, *lines))).splitlines()[-1]


def test_reached(write_results: Callable[..., Path]) -> None:
    assert row(target(at_least=8), write_results, operator_line()) == "| it | at least 8x | 8x | reached |"


def test_missed_with_the_line_and_the_reason(write_results: Callable[..., Path]) -> None:
    slower = operator_line(shape=[1, 2, 4, 4], seconds=operator_line()["seconds"] | {"eager": {"median": 4e-3}})
    text = row(target(at_least=8, reason="Few pixels."), write_results, operator_line(), slower)
    assert text == ("| it | at least 8x | 4x to 8x | **missed** in 1 of 2: relu+pad 1x2x4x4 fp32 4x. Few pixels. |")


def test_other_lines_do_not_count(write_results: Callable[..., Path]) -> None:
    backward = operator_line(direction="forward+backward")
    assert row(target(at_least=1), write_results, backward) == "| it | at least 1x | not measured | |"


def test_beyond_the_cache_and_large(write_results: Callable[..., Path]) -> None:
    within, beyond = operator_line(shape=[1, 256, 64, 64], share_of_copy=0.1), operator_line()
    share = {"quantity": "share of copy", "at_least": 0.6}
    assert "reached" in row(target(beyond_cache=True, **share), write_results, within, beyond)
    assert "reached" in row(target(least_megabytes=32, **share), write_results, within, beyond)
    assert "missed" in row(target(**share), write_results, within, beyond)


def test_a_most(write_results: Callable[..., Path]) -> None:
    in_time = target(quantity="microseconds", at_most=1000)
    assert row(in_time, write_results, operator_line()) == "| it | at most 1e+03 µs | 1e+03 µs | reached |"
    assert "missed" in row(target(quantity="microseconds", at_most=5), write_results, operator_line())


def test_the_quickest_of_several_counts(write_results: Callable[..., Path]) -> None:
    wanted = target(
        benchmarks=["generator"], lines={"shape": [1, 3, 256, 256]}, slow=("OpenVINO*",), fast=("imtrans*",)
    )
    text = row(wanted, write_results, generator_line(), benchmark="generator")
    assert "0.8x" in text


def test_an_unknown_field_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "targets.toml").write_text("[[target]]\nwhta = 'it'\n")
    with pytest.raises(ConfigError, match=r"targets\.toml"):
        read_targets(tmp_path / "targets.toml")


def test_the_projects_targets_speak_of_things_that_exist() -> None:
    names = [each.name for each in CONTESTANTS]
    for each in read_targets():
        for benchmark in each.benchmarks:
            folder = {"generator": "models", "training": "training"}.get(benchmark, "ops")
            assert (ROOT / "benchmarks" / folder / f"{benchmark}.py").is_file()
        assert (each.at_least is None) != (each.at_most is None), each.what
        if each.benchmarks == ["generator"]:
            assert all(any(fnmatchcase(name, one) for name in names) for one in (*each.slow, *each.fast)), each.what
