"""``imtrans prepare outlines`` as its users type it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imtrans.cli.main import main


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["imtrans", "prepare", "outlines", *arguments])
    with pytest.raises(SystemExit) as leaving:
        main()
    return int(leaving.value.code or 0)


@pytest.fixture(autouse=True)
def _photos(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for folder, value in (("neutral", 0), ("smiling", 1)):
        Path(folder).mkdir()
        pixels = np.random.default_rng(value).integers(256, size=(32, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(f"{folder}/a.png")


def test_folders_of_equal_names_become_one_data_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "neutral", "-o", "out", "--tag", "neutral") == 0
    assert run(monkeypatch, "smiling", "-o", "out", "--tag", "smiling", "--split", "test") == 0
    assert "1 of 1 pictures held out" in capsys.readouterr().out
    found = sorted(path.as_posix() for path in Path("out").rglob("*.png"))
    places = ("testA/a-smiling", "testB/a-smiling", "trainA/a-neutral", "trainB/a-neutral")
    assert found == [f"out/{place}.png" for place in places]
    sharp = np.asarray(Image.open("out/trainB/a-neutral.png"))
    assert np.array_equal(sharp, np.asarray(Image.open("neutral/a.png")))
    drawn = np.asarray(Image.open("out/trainA/a-neutral.png"))
    assert np.array_equal(drawn[..., 0], drawn[..., 2])
    assert (drawn == 255).any()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("neutral",), "no folder was given for the data set"),
        (("neutral", "-o", "out", "--split", "val"), "no split called 'val'"),
        (("neutral", "-o", "out", "--tag", "a/b"), "cannot be part of a file's name"),
        (("neutral", "-o", "out", "--width", "2"), "the width of lines"),
    ],
)
def test_what_cannot_be_meant(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    assert run(monkeypatch, *arguments) == 2
    assert words in capsys.readouterr().err
    assert not Path("out").exists()
