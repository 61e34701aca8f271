"""Decoded pictures in memory: the same pixels, within the limit, shared with workers."""

from __future__ import annotations

import mmap
import multiprocessing
import pickle
from pathlib import Path

import pytest
import torch
from PIL import Image

from imtrans.data import stock
from imtrans.data.augmentation import Augmentation
from imtrans.data.cache import Slots, parse_bytes, share_memory
from imtrans.data.kinds import KindName, open_data
from imtrans.data.paired import PairedPictures
from imtrans.errors import ConfigError
from imtrans.train.feed import batches

from .making import SMALL, noise, picture


def image(seed: int, width: int = 6, height: int = 4) -> Image.Image:
    return Image.fromarray(noise(seed, width, height))


def pairs(root: Path, count: int = 6) -> Path:
    for number in range(count):
        for place, folder in enumerate(("trainA", "trainB")):
            picture(root / folder / f"{number}.png", 10 * number + place, 20, 14)
    return root


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", 0), ("2GB", 2_000_000_000), ("500 MB", 500_000_000), ("1.5g", 1_500_000_000), ("2GiB", 2 << 30), ("7", 7)],
)
def test_sizes_in_words(text: str, expected: int) -> None:
    assert parse_bytes(text) == expected


@pytest.mark.parametrize("text", ["", "much", "-1GB", "2TB", "1e9", "GB"])
def test_sizes_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="written like 2GB"):
        parse_bytes(text)


def test_what_is_kept_comes_back() -> None:
    slots = share_memory(10_000, {"A": (3, image(0)), "B": (2, image(0).convert("L"))})
    assert slots["A"].get(1, "RGB") is None
    slots["A"].put(1, image(1))
    slots["B"].put(1, image(2).convert("L"))
    found = slots["A"].get(1, "RGB")
    assert found is not None
    assert (found.size, found.tobytes()) == ((6, 4), image(1).tobytes())
    assert slots["A"].get(0, "RGB") is slots["A"].get(2, "RGB") is slots["A"].get(99, "RGB") is None
    kept = slots["B"].get(1, "L")
    assert kept is not None
    assert kept.tobytes() == image(2).convert("L").tobytes()


def test_the_limit_is_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    make = mmap.mmap
    monkeypatch.setattr(mmap, "mmap", lambda fd, size: (asked.append(size), make(fd, size))[1])
    slots = share_memory(4000, {"A": (100, image(0)), "B": (50, image(0))})
    assert 3800 < asked[0] <= 4000
    kept = dict.fromkeys(slots, 0)
    for name, each in slots.items():
        for place in range(100):
            each.put(place, image(place))
            kept[name] += each.get(place, "RGB") is not None
    assert 30 < kept["A"] < 34
    assert 14 < kept["B"] < 18


def test_other_sizes_are_kept_where_they_fit() -> None:
    slots = share_memory(10_000, {"A": (2, image(0, 6, 4))})["A"]
    slots.put(0, image(1, 4, 5))
    slots.put(1, image(2, 60, 40))
    found = slots.get(0, "RGB")
    assert found is not None
    assert found.size == (4, 5)
    assert slots.get(1, "RGB") is None


def test_a_slot_that_was_not_written_to_its_end_does_not_count() -> None:
    arena = mmap.mmap(-1, 1000)
    slots = Slots(arena, 0, 2, 72)
    slots.put(0, image(1))
    arena[20] ^= 1
    assert slots.get(0, "RGB") is None


def test_memory_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match="no memory of") as caught:
        share_memory(1 << 62, {"A": (1 << 40, image(0, 1000, 1000))})
    assert "train.cache" in caught.value.hint


def test_a_process_that_is_no_fork_decodes_by_itself() -> None:
    slots = pickle.loads(pickle.dumps(share_memory(10_000, {"A": (2, image(0))})["A"]))
    slots.put(0, image(0))
    assert slots.get(0, "RGB") is None


def test_items_are_the_same_with_and_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = pairs(tmp_path)
    plain = PairedPictures(root, SMALL, seed=3)
    expected = [plain[index].pictures for index in range(18)]
    read: list[Path] = []
    decode = stock.read_picture
    monkeypatch.setattr(stock, "read_picture", lambda path, **options: (read.append(path), decode(path, **options))[1])
    cached = PairedPictures(root, SMALL, seed=3, cache=1_000_000)
    for index, pair in enumerate(expected):
        found = cached[index].pictures
        assert torch.equal(found["A"], pair["A"])
        assert torch.equal(found["B"], pair["B"])
    assert len(read) == 2 + 12  # one pair to measure, and then each file once


@pytest.mark.parametrize("workers", [0, 2])
def test_workers_share_it(tmp_path: Path, workers: int) -> None:
    data = PairedPictures(pairs(tmp_path), SMALL, cache=1_000_000)
    first = list(batches(data, range(18), 2, workers, pin=False))
    for path in tmp_path.rglob("*.png"):
        path.unlink()  # from now on everything comes from memory, whoever put it there
    again = list(batches(data, range(18), 2, workers, pin=False))
    assert all(torch.equal(one["A"], other["A"]) for (one, _), (other, _) in zip(first, again, strict=True))
    assert not any(unreadable for _, unreadable in again)


@pytest.mark.skipif(multiprocessing.get_start_method() != "fork", reason="memory is shared with forks")
@pytest.mark.parametrize("kind", ["unpaired", "paired"])
@pytest.mark.parametrize("mode", ["resize_and_crop", "scale_width"])
def test_every_number_of_workers_gives_the_same_items(tmp_path: Path, kind: KindName, mode: str) -> None:
    root = pairs(tmp_path)
    augmentation = Augmentation(12, 8, mode=mode)  # type: ignore[arg-type]
    runs = []
    for workers, cache in ((0, 0), (1, 0), (2, 0), (2, 5000), (0, 1_000_000)):
        data = open_data(kind, root, augmentation, seed=11, cache=cache)
        found = [batch for batch, _ in batches(data, range(5, 17), 2, workers, pin=False, prefetch=3)]
        runs.append(torch.cat([torch.cat([batch["A"], batch["B"]]) for batch in found]))
    assert all(torch.equal(runs[0], other) for other in runs[1:])
