"""Commands as users type them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from imtrans.cli.main import main


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., str]:
    """``typed("train", …)``: run an ``imtrans`` command in an empty folder; gives what it says on stdout.

    With ``notes=True`` what stands on stderr follows. A failure is its status and what stands on stderr.
    """
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str, notes: bool = False) -> str:
        monkeypatch.setattr(sys, "argv", ["imtrans", *arguments])
        try:
            main()
        except SystemExit as leaving:
            status = leaving.code or 0
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        if status != 0:
            return f"status {status}: {told.err}"
        return told.out + told.err if notes else told.out

    return command
