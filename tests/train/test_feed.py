"""Batches, from this process and from others."""

from __future__ import annotations

import os
import random
import signal

import pytest
import torch
from torch.utils.data import Dataset

from imtrans.data.items import Item
from imtrans.errors import InputError, TrainingError
from imtrans.train.feed import batches, failures_in_words


class Numbers(Dataset[Item]):
    """Item n is a picture of n; some items are special."""

    def __init__(self, bad: int = -1, deadly: int = -1, noisy: int = -1) -> None:
        self.bad, self.deadly, self.noisy = bad, deadly, noisy

    def __getitem__(self, index: int) -> Item:
        if index == self.bad:
            raise InputError("the folder is gone.", have="It was there.", hint="Bring it back.")
        if index == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        if index == self.noisy:  # what a terminal's Ctrl-C and a batch system's stop do to a whole group
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
        number = torch.full((3, 2, 2), float(index))
        return Item({"A": number, "B": -number}, {f"{index}.png": "bad"} if index % 4 == 0 else {})


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_items_come_in_order(workers: int) -> None:
    found = list(batches(Numbers(), range(3, 9), 2, workers, pin=False))
    assert [pictures["A"][:, 0, 0, 0].tolist() for pictures, _ in found] == [[3, 4], [5, 6], [7, 8]]
    assert [pictures["B"][0, 0, 0, 0].item() for pictures, _ in found] == [-3, -5, -7]
    assert [list(unreadable) for _, unreadable in found] == [["4.png"], [], ["8.png"]]


@pytest.mark.parametrize("workers", [0, 1])
def test_errors_come_home_whole(workers: int) -> None:
    with pytest.raises(InputError) as caught:
        list(batches(Numbers(bad=2), range(4), 1, workers, pin=False))
    assert str(caught.value) == "the folder is gone.\nIt was there.\nBring it back."


@pytest.mark.parametrize("workers", [0, 1])
def test_the_global_random_numbers_are_left_alone(workers: int) -> None:
    torch.manual_seed(0)
    random.seed(0)
    before = torch.get_rng_state(), random.getstate()
    list(batches(Numbers(), range(2), 1, workers, pin=False))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]


def test_workers_do_not_hear_ctrl_c() -> None:
    assert len(list(batches(Numbers(noisy=1), range(3), 1, 1, pin=False))) == 3


def test_a_worker_that_is_killed_is_an_error_in_words() -> None:
    with pytest.raises(TrainingError, match="a process that reads pictures has died") as caught, failures_in_words():
        list(batches(Numbers(deadly=1), range(3), 1, 1, pin=False))
    assert caught.value.have
    assert "train.workers=0" in caught.value.hint


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="a bug"), failures_in_words():
        raise RuntimeError("a bug")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
)
def test_memory(error: Exception) -> None:
    with pytest.raises(TrainingError, match="does not fit into memory") as caught, failures_in_words():
        raise error
    assert caught.value.have
    assert "--batch-size" in caught.value.hint


class Rectangles(Dataset[Item]):
    """Item n is n + 2 pixels wide."""

    def __getitem__(self, index: int) -> Item:
        return Item({"image": torch.zeros(3, 2, index + 2), "labels": torch.tensor(index)}, {})


@pytest.mark.parametrize("workers", [0, 1])
def test_a_batch_of_many_sizes_is_an_error_in_words(workers: int) -> None:
    assert len(list(batches(Rectangles(), range(3), 1, workers, pin=False))) == 3
    with pytest.raises(InputError, match="of a batch of 2 differ in size: 2 x 2, 3 x 2") as caught:
        list(batches(Rectangles(), range(3), 2, workers, pin=False))
    assert "--batch-size 1" in caught.value.hint


def test_pictures_of_two_domains_may_differ_in_size() -> None:
    class Two(Dataset[Item]):
        def __getitem__(self, index: int) -> Item:
            return Item({"A": torch.zeros(3, 2, 2), "B": torch.zeros(3, 4, 4)}, {})

    assert next(batches(Two(), range(2), 2, 0, pin=False))[0]["B"].shape == (2, 3, 4, 4)


def test_ranks_may_take_turns_at_the_numbers() -> None:
    halves = [list(batches(Numbers(), range(rank, 8, 2), 2, 0, pin=False)) for rank in (0, 1)]
    seen = [[int(n) for batch, _ in half for n in batch["A"][:, 0, 0, 0]] for half in halves]
    assert seen == [[0, 2, 4, 6], [1, 3, 5, 7]]


def test_workers_read_ahead_as_far_as_they_are_told() -> None:
    feed = batches(Numbers(), range(100), 1, 1, pin=False, prefetch=7)
    assert float(next(feed)[0]["A"].mean()) == 0
    assert len(list(feed)) == 99
