"""What a look at a folder finds."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imtrans.data.survey import survey
from imtrans.errors import InputError

from .making import digits, label_map, picture


def test_sizes_modes_and_counts_by_folder(tmp_path: Path) -> None:
    for number, size in enumerate([(16, 8), (20, 9), (40, 30)]):
        picture(tmp_path / "trainA" / f"{number}.png", number, *size)
    Image.new("L", (5, 5)).save(tmp_path / "trainA" / "grey.jpg")
    picture(tmp_path / "trainB" / "1.png", 7)
    found = survey(tmp_path, ["unpaired"])
    assert found.count == 5
    first = found.folders[0]
    assert (first.name, first.count, first.widths, first.heights) == ("trainA", 4, (5, 16, 40), (5, 8, 30))
    assert first.modes == {"RGB PNG": 3, "L JPEG": 1}
    assert [found.broken, found.unmatched, found.labels, found.duplicates, found.idx] == [{}, {}, {}, [], []]


def test_an_upright_size_is_told(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (20, 10)).save(tmp_path / "1.jpg", exif=exif)
    assert survey(tmp_path, []).folders[0].widths == (10, 10, 10)


@pytest.mark.parametrize(
    ("quick", "expected"), [(False, {"cut.png", "text.png", "empty.png"}), (True, {"text.png", "empty.png"})]
)
def test_broken_files(tmp_path: Path, quick: bool, expected: set[str]) -> None:
    whole = picture(tmp_path / "whole.png", 0, 64, 64)
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:1000])
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty.png").write_bytes(b"")
    broken = survey(tmp_path, [], quick=quick).broken
    assert {Path(path).name for path in broken} == expected
    assert "text file" in broken[str(tmp_path / "text.png")]


def test_names_without_a_partner_are_all_told(tmp_path: Path) -> None:
    for number in range(12):
        picture(tmp_path / "trainA" / f"{number}.png", number)
    picture(tmp_path / "trainB" / "3.png", 99)
    assert survey(tmp_path, ["paired"]).unmatched == {"trainA": [str(n) for n in range(12) if n != 3]}
    assert survey(tmp_path, ["unpaired"]).unmatched == {}


def test_duplicates(tmp_path: Path) -> None:
    one = picture(tmp_path / "train" / "1.png")
    picture(tmp_path / "train" / "2.png", 5)
    (tmp_path / "test").mkdir()
    shutil.copy(one, tmp_path / "test" / "same.png")
    assert survey(tmp_path, []).duplicates == [["test/same.png", "train/1.png"]]


def test_label_maps(tmp_path: Path) -> None:
    for number in range(3):
        label_map(tmp_path / "A" / f"{number}.png", np.full((8, 16), 255 if number == 1 else number, dtype=np.uint8))
        picture(tmp_path / "B" / f"{number}.png", number)
    assert survey(tmp_path, ["labels"]).labels == {"maps": 3, "classes": 3, "with_unknown": 1}


def test_pictures_in_colour_channels_are_counted_as_no_label_maps(tmp_path: Path) -> None:
    """Drawings in black and white, written as RGB, hold few values that are equal in all channels."""
    drawing = np.where(np.eye(8, 16, dtype=bool)[..., None], 255, 0).astype(np.uint8).repeat(3, axis=2)
    for number in range(2):
        (tmp_path / "trainA").mkdir(exist_ok=True)
        Image.fromarray(drawing).save(tmp_path / "trainA" / f"{number}.png")
        picture(tmp_path / "trainB" / f"{number}.png", number)
    assert survey(tmp_path, ["labels", "paired"]).labels == {}


def test_idx_files(tmp_path: Path) -> None:
    digits(tmp_path)
    digits(tmp_path, name="t10k")
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(b"broken")
    train, test = survey(tmp_path, []).idx
    assert train == "train: train-images-idx3-ubyte.gz holds 6 of 5 x 4, labels 0..2"
    assert test.startswith("test: ")
    assert "no IDX file of labels" in test


def test_progress_is_told(tmp_path: Path) -> None:
    picture(tmp_path / "1.png")
    told: list[int] = []

    def ticker(found: Iterable[Any], total: int) -> Iterable[Any]:
        told.append(total)
        return found

    survey(tmp_path, [], ticker=ticker)
    assert told == [1]


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        survey(tmp_path / "nowhere", [])
