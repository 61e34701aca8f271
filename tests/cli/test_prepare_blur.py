"""``imtrans prepare blur`` as its users type it, up to a training on what it made."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imtrans.cli.main import main

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def imtrans(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """Run a command in a folder with three pictures in ``photos``; gives its status and what it says."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    random = np.random.default_rng(0)
    for number in range(3):
        Image.fromarray(random.integers(256, size=(40, 48, 3), dtype=np.uint8)).save(f"photos/{number}.png")

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["imtrans", *arguments])
        with pytest.raises(SystemExit) as leaving:
            main()
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        return int(leaving.value.code or 0), told.out, told.err

    return command


def test_photos_into_pairs_into_what_training_takes(imtrans: Command) -> None:
    made = imtrans("prepare", "blur", "photos", "-o", "pairs", "--crop", "32", "--crops", "2", "--test", "0.3")
    assert made[0] == 0
    assert "photos/0.png: 2 pairs for t" in made[1]
    assert "1 of 3 pictures held out for testing" in made[1]
    assert len(list(Path("pairs/trainA").iterdir())) == len(list(Path("pairs/trainB").iterdir())) == 4
    status, told, _ = imtrans("data", "check", "pairs", "--model", "deblurgan")
    assert status == 0
    assert "imtrans train deblurgan --data pairs" in told


def test_programs_get_json(imtrans: Command) -> None:
    Path("photos/bad.jpg").write_text("no picture")
    status, told, _ = imtrans("prepare", "blur", "-i", "photos", "-o", "pairs", "--json", "--layout", "aligned")
    assert status == 1
    *events, end = [json.loads(line) for line in told.splitlines()]
    assert [event["event"] for event in events] == ["done", "done", "done", "failed"]
    assert events[0]["outputs"] == ["pairs/train/0.png"]
    assert "text file" in events[3]["reason"]
    assert (end["done"], end["failed"], end["pairs"], end["interrupted"]) == (3, 1, 3, False)


def test_bad_pictures_are_named_and_the_status_says_so(imtrans: Command) -> None:
    Path("photos/bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    status, told, wrong = imtrans("prepare", "blur", "photos", "-o", "pairs", "--skip-existing")
    assert status == 1
    assert "failed: photos/bad.jpg" in wrong
    assert "3 pairs" in told
    status, told, _ = imtrans("prepare", "blur", "photos", "-o", "pairs", "--skip-existing")
    assert status == 1
    assert "photos/0.png: skipped" in told
    assert "3 skipped, 1 failed" in told


def test_what_has_nothing_in_it_is_left_out_and_counted(imtrans: Command) -> None:
    Image.new("RGB", (48, 40), "black").save("photos/black.png")
    lit = np.zeros((200, 200, 3), np.uint8)
    lit[-20:, -20:] = np.random.default_rng(1).integers(256, size=(20, 20, 3))
    Image.fromarray(lit).save("photos/lit.png")
    asked = ("prepare", "blur", "photos", "-o", "pairs", "--crop", "16", "--crops", "4")
    status, told, wrong = imtrans(*asked)
    assert status == 1
    assert "failed: photos/black.png: there is nothing in it to learn from" in wrong
    assert "photos/lit.png: 1 pair for train, 3 pairs left out because both pictures would be the same" in told
    assert told.rstrip().endswith("1 failed, 3 pairs left out because both pictures would be the same")
    sharp, blurred = (sorted(Path(f"pairs/train{domain}").iterdir()) for domain in "BA")
    assert [path.name for path in sharp] == [path.name for path in blurred]
    assert all(a.read_bytes() != b.read_bytes() for a, b in zip(sharp, blurred, strict=True))
    records = [json.loads(line) for line in imtrans(*asked, "--json")[1].splitlines()]
    assert len(records[-2]["outputs"]) == 2  # of one pair
    assert (records[-1]["pairs"], records[-1]["left_out"]) == (len(sharp), 3)


def test_too_small_for_its_parts_says_what_would_fit(imtrans: Command) -> None:
    status, _, wrong = imtrans("prepare", "blur", "photos", "-o", "pairs", "--crop", "64")
    assert status == 1
    assert "photos/0.png: it has 48 x 40 pixels" in wrong
    assert "--crop of at most 40" in wrong


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("photos",), "no folder was given for the data set"),
        (("-o", "pairs"), "no input was given"),
        (("nowhere", "-o", "pairs"), "there is no file nowhere"),
        (("photos", "-o", "pairs", "--crops", "3"), "several crops need a size"),
        (("photos", "-o", "pairs", "--exposure", "2"), "an exposure lies above 0"),
        (("photos", "-o", "pairs", "--layout", "heap"), "no layout called 'heap'"),
        (("photos", "-o", "pairs", "--test", "1"), "the share of test pictures"),
    ],
)
def test_what_cannot_be_meant(imtrans: Command, arguments: tuple[str, ...], words: str) -> None:
    status, _, wrong = imtrans("prepare", "blur", *arguments)
    assert status == 2
    assert words in wrong
    assert not Path("pairs").exists()


def test_the_group_lists_its_ways(imtrans: Command) -> None:
    status, told, _ = imtrans("prepare", "--help")
    assert status == 0
    assert "blur" in told
