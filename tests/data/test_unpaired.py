"""An endless, seeded sequence out of two folders, whatever lies in them."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imtrans.data.augmentation import Augmentation
from imtrans.data.items import first_usable
from imtrans.data.unpaired import UnpairedFolders
from imtrans.errors import InputError

WHOLE = Augmentation(load_size=4, crop_size=4, flip=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Seven pictures of A and three of B, each of one grey that tells its number: 10 n and 200 + n."""
    for domain, count, first, step in (("trainA", 7, 0, 10), ("trainB", 3, 200, 1)):
        (tmp_path / domain).mkdir()
        for number in range(count):
            Image.new("L", (6, 5), first + step * number).save(tmp_path / domain / f"{number}.png")
    return tmp_path


def levels(data: UnpairedFolders, items: range, domain: str) -> list[int]:
    return [round(float(data[index].pictures[domain].mean())) for index in items]


def grey(root: Path, seed: int = 0) -> UnpairedFolders:
    return UnpairedFolders(root, WHOLE, (0.0, 255.0), seed)


def test_shapes_and_range(root: Path) -> None:
    item = UnpairedFolders(root, Augmentation(load_size=9, crop_size=8))[0]
    assert item.pictures.keys() == {"A", "B"}
    assert all(picture.shape == (3, 8, 8) and picture.dtype == torch.float32 for picture in item.pictures.values())
    assert all(-1 <= picture.min() <= picture.max() <= 1 for picture in item.pictures.values())
    assert item.unreadable == {}


def test_every_round_shows_all_of_a_in_an_order_of_its_own(root: Path) -> None:
    data = grey(root)
    assert data.round_length == 7
    rounds = [levels(data, range(7 * turn, 7 * turn + 7), "A") for turn in range(4)]
    assert all(sorted(turn) == [0, 10, 20, 30, 40, 50, 60] for turn in rounds)
    assert len({tuple(turn) for turn in rounds}) == 4


def test_b_is_drawn_at_random(root: Path) -> None:
    count = Counter(levels(grey(root), range(300), "B"))
    assert count.keys() == {200, 201, 202}
    assert all(60 < number < 140 for number in count.values())  # 100 each on average, standard deviation 8


def test_the_pairs_are_not_always_the_same(root: Path) -> None:
    data = grey(root)
    partners = {
        round(float(i.pictures["B"].mean())) for i in map(data.__getitem__, range(60)) if i.pictures["A"].mean() == 0
    }
    assert len(partners) > 1


def test_an_item_depends_on_seed_and_number_alone(root: Path) -> None:
    augmentation = Augmentation(load_size=12, crop_size=8)
    one, other = UnpairedFolders(root, augmentation, seed=5), UnpairedFolders(root, augmentation, seed=5)
    forwards = [one[index].pictures for index in range(9)]
    backwards = [other[index].pictures for index in reversed(range(9))][::-1]
    for left, right in zip(forwards, backwards, strict=True):
        assert torch.equal(left["A"], right["A"])
        assert torch.equal(left["B"], right["B"])
    assert levels(grey(root, 1), range(14), "A") != levels(grey(root, 2), range(14), "A")


def test_the_longer_folder_makes_the_round(root: Path) -> None:
    for number in range(3, 11):
        Image.new("RGB", (3, 3)).save(root / "trainB" / f"{number}.png")
    assert grey(root).round_length == 11


def test_plain_a_and_b_will_do(root: Path) -> None:
    (root / "trainA").rename(root / "A")
    (root / "trainB").rename(root / "B")
    assert len(grey(root).paths["A"]) == 7


@pytest.mark.parametrize(
    ("channels", "expected"), [("RGB", (10.0, 20.0, 30.0)), ("BGR", (30.0, 20.0, 10.0)), ("L", (18.0,))]
)
def test_channels(root: Path, channels: str, expected: tuple[float, ...]) -> None:
    for path in (root / "trainA").iterdir():
        Image.new("RGB", (4, 4), (10, 20, 30)).save(path)
    data = UnpairedFolders(root, WHOLE, (0.0, 255.0), channels=channels)
    assert tuple(data[0].pictures["A"][:, 0, 0].tolist()) == expected


