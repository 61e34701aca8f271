"""The pictures of sample grids: whole or from their middle, the same ones each time."""

from __future__ import annotations

from collections.abc import Mapping

from PIL import Image

from imtrans.data.augmentation import Augmentation, Placement, Size
from imtrans.data.items import first_usable
from imtrans.data.stock import Stock

Row = tuple[dict[str, Image.Image], int]
"""One picture from each stock, by name, and their place."""


def fitted_rows(stocks: Mapping[str, Stock], augmentation: Augmentation, count: int) -> list[Row]:
    """The first ``count`` pictures of stocks that belong together, fitted and all of one size.

    Where nothing is cropped, pictures may differ in size; the smallest sides then cut the others about their middles,
    because a batch is a rectangle.

    Raises:
        InputError: none of them can be read.
    """
    total = len(next(iter(stocks.values())))
    rows = [_fitted(stocks, augmentation, place) for place in range(min(count, total))]
    sizes = [next(iter(images.values())).size for images, _ in rows]
    crops = [augmentation.centre(size).size for size in sizes]
    smallest = min(width for width, _ in crops), min(height for _, height in crops)
    return [
        ({name: _middle(size, smallest).apply(image) for name, image in images.items()}, place)
        for (images, place), size in zip(rows, sizes, strict=True)
    ]


def _fitted(stocks: Mapping[str, Stock], augmentation: Augmentation, place: int) -> Row:
    def load(place: int) -> dict[str, Image.Image]:
        images: dict[str, Image.Image] = {}
        size: Size | None = None
        for name, stock in stocks.items():
            images[name] = stock.fit(place, augmentation, size)
            size = images[name].size
        return images

    total = len(next(iter(stocks.values())))
    images, found, _ = first_usable(total, place, load)
    return images, found


def _middle(size: Size, crop: Size) -> Placement:
    return Placement((size[0] - crop[0]) // 2, (size[1] - crop[1]) // 2, crop)
