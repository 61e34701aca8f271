"""Batches for the loop, read ahead by worker processes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from imtrans.data.unpaired import Item, Unreadable
from imtrans.errors import ImtransError, TrainingError
from imtrans.train.signals import ignore_stopping

Batch = tuple[Mapping[str, Tensor], Unreadable]


def batches(
    dataset: Dataset[Item], items: Iterable[int], batch_size: int, workers: int, *, pin: bool
) -> Iterator[Batch]:
    """The ``items`` of the data set in that order, as batches of pictures by domain and what could not be read.

    Args:
        dataset: the pictures.
        items: numbers of the items.
        batch_size: items in a batch.
        workers: processes that read ahead; 0 reads here.
        pin: put batches into memory from which a GPU copies faster.

    Raises:
        ImtransError: what the data set raised, in whichever process.
    """
    loader: DataLoader[Any] = DataLoader(
        _Careful(dataset),
        batch_size=batch_size,
        sampler=items,
        collate_fn=_collate,
        num_workers=workers,
        worker_init_fn=_start_worker,
        pin_memory=pin,
        # Else a loader draws its seed from the global generator, and dropout would differ after a resume.
        generator=torch.Generator(),
    )
    for batch in loader:
        if isinstance(batch, ImtransError):
            raise batch
        yield batch


class _Careful(Dataset[Any]):
    """Gives an error as an item: raised in a worker, it would come home as the text of a traceback."""

    def __init__(self, dataset: Dataset[Item]) -> None:
        self._dataset = dataset

    def __getitem__(self, index: int) -> Item | ImtransError:
        try:
            return self._dataset[index]
        except ImtransError as error:
            return error


def _collate(items: Sequence[Item | ImtransError]) -> Batch | ImtransError:
    pictures: list[Mapping[str, Tensor]] = []
    unreadable: Unreadable = {}
    for item in items:
        if isinstance(item, ImtransError):
            return item
        pictures.append(item.pictures)
        unreadable |= item.unreadable
    return {domain: torch.stack([each[domain] for each in pictures]) for domain in pictures[0]}, unreadable


def _start_worker(number: int) -> None:
    ignore_stopping()


@contextlib.contextmanager
def failures_in_words() -> Iterator[None]:
    """Say what a user can do where memory runs out, here or in a worker that the system killed for it.

    Raises:
        TrainingError: a worker died, or memory ran out.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        reason = (str(error).splitlines() or ["out of memory"])[0].rstrip(".")
        if "DataLoader worker" in reason:
            raise TrainingError(
                f"a process that reads pictures has died: {reason}.",
                have="Most often the machine, or its shared memory (/dev/shm), is full.",
                hint="Go on in one process: --resume --set train.workers=0.",
            ) from error
        if isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in reason:
            raise TrainingError(
                f"training does not fit into memory: {reason}.",
                have="What it takes grows with the batch, the crop and the width of the networks.",
                hint="Type a smaller --batch-size or --crop-size, or --precision bf16.",
            ) from error
        raise
