"""Stocks: pictures of one kind by their place, decoded and brought to the load size."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from imtrans.data.augmentation import Augmentation, Size
from imtrans.data.cache import Slots, share_memory
from imtrans.data.items import UnusableFileError
from imtrans.data.names import shown
from imtrans.data.picture import MAX_PIXELS, read_picture
from imtrans.errors import InputError

Reader = Callable[[Path, Size | None], Image.Image]
"""Decodes a file, where the second argument is the least size that will do; raises InputError."""


class Stock(ABC):
    """Pictures by place, from 0 to ``len(stock) - 1``."""

    labels = False
    """Whether pixels are indices, which must never be mixed."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def read(self, place: int, least: Size | None = None) -> Image.Image:
        """The picture of ``place`` as it is stored, or at ``least`` at the size ``least``.

        Raises:
            UnusableFileError: it cannot be read.
        """

    @abstractmethod
    def path(self, place: int) -> Path:
        """The file that holds it."""

    def load(self, place: int, augmentation: Augmentation, size: Size | None = None) -> Image.Image:
        """The picture of ``place`` at load size; ``size`` is that of its partner, if it has one.

        Raises:
            UnusableFileError: it cannot be read.
        """
        return self._resized(place, augmentation, augmentation.loaded, size, augmentation.draft_size)

    def fit(self, place: int, augmentation: Augmentation, size: Size | None = None) -> Image.Image:
        """The same at the size for samples."""
        return self._resized(place, augmentation, augmentation.fitted, size, None)

    def _resized(
        self,
        place: int,
        augmentation: Augmentation,
        target: Callable[[Size], Size],
        size: Size | None,
        least: Size | None,
    ) -> Image.Image:
        image = self.read(place, least)
        width, height = size = size or target(image.size)
        if width * height > MAX_PIXELS:
            reason = f"it is {image.width} x {image.height} pixels, and {width} x {height} after resizing"
            path = self.path(place)
            raise UnusableFileError(path, f"{shown(path)}: {reason}, more than the limit.")
        return augmentation.resize(image, size, labels=self.labels)


class FileStock(Stock):
    """Files, one a picture, kept in memory as far as a cache reaches.

    Args:
        paths: the files.
        reader: decodes one; pictures in colour unless given.
        mode: Pillow's mode of what it gives.
        labels: whether pixels are indices.
    """

    def __init__(
        self, paths: Sequence[Path], reader: Reader | None = None, mode: str = "RGB", *, labels: bool = False
    ) -> None:
        self.paths = list(paths)
        self.labels = labels
        self._reader = reader or read_colour
        self._mode = mode
        self._slots: Slots | None = None

    def __len__(self) -> int:
        return len(self.paths)

    def path(self, place: int) -> Path:
        return self.paths[place]

    def read(self, place: int, least: Size | None = None) -> Image.Image:
        try:
            return self._reader(self.paths[place], least)
        except InputError as error:
            raise UnusableFileError(self.paths[place], error.what) from error

    def load(self, place: int, augmentation: Augmentation, size: Size | None = None) -> Image.Image:
        kept = self._slots.get(place, self._mode) if self._slots is not None else None
        if kept is not None:
            return kept
        image = super().load(place, augmentation, size)
        if self._slots is not None:
            self._slots.put(place, image)
        return image

    def keep(self, slots: Slots) -> None:
        """Remember what is loaded from now on."""
        self._slots = slots


class ArrayStock(Stock):
    """Grey pictures that lie in memory as they are, (N, H, W) of 8 bits.

    Args:
        pixels: the pictures.
        path: the file that they came from.
    """

    def __init__(self, pixels: np.ndarray, path: Path) -> None:
        self._pixels, self._path = pixels, path

    def __len__(self) -> int:
        return len(self._pixels)

    def path(self, place: int) -> Path:
        return self._path

    def read(self, place: int, least: Size | None = None) -> Image.Image:
        return Image.fromarray(self._pixels[place]).convert("RGB")


def read_colour(path: Path, least: Size | None = None) -> Image.Image:
    """A picture in RGB, decoded at a fraction of its size where ``least`` allows and its format can."""
    return read_picture(path, least=least).image


def keep_in_memory(stocks: Mapping[str, Stock], images: Mapping[str, Image.Image], limit: int) -> None:
    """Give the stocks of files memory for what they load, ``limit`` bytes together.

    Args:
        stocks: by name.
        images: one at load size from each.
        limit: bytes; 0 for none.

    Raises:
        ConfigError: the system does not give that much.
    """
    files = {name: stock for name, stock in stocks.items() if isinstance(stock, FileStock)}
    if not limit or not files:
        return
    slots = share_memory(limit, {name: (len(stock), images[name]) for name, stock in files.items()})
    for name, stock in files.items():
        stock.keep(slots[name])
