"""Pairs by name and side by side: what belongs together stays together."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imtrans.data.augmentation import Augmentation, Mode
from imtrans.data.folders import LayoutError
from imtrans.data.paired import PairedPictures, recognise_paired
from imtrans.errors import InputError

from .making import SMALL, WHOLE, noise, picture


def by_name(root: Path, count: int = 5, first: str = "trainA", second: str = "trainB") -> Path:
    """Pairs whose B is the negative of A."""
    for number in range(count):
        pixels = noise(number)
        for folder, values, suffix in ((first, pixels, "png"), (second, 255 - pixels, "bmp")):
            (root / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(values).save(root / folder / f"{number}.{suffix}")
    return root


def side_by_side(root: Path, count: int = 5) -> Path:
    """Files whose right half is the negative of the left one."""
    root.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pixels = noise(number)
        Image.fromarray(np.hstack([pixels, 255 - pixels])).save(root / f"{number}.png")
    return root


def assert_negatives(data: PairedPictures, count: int = 20) -> None:
    for index in range(count):
        pair = data[index].pictures
        torch.testing.assert_close(pair["A"], -pair["B"], atol=2.5 / 255, rtol=0)  # bicubic rounds each by itself


@pytest.mark.parametrize(
    ("first", "second"), [("trainA", "trainB"), ("train/A", "train/B"), ("A/train", "B/train"), ("A", "B")]
)
def test_pairs_by_name(tmp_path: Path, first: str, second: str) -> None:
    data = PairedPictures(by_name(tmp_path, 5, first, second), SMALL)
    assert data.counts == {"A": 5, "B": 5}
    assert data.round_length == 5
    assert data[0].pictures["A"].shape == (3, 8, 8)
    assert_negatives(data)
    assert recognise_paired(tmp_path) == f"{first}/ and {second}/ with equal names"


@pytest.mark.parametrize("folder", ["train", "."])
def test_side_by_side(tmp_path: Path, folder: str) -> None:
    side_by_side(tmp_path / folder)
    data = PairedPictures(tmp_path, SMALL)
    assert data.counts == {"A": 5, "B": 5}
    assert_negatives(data)


def test_the_left_half_is_a(tmp_path: Path) -> None:
    side_by_side(tmp_path, 1)
    data = PairedPictures(tmp_path, Augmentation(mode="none", flip=False), (0.0, 255.0))
    assert np.array_equal(data[0].pictures["A"].permute(1, 2, 0).numpy(), noise(0))


def test_every_round_shows_all(tmp_path: Path) -> None:
    data = PairedPictures(by_name(tmp_path), WHOLE)
    rounds = [tuple(float(data[5 * turn + n].pictures["A"].sum()) for n in range(5)) for turn in range(4)]
    assert all(len(set(turn)) == 5 and set(turn) == set(rounds[0]) for turn in rounds)
    assert len(set(rounds)) > 1


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**63 - 1),
    index=st.integers(0, 10**9),
    mode=st.sampled_from(["resize_and_crop", "crop", "scale_width", "scale_width_and_crop", "none"]),
    width=st.integers(4, 40),
    height=st.integers(4, 40),
    flip=st.booleans(),
)
def test_a_pair_shares_crop_and_mirroring(
    tmp_path_factory: pytest.TempPathFactory, seed: int, index: int, mode: Mode, width: int, height: int, flip: bool
) -> None:
    """Whatever is drawn: B holds the very pixels of A, because its file does."""
    root = tmp_path_factory.mktemp("pair")
    for folder in ("trainA", "trainB"):
        picture(root / folder / "1.png", 7, width, height)
    data = PairedPictures(root, Augmentation(load_size=14, crop_size=9, flip=flip, mode=mode), seed=seed)
    pair = data[index].pictures
    assert torch.equal(pair["A"], pair["B"])
    assert torch.equal(pair["A"], data[index].pictures["A"])
    shutil.rmtree(root)


def test_partners_of_another_size_follow_a(tmp_path: Path) -> None:
    picture(tmp_path / "A" / "1.png", 0, 20, 12)
    picture(tmp_path / "B" / "1.png", 0, 40, 31)
    pair = PairedPictures(tmp_path, Augmentation(mode="none"))[0].pictures
    assert pair["A"].shape == pair["B"].shape == (3, 12, 20)


def test_previews_are_held_out_pairs(tmp_path: Path) -> None:
    by_name(tmp_path)
    by_name(tmp_path, 2, "testA", "testB")
    batch = PairedPictures(tmp_path, SMALL).preview(4)
    assert batch["A"].shape == (2, 3, 8, 8)
    torch.testing.assert_close(batch["A"], -batch["B"], atol=2.5 / 255, rtol=0)


def test_previews_of_many_sizes_are_cut_to_the_smallest(tmp_path: Path) -> None:
    for number, (width, height) in enumerate([(20, 12), (12, 24), (16, 16)]):
        for folder in "AB":
            picture(tmp_path / folder / f"{number}.png", number, width, height)
    assert PairedPictures(tmp_path, Augmentation(mode="none")).preview(3)["B"].shape == (3, 3, 12, 12)


@pytest.mark.parametrize("kind", ["names", "halves"])
def test_a_bad_file_takes_its_pair_away(tmp_path: Path, kind: str) -> None:
    root = by_name(tmp_path) if kind == "names" else side_by_side(tmp_path)
    bad = root / "trainB" / "3.bmp" if kind == "names" else root / "3.png"
    bad.write_bytes(bad.read_bytes()[:60])
    data = PairedPictures(root, WHOLE)
    items = [data[index] for index in range(5)]
    assert {Path(path).name for item in items for path in item.unreadable} == {bad.name}
    assert len({float(item.pictures["A"].sum()) for item in items}) == 4
    assert_negatives(data)


# --- what will not do -------------------------------------------------------------------------------------------------


def test_names_without_a_partner(tmp_path: Path) -> None:
    by_name(tmp_path, 9)
    (tmp_path / "trainB" / "2.bmp").rename(tmp_path / "trainB" / "two.bmp")
    (tmp_path / "trainA" / "4.png").unlink()
    with pytest.raises(InputError, match="3 pictures have no partner; 7 have one") as caught:
        PairedPictures(tmp_path, SMALL)
    assert caught.value.have == "Only in trainA/ (1): 2. Only in trainB/ (2): 4, two."
    assert "imtrans data check" in caught.value.hint


def test_only_the_first_names_are_listed(tmp_path: Path) -> None:
    by_name(tmp_path, 20)
    for number in range(20):
        (tmp_path / "trainB" / f"{number}.bmp").rename(tmp_path / "trainB" / f"x{number}.bmp")
    with pytest.raises(InputError, match="40 pictures have no partner; 0 have one") as caught:
        PairedPictures(tmp_path, SMALL)
    assert "Only in trainA/ (20): 0, 1, 2, 3, 4 …" in caught.value.have


def test_two_files_of_one_name(tmp_path: Path) -> None:
    by_name(tmp_path)
    picture(tmp_path / "trainA" / "3.jpg")
    with pytest.raises(InputError, match=r"trainA holds two files of one name: 3\."):
        PairedPictures(tmp_path, SMALL)


def test_odd_widths(tmp_path: Path) -> None:
    side_by_side(tmp_path)
    picture(tmp_path / "odd.png", 0, 15, 8)
    with pytest.raises(InputError, match="1 of 6 files have an odd width") as caught:
        PairedPictures(tmp_path, SMALL)
    assert "odd.png (15 x 8)" in caught.value.have


def test_single_pictures_are_no_pairs(tmp_path: Path) -> None:
    picture(tmp_path / "1.png", 0, 8, 8)
    with pytest.raises(LayoutError, match="single pictures, not pairs"):
        PairedPictures(tmp_path, SMALL)


def test_photos_are_not_recognised_as_pairs(tmp_path: Path) -> None:
    picture(tmp_path / "1.png", 0, 12, 8)
    with pytest.raises(LayoutError, match="not twice as wide"):
        recognise_paired(tmp_path)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (("testA/1.png", "testB/1.png"), "Found testA but no trainA"),
        (("trainB/1.png",), "It holds trainB/"),
        (("test/1.png",), "Found test/ but no train/"),
    ],
)
def test_layouts_that_miss_something(tmp_path: Path, files: tuple[str, ...], words: str) -> None:
    for name in files:
        picture(tmp_path / name)
    with pytest.raises(LayoutError) as caught:
        PairedPictures(tmp_path, SMALL)
    assert words in caught.value.have
    assert "trainA/ and trainB/" in caught.value.hint


def test_empty_folders(tmp_path: Path) -> None:
    for folder in ("trainA", "trainB"):
        (tmp_path / folder).mkdir()
    with pytest.raises(InputError, match="trainA holds no pictures"):
        PairedPictures(tmp_path, SMALL)


def test_cityscapes_names(tmp_path: Path) -> None:
    picture(tmp_path / "A" / "aachen" / "aachen_0_19_gtFine_labelIds.png")
    picture(tmp_path / "B" / "aachen" / "aachen_0_19_leftImg8bit.png")
    assert PairedPictures(tmp_path, SMALL).counts == {"A": 1, "B": 1}
