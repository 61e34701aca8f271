"""Pictures of one kind, in a folder or in an IDX file."""

from __future__ import annotations

from pathlib import Path

import pytest

from imtrans.data.folders import LayoutError
from imtrans.data.single import SinglePictures, recognise_single
from imtrans.errors import InputError

from .making import SMALL, WHOLE, digits, grey, picture


def levels(data: SinglePictures, count: int) -> list[int]:
    return sorted(round(float(data[index].pictures["image"].mean())) for index in range(count))


@pytest.mark.parametrize("folder", [".", "train", "some/where"])
def test_one_picture_an_item(tmp_path: Path, folder: str) -> None:
    for number in range(4):
        grey(tmp_path / folder / f"{number}.png", 40 * number)
    data = SinglePictures(tmp_path, WHOLE, (0.0, 255.0))
    assert data.counts == {"image": 4}
    assert data[0].pictures.keys() == {"image"}
    assert levels(data, 4) == [0, 40, 80, 120]


def test_held_out_pictures_are_not_learnt_from(tmp_path: Path) -> None:
    grey(tmp_path / "train" / "1.png", 10)
    grey(tmp_path / "test" / "1.png", 200)
    data = SinglePictures(tmp_path, WHOLE, (0.0, 255.0))
    assert levels(data, 3) == [10, 10, 10]
    assert data.preview(4)["image"].mean() == 200
    assert recognise_single(tmp_path) == "pictures in train/"


def test_idx_without_labels(tmp_path: Path) -> None:
    digits(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    data = SinglePictures(tmp_path, WHOLE, (0.0, 255.0), channels="L")
    assert data[0].pictures["image"].shape == (1, 8, 8)
    assert levels(data, 6) == [0, 20, 40, 60, 80, 100]


def test_two_domains_are_not_one_kind(tmp_path: Path) -> None:
    picture(tmp_path / "trainA" / "1.png")
    with pytest.raises(LayoutError, match=r"two domains of a translation .trainA., not pictures of one kind") as caught:
        SinglePictures(tmp_path, SMALL)
    assert "trainA" in caught.value.hint


@pytest.mark.parametrize("make", ["nothing", "notes", "test"])
def test_folders_that_will_not_do(tmp_path: Path, make: str) -> None:
    if make == "notes":
        (tmp_path / "notes.txt").write_text("hello")
    if make == "test":
        picture(tmp_path / "test" / "1.png")
    with pytest.raises(InputError, match="has no folder train" if make == "test" else "holds no pictures") as caught:
        SinglePictures(tmp_path, SMALL)
    assert caught.value.have
    assert caught.value.hint


def test_a_picture_that_would_grow_beyond_all_bounds_is_left_out(tmp_path: Path) -> None:
    grey(tmp_path / "1.png", 9)
    grey(tmp_path / "flat.png", 9, (1, 9_000_000))
    from imtrans.data.augmentation import Augmentation

    data = SinglePictures(tmp_path, Augmentation(mode="scale_width", load_size=64, crop_size=8))
    reasons = [reason for index in range(2) for reason in data[index].unreadable.values()]
    assert len(reasons) == 1
    assert "after resizing" in reasons[0]
