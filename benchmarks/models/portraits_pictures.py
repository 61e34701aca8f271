"""Pictures in and out of the benchmark of portraits: reading, and laying results side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from imtrans.data.folders import domain_pictures
from imtrans.data.picture import picture_from_image, read_picture, write_picture
from imtrans.data.pixels import to_images, to_tensor

Translate = Callable[[Tensor], Tensor]

CELL = 160
"""Side of a picture in the grid, in pixels."""

GAP = 4
CAPTION = 18


def read_pictures(root: Path, domain: str, split: str) -> tuple[list[str], Tensor]:
    """Names and pixels, (N, 3, H, W) from 0 to 1, of a domain's pictures, which are all of one size."""
    paths = domain_pictures(root, domain, split)
    pictures = torch.stack([to_tensor(read_picture(path).image, (0.0, 1.0)) for path in paths])
    return [path.name for path in paths], pictures


def demo_grid(historic: Tensor, demos: Sequence[Image.Image], a2b: Translate, b2a: Translate) -> Image.Image:
    """Historic portraits with their colourised selves and the way back, and photographs made historic."""
    colourised = b2a(historic)
    rows = [
        ("historic portraits, public domain", _squares(historic)),
        ("in colour (vintage2portrait)", _squares(colourised)),
        ("and back again (portrait2vintage)", _squares(a2b(colourised))),
    ]
    if demos:
        small = [_square(picture_from_image(demo).image) for demo in demos]
        made = a2b(torch.stack([to_tensor(picture, (0.0, 1.0)) for picture in small]))
        rows += [("photographs", small), ("made historic (portrait2vintage)", _squares(made))]
    return _stacked(rows)


def contact_sheet(stages: Sequence[Tensor], per_row: int = 10) -> Image.Image:
    """Every picture with its stages below it, ten pictures to a row."""
    rows = []
    for start in range(0, len(stages[0]), per_row):
        for depth, stage in enumerate(stages):
            title = f"{start} to {min(start + per_row, len(stage)) - 1}" if depth == 0 else ""
            rows.append((title, _squares(stage[start : start + per_row])))
    return _stacked(rows)


def write_png(image: Image.Image, path: Path) -> None:
    """Write the image; the format follows the path's suffix."""
    write_picture(image, path)


def _squares(pictures: Tensor) -> list[Image.Image]:
    return [_square(image) for image in to_images(pictures, (0.0, 1.0))]


def _square(image: Image.Image) -> Image.Image:
    """The middle of the image as a square of the grid's size."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    return image.resize((CELL, CELL), Image.Resampling.LANCZOS, box=box) if side != CELL else image.crop(box)


def _stacked(rows: Sequence[tuple[str, Sequence[Image.Image]]]) -> Image.Image:
    """Rows of squares, each under its caption where it has one."""
    heights = [CELL + GAP + (CAPTION if title else 0) for title, _ in rows]
    width = max(len(squares) for _, squares in rows) * (CELL + GAP) + GAP
    grid = Image.new("RGB", (width, sum(heights) + GAP), "white")
    pen, font = ImageDraw.Draw(grid), ImageFont.load_default(size=13)
    top = GAP
    for (title, squares), height in zip(rows, heights, strict=True):
        if title:
            pen.text((GAP, top), title, fill="black", font=font)
        for place, square in enumerate(squares):
            grid.paste(square, (GAP + place * (CELL + GAP), top + height - CELL - GAP))
        top += height
    return grid
