"""How a run is told to a person at a terminal."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from rich.console import Console

from imtrans.cli import train_report
from imtrans.cli.train_report import BarReporter, JsonReporter, Reporter, reporter_for
from imtrans.train.observer import Progress


def trainer(unreadable: int = 0) -> Any:
    """As much of a trainer as a reporter looks at."""
    return SimpleNamespace(
        card=SimpleNamespace(name="toy"),
        dataset=SimpleNamespace(counts={"A": 2, "B": 1}),
        run=SimpleNamespace(root="run", latest_checkpoint=lambda: "run/checkpoints/step-00000050"),
        method=SimpleNamespace(translators=dict),
        device="cpu",
        dtype=torch.float32,
        step=0,
        total=100,
        unreadable={str(n): "" for n in range(unreadable)},
    )


def test_a_terminal_shows_steps_and_time_left() -> None:
    screen = io.StringIO()
    reporter = BarReporter(Console(file=screen, force_terminal=True, width=80, highlight=False))
    reporter.start(trainer(), [1])
    for step in range(1, 51):
        reporter.step(step)
    reporter.report(Progress(50, 100, {"gan_ab": 0.25}, 3.5, 10.0))
    reporter.close()
    reporter.end(trainer(), finished=False)
    text = screen.getvalue()
    assert "50/100" in text
    assert "0:0" in text  # the time left, which is next to none here
    assert "3.50 pictures/s" in text
    assert "gan_ab=0.250" in text
    assert "--resume goes on" in text


def test_names_cannot_repaint_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Reporter().unreadable("x", "evil\x1b[2J.png: the file is empty.")
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("as_json", "terminal", "kind"), [(True, True, JsonReporter), (False, False, Reporter), (False, True, BarReporter)]
)
def test_who_reports(monkeypatch: pytest.MonkeyPatch, as_json: bool, terminal: bool, kind: type) -> None:
    monkeypatch.setattr(train_report, "Console", lambda **options: Console(force_terminal=terminal))
    assert type(reporter_for(as_json)) is kind
