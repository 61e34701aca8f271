"""Pictures that belong together item by item: pairs, label maps with photos, pictures with their class."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from imtrans.data.augmentation import Size
from imtrans.data.folders import SPLITS
from imtrans.data.items import Item, TrainingData, first_usable
from imtrans.data.preview import fitted_rows
from imtrans.data.stock import Stock, keep_in_memory
from imtrans.errors import InputError


@dataclass(frozen=True)
class Shelf:
    """What belongs together, place by place.

    Attributes:
        stocks: by name, all of one length. The first one's picture settles the size after resizing, and the others
            follow it.
        labels: the class of each place, int (N,), where there are classes.
    """

    stocks: Mapping[str, Stock]
    labels: np.ndarray | None = None

    def __len__(self) -> int:
        return len(next(iter(self.stocks.values())))


class AlignedData(TrainingData):
    """Each round walks through all places in an order of its own; one crop and one mirroring serve all of a place."""

    shelf: Shelf

    @abstractmethod
    def find(self, split: str) -> Shelf:
        """The pictures of ``"train"``, ``"test"`` or ``"val"``.

        Raises:
            InputError: there are none, or they do not belong together.
        """

    def tensors(self, images: Mapping[str, Image.Image], shelf: Shelf, place: int) -> dict[str, Tensor]:
        """The images of ``place``, all cropped and mirrored alike, as what a batch holds of them."""
        return {name: self.tensor(image) for name, image in images.items()}

    def _open(self) -> None:
        self.shelf = self.find("train")
        images, _, _ = first_usable(len(self.shelf), 0, self._load)
        keep_in_memory(self.shelf.stocks, images, self.cache)

    @property
    def counts(self) -> Mapping[str, int]:
        return {name: len(stock) for name, stock in self.shelf.stocks.items()}

    def __getitem__(self, index: int) -> Item:
        count = len(self.shelf)
        images, place, unreadable = first_usable(count, self.in_turn(index, count), self._load)
        size = next(iter(images.values())).size
        placement = self.augmentation.draw(size, self.randomness(index))
        placed = {name: placement.apply(image) for name, image in images.items()}
        return Item(self.tensors(placed, self.shelf, place), unreadable)

    def _load(self, place: int) -> dict[str, Image.Image]:
        images: dict[str, Image.Image] = {}
        size: Size | None = None
        for name, stock in self.shelf.stocks.items():
            images[name] = stock.load(place, self.augmentation, size)
            size = images[name].size
        return images

    def preview(self, count: int) -> dict[str, Tensor]:
        shelf = self._held_out()
        rows = fitted_rows(shelf.stocks, self.augmentation, count)
        items = [self.tensors(images, shelf, place) for images, place in rows]
        return {name: torch.stack([item[name] for item in items]) for name in items[0]}

    def _held_out(self) -> Shelf:
        for split in SPLITS[1:]:
            try:
                return self.find(split)
            except InputError:
                continue
        return self.shelf
