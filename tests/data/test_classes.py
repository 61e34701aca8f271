"""Pictures with their class: folders and IDX files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from imtrans.data.classes import ClassPictures, recognise_classes
from imtrans.data.folders import LayoutError
from imtrans.errors import InputError

from .making import SMALL, WHOLE, digits, grey, picture


def animals(root: Path, folder: str = "train") -> Path:
    """Three classes, whose level is 100 times the label; a picture more for each."""
    for label, name in enumerate(["cat", "dog10", "dog9"]):
        for number in range(label + 1):
            grey(root / folder / name / f"{number}.png", 100 * label + number)
    return root


@pytest.mark.parametrize("folder", ["train", "."])
def test_labels_are_the_places_of_sorted_names(tmp_path: Path, folder: str) -> None:
    data = ClassPictures(animals(tmp_path, folder), WHOLE, (0.0, 255.0))
    assert data.class_names == ["cat", "dog10", "dog9"]  # sorted as text, as torchvision does
    assert (data.classes, data.counts) == (3, {"image": 6})
    items = [data[index].pictures for index in range(6)]
    assert all(item["labels"].shape == () and item["labels"].dtype == torch.int64 for item in items)
    assert all(int(item["image"].mean()) // 100 == int(item["labels"]) for item in items)
    assert sorted(int(item["labels"]) for item in items) == [0, 1, 1, 2, 2, 2]


def test_a_bad_file_does_not_lend_its_label_to_another(tmp_path: Path) -> None:
    animals(tmp_path)
    (tmp_path / "train" / "cat" / "0.png").write_bytes(b"")
    data = ClassPictures(tmp_path, WHOLE, (0.0, 255.0))
    items = [data[index] for index in range(6)]
    assert sum(len(item.unreadable) for item in items) == 1
    assert all(int(item.pictures["image"].mean()) // 100 == int(item.pictures["labels"]) for item in items)


def test_previews_keep_the_numbers_of_training(tmp_path: Path) -> None:
    animals(tmp_path)
    grey(tmp_path / "test" / "dog9" / "1.png", 7)
    batch = ClassPictures(tmp_path, WHOLE, (0.0, 255.0)).preview(4)
    assert batch["labels"].tolist() == [2]
    assert batch["image"].mean() == 7


def test_idx(tmp_path: Path) -> None:
    data = ClassPictures(digits(tmp_path), WHOLE, (0.0, 255.0), channels="L")
    assert data.class_names == ["0", "1", "2"]
    for index in range(12):
        item = data[index].pictures
        assert int(item["labels"]) == round(float(item["image"].mean())) // 20 % 3
    assert recognise_classes(tmp_path) == "train-images-idx3-ubyte.gz with labels, IDX files"


@pytest.mark.parametrize("make", [animals, digits])
def test_more_classes_than_the_model_has_room_for(tmp_path: Path, make: object) -> None:
    make(tmp_path)  # type: ignore[operator]
    with pytest.raises(InputError, match="holds 3 classes, and the model has room for 2") as caught:
        ClassPictures(tmp_path, SMALL, classes=2)
    assert "room for 3" in caught.value.hint
    assert ClassPictures(tmp_path, SMALL, classes=9).classes == 9


def test_an_empty_class(tmp_path: Path) -> None:
    animals(tmp_path)
    (tmp_path / "train" / "emu").mkdir()
    with pytest.raises(InputError, match=r"classes without pictures: emu\."):
        ClassPictures(tmp_path, SMALL)


def test_pictures_beside_the_classes(tmp_path: Path) -> None:
    animals(tmp_path)
    picture(tmp_path / "train" / "stray.png")
    with pytest.raises(LayoutError, match="1 pictures beside the folders of classes") as caught:
        ClassPictures(tmp_path, SMALL)
    assert "stray.png" in caught.value.have


@pytest.mark.parametrize("name", ["trainA/1.png", "1.png", "test/cat/1.png"])
def test_other_layouts(tmp_path: Path, name: str) -> None:
    picture(tmp_path / name)
    with pytest.raises(LayoutError) as caught:
        ClassPictures(tmp_path, SMALL)
    assert caught.value.hint


def test_labels_that_are_missing_or_too_few(tmp_path: Path) -> None:
    digits(tmp_path)
    labels = tmp_path / "train-labels-idx1-ubyte"
    labels.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 5]) + bytes(5))
    with pytest.raises(InputError, match="holds 5 labels for 6 pictures"):
        ClassPictures(tmp_path, SMALL)
    labels.unlink()
    with pytest.raises(InputError, match="has no labels") as caught:
        ClassPictures(tmp_path, SMALL)
    assert "train-labels-idx1-ubyte" in caught.value.have


def test_numbers_of_classes_do_not_depend_on_the_order_of_listing(tmp_path: Path) -> None:
    for name in np.random.default_rng(0).permutation([f"c{n:02}" for n in range(12)]):
        picture(tmp_path / str(name) / "1.png")
    assert ClassPictures(tmp_path, SMALL).class_names == [f"c{n:02}" for n in range(12)]
