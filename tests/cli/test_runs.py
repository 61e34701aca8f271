"""``imtrans runs`` as its users type it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from imtrans.cli.main import main

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """Run ``imtrans runs ...`` beside two runs in ``runs``."""
    monkeypatch.chdir(tmp_path)
    for name, rate in (("p1", 1), ("p2", 2)):
        root = tmp_path / "runs" / name
        for folder in ("samples", "checkpoints/step-00000200"):
            (root / folder).mkdir(parents=True)
        (root / "config.toml").write_text(f'model = "toy"\ndata = "x"\n[train]\nsteps = 400\n[method]\nlr = {rate}\n')
        lines = [json.dumps({"step": step, "distance": rate / step}) for step in (100, 200)]
        lines.append(json.dumps({"step": 200, "metrics": {"kid": 0.25}}))
        (root / "log.jsonl").write_text("\n".join(lines))
        Image.new("RGB", (20, 10)).save(root / "samples" / "step-00000200.png")
    (tmp_path / "runs" / "p1" / "checkpoints" / "best.json").write_text('{"step": 200, "metric": "kid", "value": 0.25}')

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["imtrans", "runs", *arguments])
        status = 0
        try:
            main()
        except SystemExit as leaving:
            status = int(leaving.code or 0)
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        return status, told.out, told.err

    return run


def test_list(command: Command) -> None:
    status, out, _ = command("list")
    assert status == 0
    assert "p1   toy    200/400  distance=0.005  kid=0.25 at 200" in out
    assert [run["run"] for run in json.loads(command("list", "runs", "--json")[1])] == ["runs/p1", "runs/p2"]


def test_show(command: Command, tmp_path: Path) -> None:
    status, out, _ = command("show", "runs/p1", "--curves", "c.png", "--samples", "s.png")
    assert status == 0
    assert all(
        words in out for words in ("distance  0.005", "kid  0.25", "method.lr    1", "the best: kid", "wrote c.png")
    )
    for name in ("c.png", "s.png"):
        with Image.open(tmp_path / name) as picture:
            assert picture.width > 100 or name == "s.png"
    found = json.loads(command("show", "runs/p2", "--json")[1])
    assert (found["step"], found["settings"]["method"]["lr"], found["best"]) == (200, 2, None)


def test_compare(command: Command, tmp_path: Path) -> None:
    status, out, _ = command("compare", "runs/p1", "runs/p2", "--curves", "c.png", "--samples", "s.png")
    assert status == 0
    assert "method.lr  1        2" in out
    assert "train.steps" not in out, "settings that are the same are not told"
    assert "distance  0.005  0.01" in out
    assert (tmp_path / "c.png").is_file()
    found = json.loads(command("compare", "runs/p1", "runs/p2", "--json")[1])
    assert found["differences"] == {"method.lr": ["1", "2"]}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "runs/p3"), ("runs/p3 is no training run", "Beside it: p1, p2")),
        (("list", "nowhere"), ("nowhere does not exist",)),
        (("compare", "runs/p1", "x"), ("x is no training run",)),
    ],
)
def test_errors(command: Command, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    status, out, err = command(*arguments)
    assert (status, out) == (1, "")
    assert all(word in err for word in words), err
