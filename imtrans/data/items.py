"""What every data set gives: items by number, each a function of (seed, number) and the files alone."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from imtrans.data.augmentation import Augmentation
from imtrans.data.names import shown
from imtrans.data.pixels import to_tensor
from imtrans.errors import InputError

T = TypeVar("T")

Unreadable = dict[str, str]
"""Sentences that say which file could not be used and why, by the file's path."""


@dataclass(frozen=True)
class Item:
    """What a data set gives for one number."""

    pictures: dict[str, Tensor]
    """By name. Pictures are float (C, H, W) in the value range; the data sets say what else they give."""
    unreadable: Unreadable
    """The files that others had to stand in for."""


class TrainingData(Dataset[Item], ABC):
    """An endless, seeded sequence of training items.

    Item i depends on (seed, i) and the files alone. So any process can make any item, ranks share a data set by taking
    turns at its numbers, and training goes on exactly where it stopped by knowing its number. A file that cannot be
    used is replaced by the next one, and named in the item.

    Args:
        root: the folder given as ``--data``.
        augmentation: sizes and mirroring.
        value_range: what black and white become.
        seed: of order and augmentation, not negative.
        channels: ``"RGB"``, ``"BGR"`` or ``"L"``.
        classes: how many classes the model has room for, where the data set has labels; None takes what there is.
        cache: bytes of memory for decoded pictures, see :mod:`imtrans.data.cache`.

    Raises:
        InputError: the folder does not hold such a data set; the message says what it holds instead.
    """

    def __init__(
        self,
        root: Path,
        augmentation: Augmentation,
        value_range: tuple[float, float] = (-1.0, 1.0),
        seed: int = 0,
        channels: str = "RGB",
        *,
        classes: int | None = None,
        cache: int = 0,
    ) -> None:
        self.root = root
        self.augmentation = augmentation
        self.value_range = value_range
        self.seed = seed
        self.channels = channels
        self.classes = classes
        self.cache = cache
        self._open()

    @abstractmethod
    def _open(self) -> None:
        """Find the files and check all that can go wrong before the first step."""

    @property
    @abstractmethod
    def counts(self) -> Mapping[str, int]:
        """How many files (or pictures in one file) there are by name."""

    @property
    def round_length(self) -> int:
        """Items in one round (the authors' epoch): as many as the longest list holds."""
        return max(self.counts.values())

    @abstractmethod
    def __getitem__(self, index: int) -> Item:
        """The item of that number, from 0 without end."""

    @abstractmethod
    def preview(self, count: int) -> dict[str, Tensor]:
        """Up to ``count`` items for sample grids as a batch, the same ones each time.

        They come from held-out pictures (``test``, else ``val``) where there are some. Nothing is drawn at random.

        Raises:
            InputError: none of them can be read.
        """

    def tensor(self, image: Image.Image) -> Tensor:
        """An RGB image as float (C, H, W) in the value range."""
        return to_tensor(image, self.value_range, self.channels)

    def randomness(self, index: int) -> np.random.Generator:
        """The source of all that is random in item ``index``."""
        return np.random.default_rng([self.seed, 0, index])

    def in_turn(self, index: int, count: int) -> int:
        """Which of ``count`` files is item ``index``: every round shows all of them, in an order of its own."""
        return int(_order(self.seed, index // count, count)[index % count])


@functools.lru_cache(maxsize=4)
def _order(seed: int, turn: int, count: int) -> np.ndarray:
    """The order of one round; kept, because drawing it takes as long as the folder is large."""
    return np.random.default_rng([seed, 1, turn]).permutation(count)


class UnusableFileError(Exception):
    """One file of many cannot be used; :func:`first_usable` takes the next one."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason


def first_usable(count: int, place: int, load: Callable[[int], T]) -> tuple[T, int, Unreadable]:
    """What ``load`` makes of ``place``, or of the next place that can be used: one bad file must not end a week.

    Args:
        count: how many places there are.
        place: where to begin.
        load: raises :class:`UnusableFileError` for a place that cannot be used.

    Returns:
        What was loaded, its place, and what was passed over on the way to it.

    Raises:
        InputError: not one place can be used.
    """
    unreadable: Unreadable = {}
    for offset in range(count):
        found = (place + offset) % count
        try:
            return load(found), found, unreadable
        except UnusableFileError as error:
            unreadable[str(error.path)] = error.reason
    first, reason = next(iter(unreadable.items()))
    raise InputError(
        f"none of the {count} pictures in {shown(Path(first).parent)} can be read.",
        have=f"The first: {reason}",
        hint="Training needs at least one whole picture of each domain.",
    )
