"""Grids of samples: one row a picture, one column a stage of the translation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PIL import Image
from torch import Tensor

from imtrans.data.picture import write_picture
from imtrans.data.pixels import to_images

GAP = 2
"""Pixels of white between two pictures."""


def write_samples(
    columns: Mapping[str, Tensor], value_range: tuple[float, float], path: Path, channels: str = "RGB"
) -> None:
    """Write the columns, each (N, C, H, W) in ``value_range``, side by side as one picture of N rows.

    Raises:
        OutputError: the file cannot be written.
    """
    write_picture(make_grid(columns, value_range, channels), path)


def make_grid(columns: Mapping[str, Tensor], value_range: tuple[float, float], channels: str = "RGB") -> Image.Image:
    """The grid as an RGB image; columns may differ in size."""
    stacked = [_column(to_images(pictures, value_range, channels)) for pictures in columns.values()]
    width = sum(column.width for column in stacked) + GAP * (len(stacked) - 1)
    grid = Image.new("RGB", (width, max(column.height for column in stacked)), "white")
    left = 0
    for column in stacked:
        grid.paste(column, (left, 0))
        left += column.width + GAP
    return grid


def _column(images: list[Image.Image]) -> Image.Image:
    height = sum(image.height for image in images) + GAP * (len(images) - 1)
    column = Image.new("RGB", (images[0].width, height), "white")
    top = 0
    for image in images:
        column.paste(image, (0, top))
        top += image.height + GAP
    return column
