"""Options that every benchmark has, and how scripts leave."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import command_line
import pytest
from command_line import at_least_one, begin, leave, list_of, parser_for, results_file, shapes

from imtrans.errors import DeviceError, UsageError


def test_shapes_are_four_numbers_each() -> None:
    assert shapes("1x2x3x4,8x256x64x64") == [(1, 2, 3, 4), (8, 256, 64, 64)]


@pytest.mark.parametrize("text", ["", "1x2x3", "1x2x3x4x5", "axbxcxd", "1x2x3x0", "1x2x3x-4", "1x2x3x4,"])
def test_other_shapes_are_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        shapes(text)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "", "²"])
def test_numbers_begin_at_one(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        at_least_one(text)


def test_lists_hold_known_names() -> None:
    parse = list_of(["fp32", "bf16"])
    assert parse("bf16,fp32") == ["bf16", "fp32"]
    with pytest.raises(argparse.ArgumentTypeError, match="'fp64' is none of fp32, bf16"):
        parse("fp32,fp64")


def test_results_have_their_name_and_device() -> None:
    options = parser_for("adain", "about", seconds=1).parse_args([])
    assert results_file(options, "adain", begin(options)).name == "adain-cpu.json"


def test_an_unknown_device_is_an_error() -> None:
    with pytest.raises(UsageError, match="'gpu'"):
        begin(parser_for("adain", "about", seconds=1).parse_args(["--device", "gpu"]))


def test_memory_that_cannot_be_kept_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_line, "keep_memory", lambda: False)
    with pytest.raises(DeviceError, match="malloc"):
        begin(parser_for("adain", "about", seconds=1).parse_args(["--keep-memory"]))


def test_an_error_is_a_sentence_and_a_status(capsys: pytest.CaptureFixture[str]) -> None:
    def main(arguments: Sequence[str] | None) -> int:
        raise UsageError("no such thing.", hint="Type another.")

    with pytest.raises(SystemExit) as left:
        leave(main)
    assert left.value.code == UsageError.exit_status
    assert capsys.readouterr().err == "error: no such thing.\nType another.\n"
