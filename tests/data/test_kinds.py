"""The registry of kinds, and what is said of a folder that is of another one."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

from imtrans.data.augmentation import Augmentation
from imtrans.data.kinds import KINDS, KindName, fitting, open_data
from imtrans.errors import InputError

from .making import SMALL, digits, label_map, picture


def make(root: Path, kind: str) -> Path:
    """A data set that is of that kind, and of no other if it can be."""
    if kind == "classes":
        return digits(root)
    if kind == "single":
        picture(root / "1.png", 0, 12, 8)
    if kind == "unpaired":
        picture(root / "trainA" / "1.png")
        picture(root / "trainB" / "2.png")
    if kind == "paired":
        picture(root / "train" / "1.png", 0, 16, 8)
    if kind == "labels":
        label_map(root / "train_label" / "1.png", np.zeros((8, 16), dtype=np.uint8))
        picture(root / "train_img" / "1.png")
    return root


@pytest.mark.parametrize("kind", get_args(KindName))
def test_each_kind_opens_its_own(tmp_path: Path, kind: KindName) -> None:
    root = make(tmp_path, kind)
    assert isinstance(fitting(root)[kind], str)
    data = open_data(kind, root, SMALL, (0.0, 1.0), 5, "L")
    names = set(data[0].pictures)
    assert names <= {name.strip() for name in KINDS[kind].batch.split(",")}
    assert data.preview(2).keys() == names
    floats = [tensor for tensor in data[3].pictures.values() if tensor.is_floating_point()]
    assert floats
    assert all(tensor.shape == (1, 8, 8) and 0 <= tensor.min() <= tensor.max() <= 1 for tensor in floats)
    again = open_data(kind, root, SMALL, (0.0, 1.0), 5, "L")[3].pictures
    assert all(torch.equal(tensor, again[name]) for name, tensor in data[3].pictures.items())


@pytest.mark.parametrize(
    ("made", "wanted", "words"),
    [
        ("paired", "unpaired", "This looks like pictures in pairs (files that hold A on the left"),
        ("paired", "unpaired", "the model wants pictures of two domains without pairs"),
        ("single", "classes", "This looks like pictures of one kind"),
        ("classes", "unpaired", "pictures with their class (train-images-idx3-ubyte.gz with labels"),
        ("unpaired", "single", "This looks like pictures of two domains without pairs (trainA/ and trainB/)"),
        ("labels", "unpaired", "This looks like photos with label maps"),
    ],
)
def test_a_folder_of_another_kind_is_told(tmp_path: Path, made: str, wanted: KindName, words: str) -> None:
    with pytest.raises(InputError) as caught:
        open_data(wanted, make(tmp_path, made), Augmentation())
    assert words in caught.value.have
    assert caught.value.hint


@pytest.mark.parametrize("kind", get_args(KindName))
@pytest.mark.parametrize("what", ["missing", "file", "empty"])
def test_no_data_set_at_all(tmp_path: Path, kind: KindName, what: str) -> None:
    root = tmp_path / "data"
    if what == "file":
        root.write_text("hello")
    if what == "empty":
        root.mkdir()
    with pytest.raises(InputError) as caught:
        open_data(kind, root, Augmentation())
    assert str(root) in caught.value.what
    assert caught.value.have
    assert caught.value.hint
    assert "This looks like" not in caught.value.have


def test_a_folder_that_may_not_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make(tmp_path, "unpaired")

    def refuse(self: Path) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        open_data("single", root, Augmentation())
