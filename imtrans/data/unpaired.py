"""Two folders of pictures that come in no pairs, as an endless sequence of training items."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from imtrans.data.augmentation import Augmentation
from imtrans.data.folders import domain_pictures
from imtrans.data.names import shown
from imtrans.data.picture import read_picture
from imtrans.data.pixels import to_tensor
from imtrans.errors import InputError

DOMAINS = ("A", "B")
Unreadable = dict[str, str]
"""Sentences that say which file could not be read and why, by the file's path."""


@dataclass(frozen=True)
class Item:
    """What the data set gives for one number."""

    pictures: dict[str, Tensor]
    """By domain, float (C, S, S) in the value range."""
    unreadable: Unreadable
    """The files that others had to stand in for."""


class UnpairedFolders(Dataset[Item]):
    """An endless, seeded sequence of one picture of A and one of B.

    Item i depends on (seed, i) and the files alone: A walks through its folder in an order shuffled anew each round, B
    is drawn at random. So any process can make any item, and training goes on exactly where it stopped by knowing its
    number. A file that cannot be read is replaced by the next one in its folder, and named in the item.

    Args:
        root: a folder that holds ``trainA`` and ``trainB`` (or ``A`` and ``B``).
        augmentation: sizes and mirroring.
        value_range: what black and white become.
        seed: of order and augmentation, not negative.
        channels: ``"RGB"``, ``"BGR"`` or ``"L"``.

    Raises:
        InputError: a folder is missing or forbidden, or holds no picture that can be read.
    """

    def __init__(
        self,
        root: Path,
        augmentation: Augmentation,
        value_range: tuple[float, float] = (-1.0, 1.0),
        seed: int = 0,
        channels: str = "RGB",
    ) -> None:
        self.augmentation = augmentation
        self.value_range = value_range
        self.seed = seed
        self.channels = channels
        self.paths = {domain: domain_pictures(root, domain) for domain in DOMAINS}
        for paths in self.paths.values():
            read_any(paths, 0)

    @property
    def round_length(self) -> int:
        """Items in one round (the authors' epoch): as many as the larger folder holds."""
        return max(len(paths) for paths in self.paths.values())

    def __getitem__(self, index: int) -> Item:
        random = np.random.default_rng([self.seed, 0, index])
        chosen = {"A": self._in_turn("A", index), "B": int(random.integers(len(self.paths["B"])))}
        pictures: dict[str, Tensor] = {}
        unreadable: Unreadable = {}
        for domain, place in chosen.items():
            image, skipped = read_any(self.paths[domain], place)
            pictures[domain] = to_tensor(self.augmentation.apply(image, random), self.value_range, self.channels)
            unreadable |= skipped
        return Item(pictures, unreadable)

    def _in_turn(self, domain: str, index: int) -> int:
        count = len(self.paths[domain])
        return int(_order(self.seed, index // count, count)[index % count])


@functools.lru_cache(maxsize=2)
def _order(seed: int, turn: int, count: int) -> np.ndarray:
    """The order of one round; kept, because drawing it takes as long as the folder is large."""
    return np.random.default_rng([seed, 1, turn]).permutation(count)


def read_any(paths: Sequence[Path], place: int) -> tuple[Image.Image, Unreadable]:
    """The picture at ``place``, or the next one that can be read: one bad file must not end a week of training.

    Returns:
        The picture, RGB, and what was passed over on the way to it.

    Raises:
        InputError: not one of the files can be read.
    """
    unreadable: Unreadable = {}
    for offset in range(len(paths)):
        path = paths[(place + offset) % len(paths)]
        try:
            return read_picture(path).image, unreadable
        except InputError as error:
            unreadable[str(path)] = error.what
    raise InputError(
        f"none of the {len(paths)} pictures in {shown(paths[0].parent)} can be read.",
        have=f"The first: {next(iter(unreadable.values()))}",
        hint="Training needs at least one whole picture of each domain.",
    )
