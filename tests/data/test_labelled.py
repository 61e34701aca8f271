"""Photos with label maps: indices survive, unknown is told apart, edges are where instances meet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imtrans.data.augmentation import Augmentation
from imtrans.data.folders import LayoutError
from imtrans.data.labelled import LabelledPictures, recognise_labels
from imtrans.data.labels import instance_edges, label_colours, one_hot, semantic_input
from imtrans.errors import InputError

from .making import SMALL, WHOLE, label_map, picture


def indices(seed: int, most: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(most + 1, size=(8, 16), dtype=np.uint8)


def photos(root: Path, count: int = 4, *, instances: bool = False, palette: bool = False) -> Path:
    """Photos whose red is 50 times the class, and whose green is the instance."""
    for number in range(count):
        label = indices(number)
        label[0, 0] = 3
        ids = np.random.default_rng(100 + number).integers(200, size=(8, 16)).astype(np.uint8)
        label_map(root / "train_label" / f"{number}.png", label, palette=palette)
        pixels = np.stack([50 * label, ids, 0 * ids], axis=-1)
        (root / "train_img").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(root / "train_img" / f"{number}.png")
        if instances:
            (root / "train_inst").mkdir(exist_ok=True)
            Image.fromarray(ids.astype(np.uint16) * 200).save(root / "train_inst" / f"{number}.png")
    return root


@pytest.mark.parametrize("palette", [False, True])
def test_photo_label_and_instance_share_everything(tmp_path: Path, palette: bool) -> None:
    """In the mode that resizes nothing, each photo says what its label and its edges have to be."""
    data = LabelledPictures(
        photos(tmp_path, instances=True, palette=palette), Augmentation(mode="crop", crop_size=6), (0.0, 255.0)
    )
    assert data.classes == 4
    for index in range(30):
        item = data[index].pictures
        assert item["label"].dtype == item["edges"].dtype == torch.uint8
        assert item["label"].shape == item["edges"].shape == (1, 6, 6)
        assert torch.equal(item["image"][:1], 50.0 * item["label"])
        assert torch.equal(item["edges"], instance_edges(item["image"][1:2]))


def test_resizing_mixes_no_classes(tmp_path: Path) -> None:
    for number in range(3):
        label_map(tmp_path / "labels" / f"{number}.png", np.where(indices(number) > 1, 9, 0).astype(np.uint8))
        picture(tmp_path / "images" / f"{number}.jpg", number, 32, 16)
    data = LabelledPictures(tmp_path, Augmentation(load_size=21, crop_size=17))
    assert {int(value) for index in range(12) for value in data[index].pictures["label"].unique()} == {0, 9}
    assert data.classes == 10


def test_255_is_unknown(tmp_path: Path) -> None:
    photos(tmp_path)
    label = indices(0)
    label[:4] = 255
    label_map(tmp_path / "train_label" / "0.png", label)
    data = LabelledPictures(tmp_path, Augmentation(mode="none", flip=False), classes=5)
    found = {int(value) for index in range(4) for value in data[index].pictures["label"].unique()}
    assert found == {0, 1, 2, 3, 5}


@pytest.mark.parametrize(
    ("label", "image"),
    [("trainA", "trainB"), ("train/label", "train/img"), ("labels/train", "images/train"), ("A", "B")],
)
def test_layouts(tmp_path: Path, label: str, image: str) -> None:
    label_map(tmp_path / label / "1.png", indices(0))
    picture(tmp_path / image / "1.jpg")
    assert LabelledPictures(tmp_path, SMALL)[0].pictures.keys() == {"label", "image"}
    assert recognise_labels(tmp_path) == f"{label}/ (label maps) and {image}/"


def test_previews(tmp_path: Path) -> None:
    batch = LabelledPictures(photos(tmp_path, instances=True), WHOLE).preview(3)
    assert {name: tuple(tensor.shape) for name, tensor in batch.items()} == {
        "label": (3, 1, 8, 8),
        "image": (3, 3, 8, 8),
        "edges": (3, 1, 8, 8),
    }


def test_classes_beyond_the_model(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"4 of 4 label maps hold classes beyond 0..2") as caught:
        LabelledPictures(photos(tmp_path), SMALL, classes=3)
    assert "the largest class is 3" in caught.value.have
    assert "room for 4 classes" in caught.value.hint


def test_more_classes_than_8_bits(tmp_path: Path) -> None:
    photos(tmp_path)
    Image.fromarray(np.full((8, 16), 4000, dtype=np.uint16)).save(tmp_path / "train_label" / "1.png")
    with pytest.raises(InputError, match="beyond") as caught:
        LabelledPictures(tmp_path, SMALL)
    assert "At most 255 classes" in caught.value.hint


def test_a_map_that_turns_bad_is_passed_over(tmp_path: Path) -> None:
    data = LabelledPictures(photos(tmp_path), WHOLE)
    label_map(tmp_path / "train_label" / "2.png", np.full((8, 16), 77, dtype=np.uint8))
    reasons = [reason for index in range(4) for reason in data[index].unreadable.values()]
    assert len(reasons) == 1
    assert "the class 77, beyond 0..3" in reasons[0]


@pytest.mark.parametrize(("suffix", "words"), [("jpg", "it is a JPEG"), ("png", "picture in colour")])
def test_photos_are_no_label_maps(tmp_path: Path, suffix: str, words: str) -> None:
    picture(tmp_path / "trainA" / f"1.{suffix}")
    picture(tmp_path / "trainB" / "1.png")
    with pytest.raises(InputError, match="none of the 1 label maps can be used") as caught:
        LabelledPictures(tmp_path, SMALL)
    assert words in caught.value.have


def test_grey_photos_are_not_recognised(tmp_path: Path) -> None:
    label_map(tmp_path / "A" / "1.png", np.arange(128, dtype=np.uint8).reshape(8, 16))
    picture(tmp_path / "B" / "1.png")
    with pytest.raises(LayoutError, match="128 different values"):
        recognise_labels(tmp_path)


def test_drawings_in_three_channels_are_not_recognised(tmp_path: Path) -> None:
    (tmp_path / "A").mkdir()
    Image.fromarray(np.repeat(indices(0)[..., None], 3, axis=2)).save(tmp_path / "A" / "1.png")
    picture(tmp_path / "B" / "1.png")
    with pytest.raises(LayoutError, match="it has 3 channels, and a label map one or a palette"):
        recognise_labels(tmp_path)


def test_one_empty_map_makes_no_folder_of_maps(tmp_path: Path) -> None:
    """More than the first file is looked at."""
    for number in range(20):
        levels = np.arange(128, dtype=np.uint8) if number else np.zeros(128, dtype=np.uint8)
        label_map(tmp_path / "A" / f"{number:02}.png", levels.reshape(8, 16))
        picture(tmp_path / "B" / f"{number:02}.png")
    with pytest.raises(LayoutError, match="128 different values"):
        recognise_labels(tmp_path)


def test_grey_in_three_channels_is_an_index_to_who_asks_for_labels(tmp_path: Path) -> None:
    (tmp_path / "A").mkdir()
    Image.fromarray(np.repeat(indices(0)[..., None], 3, axis=2)).save(tmp_path / "A" / "1.png")
    picture(tmp_path / "B" / "1.png")
    assert LabelledPictures(tmp_path, WHOLE)[0].pictures["label"].max() <= 3


def test_missing_and_mismatched_folders(tmp_path: Path) -> None:
    photos(tmp_path, instances=True)
    (tmp_path / "train_inst" / "1.png").unlink()
    with pytest.raises(InputError, match="have no partner") as caught:
        LabelledPictures(tmp_path, SMALL)
    assert "Only in train_img/ (1): 1." in caught.value.have
    (tmp_path / "train_label").rename(tmp_path / "somewhere")
    with pytest.raises(LayoutError, match=r"no folder train_label .nor trainA. with the label maps"):
        LabelledPictures(tmp_path, SMALL)


# --- on the device ----------------------------------------------------------------------------------------------------


def test_one_hot() -> None:
    label = torch.tensor([[[[0, 2], [1, 3]]]], dtype=torch.uint8)
    spread = one_hot(label, 3)
    assert spread.shape == (1, 3, 2, 2)
    assert spread[0, :, 0, 1].tolist() == [0, 0, 1]
    assert spread[0, :, 1, 1].tolist() == [0, 0, 0]
    assert one_hot(label, 3, unknown=True)[0, :, 1, 1].tolist() == [0, 0, 0, 1]


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_edges_are_where_a_neighbour_differs(height: int, width: int, seed: int) -> None:
    ids = np.random.default_rng(seed).integers(3, size=(height, width))
    expected = np.zeros_like(ids)
    for y, x in np.ndindex(height, width):
        around = [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
        expected[y, x] = any(0 <= a < height and 0 <= b < width and ids[a, b] != ids[y, x] for a, b in around)
    assert np.array_equal(instance_edges(torch.from_numpy(ids)).numpy(), expected)


def test_semantic_input_has_the_edges_last() -> None:
    batch = {"label": torch.zeros(2, 1, 4, 4, dtype=torch.uint8), "edges": torch.ones(2, 1, 4, 4, dtype=torch.uint8)}
    assert semantic_input(batch, 5).shape == (2, 6, 4, 4)
    assert (semantic_input(batch, 5)[:, 5] == 1).all()
    assert semantic_input({"label": batch["label"]}, 5, unknown=True).shape == (2, 6, 4, 4)


def test_colours_tell_classes_apart() -> None:
    label = torch.arange(13, dtype=torch.uint8).view(1, 1, 1, 13)
    colours = label_colours(label, 12)
    assert colours.shape == (1, 3, 1, 13)
    assert len({tuple(colour) for colour in colours[0, :, 0].T.tolist()}) == 13
    assert colours[0, :, 0, 12].tolist() == [-1, -1, -1]
    assert colours.min() >= -1
    assert colours.max() <= 1