def test_any_kind_of_picture_becomes_rgb(root: Path) -> None:
    for path in (root / "trainA").iterdir():
        path.unlink()
    folder = root / "trainA"
    Image.new("L", (9, 5), 128).save(folder / "grey.png")
    Image.new("LA", (9, 5), (128, 0)).save(folder / "grey-alpha.png")
    Image.new("RGBA", (9, 5), (128, 128, 128, 10)).save(folder / "alpha.png")
    Image.fromarray(np.full((5, 9), 128 * 257, dtype=np.uint16)).save(folder / "deep.png")
    Image.new("P", (9, 5), 3).save(folder / "palette.gif")
    Image.new("CMYK", (9, 5), (0, 0, 0, 127)).save(folder / "print.jpg")
    Image.new("1", (9, 5), 1).save(folder / "bit.bmp")
    data = grey(root)
    items = [data[index] for index in range(7)]
    assert all(item.pictures["A"].shape == (3, 4, 4) for item in items)
    assert all(item.unreadable == {} for item in items)
    assert sum(abs(float(item.pictures["A"].mean()) - 128) < 2 for item in items) >= 4


def test_bad_files_are_named_and_others_stand_in(root: Path) -> None:
    (root / "trainA" / "0.png").write_bytes(b"")
    (root / "trainA" / "3.png").write_text("not a picture")
    whole = (root / "trainB" / "1.png").read_bytes()
    (root / "trainB" / "1.png").write_bytes(whole[: len(whole) // 2])
    data, unreadable = grey(root), {}
    for index in range(30):
        unreadable |= data[index].unreadable
    assert sorted(Path(path).name for path in unreadable) == ["0.png", "1.png", "3.png"]
    assert all(path in reason for path, reason in unreadable.items())
    assert sorted(levels(data, range(7), "A")) == [10, 10, 20, 40, 40, 50, 60]


@pytest.mark.parametrize("domain", ["trainA", "trainB"])
def test_only_bad_files(root: Path, domain: str) -> None:
    for path in (root / domain).iterdir():
        path.write_text("not a picture")
    with pytest.raises(InputError, match=rf"none of the [73] pictures in .*{domain} can be read") as caught:
        grey(root)
    assert "0.png" in caught.value.have
    assert caught.value.hint


def test_files_that_come_and_go(root: Path) -> None:
    data = grey(root)
    for path in (root / "trainA").iterdir():
        path.unlink()
    with pytest.raises(InputError, match="none of the 7 pictures"):
        data[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(root: Path) -> None:
    (root / "trainA" / "0.png").chmod(0)
    data = grey(root)
    assert [Path(path).name for item in map(data.__getitem__, range(7)) for path in item.unreadable] == ["0.png"]


def test_reading_goes_round(root: Path) -> None:
    data = grey(root)
    stock = data.stocks["A"]
    stock.paths[6].write_bytes(b"")
    image, place, unreadable = first_usable(len(stock), 6, lambda place: stock.load(place, WHOLE))
    assert (image.getpixel((0, 0)), place) == ((0, 0, 0), 0)
    assert list(unreadable) == [str(stock.paths[6])]


def test_previews_are_training_pictures_where_there_are_no_others(root: Path) -> None:
    batch = UnpairedFolders(root, Augmentation(load_size=10, crop_size=8)).preview(4)
    assert {name: tuple(pictures.shape) for name, pictures in batch.items()} == {"A": (3, 3, 8, 8), "B": (3, 3, 8, 8)}
    assert -1 <= batch["A"].min() < batch["A"].max() <= 1


@pytest.mark.parametrize("split", ["test", "val"])
def test_previews_are_held_out_where_some_are(root: Path, split: str) -> None:
    for domain, colour in (("A", "black"), ("B", "white")):
        (root / f"{split}{domain}").mkdir()
        Image.new("RGB", (5, 9), colour).save(root / f"{split}{domain}" / "0.png")
    batch = UnpairedFolders(root, WHOLE).preview(4)
    assert torch.equal(batch["A"], -torch.ones(1, 3, 4, 4))
    assert torch.equal(batch["B"], torch.ones(1, 3, 4, 4))


def test_one_held_out_folder_alone_does_not_count(root: Path) -> None:
    (root / "testA").mkdir()
    Image.new("RGB", (5, 9)).save(root / "testA" / "0.png")
    assert len(grey(root).preview(4)["A"]) == 3


def test_grey_networks_get_grey_previews(root: Path) -> None:
    assert UnpairedFolders(root, WHOLE, channels="L").preview(2)["A"].shape == (2, 1, 4, 4)
