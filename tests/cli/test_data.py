"""``imtrans data check`` as its users type it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imtrans.cli.main import main


@dataclass
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str


Check = Callable[..., Done]


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Check:
    """Run ``imtrans data check data ...`` in a folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()

    def command(*arguments: str, folder: str = "data") -> Done:
        monkeypatch.setattr(sys, "argv", ["imtrans", "data", "check", folder, *arguments])
        status = 0
        try:
            main()
        except SystemExit as leaving:
            status = int(leaving.code or 0)
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        return Done(status, told.out, told.err)

    return command


def fill(root: Path, *names: str, width: int = 9) -> None:
    random = np.random.default_rng(len(list(root.rglob("*"))))
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(256, size=(9, width, 3), dtype=np.uint8)).save(root / name)


def test_a_folder_that_fits(check: Check, tmp_path: Path) -> None:
    fill(tmp_path / "data", "trainA/1.png", "trainA/2.png", "trainB/3.png")
    done = check()
    assert (done.status, done.err) == (0, "")
    assert "data: 3 pictures" in done.out
    assert "unpaired  yes   trainA/ and trainB/" in done.out
    assert "paired    no    3 pictures have no partner" in done.out
    assert "imtrans train cyclegan --data data --output runs/cyclegan" in done.out


def test_programs_get_json(check: Check, tmp_path: Path) -> None:
    fill(tmp_path / "data", "trainA/1.png", "trainB/1.png")
    (tmp_path / "data" / "trainB" / "bad.png").write_bytes(b"")
    done = check("--json", "--kind", "paired")
    found = json.loads(done.out)
    assert (done.status, found["ready"], found["wanted"]) == (1, False, "paired")
    assert found["unmatched"] == {"trainB": ["bad"]}
    assert list(found["broken"]) == ["data/trainB/bad.png"]
    assert found["kinds"]["unpaired"] == {"fits": True, "layout": "trainA/ and trainB/"}
    assert "have no partner" in found["kinds"]["paired"]["reason"]
    assert found["folders"][0]["widths"] == [9, 9, 9]


def test_a_model_says_what_it_misses(check: Check, tmp_path: Path) -> None:
    fill(tmp_path / "data", "1.png", "2.png", width=18)
    done = check("--model", "cyclegan")
    assert done.status == 1
    assert "has no folder trainA" in done.err
    assert "This looks like pictures in pairs" in done.err
    assert "Next" not in done.out
    assert check("--kind", "paired").status == 0


def test_what_is_broken_and_doubled_is_told(check: Check, tmp_path: Path) -> None:
    fill(tmp_path / "data", "trainA/1.png", "trainB/2.png")
    whole = (tmp_path / "data" / "trainA" / "1.png").read_bytes()
    for number in range(15):
        (tmp_path / "data" / "trainA" / f"cut{number}.png").write_bytes(whole[: 100 + number])
    (tmp_path / "data" / "trainB" / "same.png").write_bytes(whole)
    done = check()
    assert done.status == 0
    assert "Broken: 15; training leaves them out" in done.out
    assert "… and 5 more; --json lists all" in done.out
    assert "trainA/1.png = trainB/same.png" in done.out
    assert "Broken" not in check("--quick").out


@pytest.mark.parametrize(
    ("arguments", "folder", "status", "words"),
    [
        ((), "nowhere", 1, "does not exist"),
        ((), "data", 1, "no data set of any kind"),
        (("--kind", "pairs"), "data", 2, "Did you mean 'paired'?"),
        (("--kind", "paired", "--model", "cyclegan"), "data", 2, "learns from the kind 'unpaired'"),
        (("--model", "nonsense"), "data", 2, "nonsense"),
    ],
)
def test_what_cannot_be(check: Check, arguments: tuple[str, ...], folder: str, status: int, words: str) -> None:
    done = check(*arguments, folder=folder)
    assert done.status == status
    assert words in done.err


def test_names_cannot_repaint_the_terminal(check: Check, tmp_path: Path) -> None:
    fill(tmp_path / "data", "trainA/1.png", "trainB/1.png")
    (tmp_path / "data" / "trainA" / "\x1b[2Jevil.png").write_bytes(b"")
    done = check()
    assert "\x1b" not in done.out + done.err
    assert "evil.png" in done.out
