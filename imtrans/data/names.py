"""File names of pictures: which ones count as pictures, in which order, and how they are shown."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

READABLE = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".gif": "GIF",
}
"""Suffixes that make a file in a folder a picture, with the format each stands for."""

WRITABLE = {suffix: kind for suffix, kind in READABLE.items() if kind != "GIF"}
"""Suffixes that results can be written with. GIF is missing because its 256 colours would ruin the result."""

FORMATS = "JPEG, PNG, WebP, TIFF, BMP and GIF"
"""The readable formats, for messages."""


def natural_key(path: Path) -> tuple[tuple[tuple[int, int, str], ...], ...]:
    """Sort key that puts ``page2`` before ``page10`` and sorts each folder by itself.

    Every part of the path becomes a row of (is text, number, text), so that numbers compare as numbers and are never
    compared with text.
    """
    return tuple(_natural_part(part) for part in path.parts)


def _natural_part(part: str) -> tuple[tuple[int, int, str], ...]:
    # The name itself ends the row: it keeps the order total where numbers ("1" and "01") or letters but for case agree.
    pieces = [piece for piece in re.split(r"([0-9]+)", part.casefold()) if piece]
    row = [(0, int(piece), "") if piece[0] in "0123456789" else (1, 0, piece) for piece in pieces]
    return (*row, (1, 0, part))


def shown(path: str | os.PathLike[str]) -> str:
    """The path as it can safely be printed: undecodable bytes and control characters become ``?``.

    A hostile name may hold terminal escapes or line breaks, and names need not be valid UTF-8.
    """
    return "".join(c if c.isprintable() else "?" for c in os.fspath(path))


def list_pictures(folder: Path, *, recursive: bool = False) -> list[Path]:
    """The pictures in ``folder`` by suffix, in natural order; hidden files and folders and linked folders are left out.

    Raises:
        OSError: the folder cannot be listed.
    """
    return sorted(_walk(folder, recursive), key=natural_key)


def _walk(folder: Path, recursive: bool) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            path = folder / entry.name
            if recursive and entry.is_dir(follow_symlinks=False):
                yield from _walk(path, recursive)
            elif path.suffix.lower() in READABLE and not entry.is_dir():
                yield path
