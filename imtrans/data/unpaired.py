"""Two folders of pictures that come in no pairs, as an endless sequence of training items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from imtrans.data.folders import SPLITS, domain_folder, domain_pictures
from imtrans.data.items import Item, TrainingData, Unreadable, first_usable
from imtrans.data.preview import fitted_rows
from imtrans.data.stock import FileStock, keep_in_memory
from imtrans.errors import InputError

DOMAINS = ("A", "B")


class UnpairedFolders(TrainingData):
    """One picture of A and one of B, which have nothing to do with each other.

    A batch holds ``"A"`` and ``"B"``, float (N, C, H, W) in the value range. A walks through its folder in an order
    shuffled anew each round, B is drawn at random; each is cropped and mirrored by itself.

    The folders are ``trainA`` and ``trainB``; ``train/A``, ``A/train`` or ``A`` will do.
    """

    def _open(self) -> None:
        self.stocks = _stocks(self.root, "train")
        keep_in_memory(self.stocks, {domain: self._load(domain, 0)[0] for domain in DOMAINS}, self.cache)

    @property
    def paths(self) -> dict[str, list[Path]]:
        """The files by domain."""
        return {domain: stock.paths for domain, stock in self.stocks.items()}

    @property
    def counts(self) -> Mapping[str, int]:
        return {domain: len(stock) for domain, stock in self.stocks.items()}

    def __getitem__(self, index: int) -> Item:
        random = self.randomness(index)
        count = self.counts
        chosen = {"A": self.in_turn(index, count["A"]), "B": int(random.integers(count["B"]))}
        pictures: dict[str, Tensor] = {}
        unreadable: Unreadable = {}
        for domain, place in chosen.items():
            image, skipped = self._load(domain, place)
            placement = self.augmentation.draw(image.size, random)
            pictures[domain] = self.tensor(placement.apply(image))
            unreadable |= skipped
        return Item(pictures, unreadable)

    def _load(self, domain: str, place: int) -> tuple[Image.Image, Unreadable]:
        stock = self.stocks[domain]
        image, _, skipped = first_usable(len(stock), place, lambda place: stock.load(place, self.augmentation))
        return image, skipped

    def preview(self, count: int) -> dict[str, Tensor]:
        stocks = self._held_out()
        count = min(count, *(len(stock) for stock in stocks.values()))
        batch: dict[str, Tensor] = {}
        for domain, stock in stocks.items():
            rows = fitted_rows({domain: stock}, self.augmentation, count)
            batch[domain] = torch.stack([self.tensor(images[domain]) for images, _ in rows])
        return batch

    def _held_out(self) -> Mapping[str, FileStock]:
        for split in SPLITS[1:]:
            try:
                return _stocks(self.root, split)
            except InputError:
                continue
        return self.stocks


def _stocks(root: Path, split: str) -> dict[str, FileStock]:
    return {domain: FileStock(domain_pictures(root, domain, split)) for domain in DOMAINS}


def recognise_unpaired(root: Path) -> str:
    """How the folder is laid out as unpaired pictures.

    Raises:
        InputError: it is not.
    """
    folders: Sequence[Path] = [domain_folder(root, domain) for domain in DOMAINS]
    for domain in DOMAINS:
        domain_pictures(root, domain)
    return " and ".join(f"{folder.relative_to(root)}/" for folder in folders)
