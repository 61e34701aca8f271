"""What the first bytes of picture files say, without decoding them."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from imtrans.data.picture import open_picture
from imtrans.errors import InputError

_THREADS = 4
"""Folders often lie on a network, where waiting is what takes the time."""

_ORIENTATION = 0x0112
_FIRST_TURNED = 4
"""EXIF orientations above this one swap width and height."""


@dataclass(frozen=True)
class Header:
    """Size of the upright picture, mode and format in Pillow's words."""

    width: int
    height: int
    mode: str
    format: str

    @property
    def words(self) -> str:
        """The size for messages."""
        return f"{self.width} x {self.height}"


def headers(paths: Iterable[Path]) -> dict[Path, Header]:
    """The headers of those files that have a readable one."""
    paths = list(paths)
    with ThreadPoolExecutor(_THREADS) as pool:
        return {path: header for path, header in zip(paths, pool.map(_header, paths), strict=True) if header}


def _header(path: Path) -> Header | None:
    try:
        with open_picture(path) as image:
            width, height = image.size
            if image.format in ("JPEG", "MPO") and image.getexif().get(_ORIENTATION, 1) > _FIRST_TURNED:
                width, height = height, width
            return Header(width, height, image.mode, image.format or "")
    except (InputError, OSError, ValueError, TypeError, SyntaxError):  # whoever decodes it will say what is wrong
        return None
