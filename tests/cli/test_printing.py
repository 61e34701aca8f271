"""Tables, and text that cannot harm a terminal."""

from __future__ import annotations

import io
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imtrans.cli.printing import plain, print_json, print_table


@given(st.text())
def test_plain_text_holds_no_control_characters(text: str) -> None:
    assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in plain(text) if letter != "\n")


def test_table_for_programs_is_one_line_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("Name", "Meaning"), [("a", "x " * 200), ("long name", "two\nlines\x1b")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Name       Meaning"
    assert lines[1] == f"a          {'x ' * 200}".rstrip()
    assert lines[2] == "long name  two lines\\x1b"


def test_table_without_titles(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("", ""), [("paper", "someone")])
    assert capsys.readouterr().out == "paper  someone\n"


def test_empty_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("Name",), [], empty="None.")
    assert capsys.readouterr().out == "None.\n"


class Terminal(io.StringIO):
    """Text that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """It is not."""
        return True


def test_table_on_a_terminal_fits_and_keeps_names_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    print_table(("Name", "Meaning"), [("a-rather-long-name", "many words that do not fit [in] one line")])
    lines = re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue()).splitlines()
    assert any(line.startswith("a-rather-long-name") for line in lines)
    assert all(len(line) <= 40 for line in lines)
    assert "[in]" in screen.getvalue()


def test_json_on_a_stream_without_unicode(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    print_json({"name": "ü"})
    stream.flush()
    assert b"\\u00fc" in stream.buffer.getvalue()
