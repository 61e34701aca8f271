"""Batches for the loop, read ahead by worker processes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from imtrans.data.items import Item, Unreadable
from imtrans.errors import ImtransError, InputError, TrainingError
from imtrans.train.signals import ignore_stopping

Batch = tuple[Mapping[str, Tensor], Unreadable]


def batches(
    dataset: Dataset[Item], items: Iterable[int], batch_size: int, workers: int, *, pin: bool, prefetch: int = 2
) -> Iterator[Batch]:
    """The ``items`` of the data set in that order, as batches of tensors by name and what could not be read.

    Args:
        dataset: the pictures.
        items: numbers of the items; ranks take turns at them.
        batch_size: items in a batch.
        workers: processes that read ahead; 0 reads here.
        pin: put batches into memory from which a GPU copies faster.
        prefetch: batches that each worker reads ahead.

    Raises:
        ImtransError: what the data set raised, in whichever process.
    """
    loader: DataLoader[Any] = DataLoader(
        _Careful(dataset),
        batch_size=batch_size,
        sampler=items,
        collate_fn=_collate,
        num_workers=workers,
        prefetch_factor=prefetch if workers else None,
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
    if (mixed := _sizes_that_differ(pictures)) is not None:
        return mixed
    return {name: torch.stack([each[name] for each in pictures]) for name in pictures[0]}, unreadable


def _sizes_that_differ(pictures: Sequence[Mapping[str, Tensor]]) -> InputError | None:
    sizes = sorted({tuple(tensor.shape[1:]) for each in pictures for tensor in each.values() if tensor.ndim == 3})
    if len(sizes) < 2 or all(_shapes(each) == _shapes(pictures[0]) for each in pictures):
        return None
    named = ", ".join(f"{width} x {height}" for height, width in sizes[:4])
    return InputError(
        f"the pictures of a batch of {len(pictures)} differ in size: {named}.",
        have="Where augmentation.mode crops nothing, they keep the proportions of the files.",
        hint="Type --batch-size 1, or --set augmentation.mode=scale_width_and_crop.",
    )


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in tensors.items()}


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
