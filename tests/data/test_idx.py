"""IDX files, whole and damaged."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imtrans.data.idx import find_idx, read_images, read_labels
from imtrans.errors import InputError

from .making import digits, idx

PIXELS = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


@pytest.mark.parametrize("name", ["x-images-idx3-ubyte", "x-images-idx3-ubyte.gz"])
def test_pictures_come_back(tmp_path: Path, name: str) -> None:
    assert np.array_equal(read_images(idx(tmp_path / name, PIXELS)), PIXELS)


def test_what_was_unpacked_and_kept_its_name(tmp_path: Path) -> None:
    whole = idx(tmp_path / "images-idx3-ubyte", PIXELS)
    assert np.array_equal(read_images(whole.rename(tmp_path / "images-idx3-ubyte.gz")), PIXELS)


@pytest.mark.parametrize(
    ("names", "split", "expected"),
    [
        (("train", "t10k"), "train", "train"),
        (("train", "t10k"), "test", "t10k"),
        (("t10k",), "train", "t10k"),
        (("emnist-letters-train", "emnist-letters-test"), "test", "emnist-letters-test"),
        (("train",), "test", None),
        (("one", "two"), "train", None),
    ],
)
def test_which_files_are_taken(tmp_path: Path, names: tuple[str, ...], split: str, expected: str | None) -> None:
    for name in names:
        digits(tmp_path, name=name)
    found = find_idx(tmp_path, split)
    assert (found and found.images.name) == (expected and f"{expected}-images-idx3-ubyte.gz")
    assert found is None or found.labels == tmp_path / f"{expected}-labels-idx1-ubyte"


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("length", [0, 1, 3, 7, 15, 16, 20, 39])
def test_files_that_end_too_early(tmp_path: Path, packed: bool, length: int) -> None:
    whole = idx(tmp_path / "a-images-idx3-ubyte", PIXELS).read_bytes()
    path = tmp_path / "b-images-idx3-ubyte"
    path.write_bytes(gzip.compress(whole[:length]) if packed else whole[:length])
    with pytest.raises(InputError, match=r"no IDX file|too early") as caught:
        read_images(path)
    assert caught.value.hint


@settings(max_examples=40, deadline=None)
@given(cut=st.integers(2, 60), data=st.binary(max_size=40))
def test_damaged_archives_are_errors_in_words(tmp_path_factory: pytest.TempPathFactory, cut: int, data: bytes) -> None:
    root = tmp_path_factory.mktemp("idx")
    path = idx(root / "a-images-idx3-ubyte.gz", PIXELS)
    path.write_bytes(path.read_bytes()[:cut] + data)
    try:
        told = f"{path} is whole: {read_images(path).shape}"
    except InputError as error:
        told = error.what
    assert str(path) in told


def test_files_of_another_kind(tmp_path: Path) -> None:
    floats = idx(tmp_path / "f-images-idx3-ubyte", PIXELS.astype(np.uint8), kind=13)
    with pytest.raises(InputError, match="no IDX file of pictures") as caught:
        read_images(floats)
    assert "0 0 13 3" in caught.value.have
    with pytest.raises(InputError, match="no IDX file of labels"):
        read_labels(idx(tmp_path / "images-idx3-ubyte", PIXELS))


def test_sizes_that_cannot_be(tmp_path: Path) -> None:
    bomb = tmp_path / "images-idx3-ubyte"
    bomb.write_bytes(bytes([0, 0, 8, 3]) + b"\xff" * 12)
    with pytest.raises(InputError, match=r"claims .* GB of pictures"):
        read_images(bomb)
    with pytest.raises(InputError, match="holds no pictures: 0 x 3 x 4"):
        read_images(idx(tmp_path / "images-idx3-ubyte", PIXELS[:0]))
