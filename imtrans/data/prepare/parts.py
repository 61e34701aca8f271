"""Parts of a picture to learn from, and the random numbers that say which."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import repeat

import numpy as np
from PIL import Image

from imtrans.errors import InputError

_SEED_BYTES = 8

Window = tuple[int, int, int, int]
"""Left, top, right and bottom, in pixels; the right column and the bottom row are outside."""


def randomness(seed: int, name: str, *places: int) -> np.random.Generator:
    """Random numbers that nothing but the seed, the picture's name and the place settle."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()[:_SEED_BYTES]
    return np.random.default_rng([seed, int.from_bytes(digest, "little"), len(places), *places])


def windows(size: tuple[int, int], name: str, *, seed: int, crop: int | None, crops: int) -> Iterator[Window]:
    """Where the parts of a picture lie.

    Args:
        size: (width, height) of the picture, in pixels.
        name: which picture it is; with the seed it settles the parts.
        seed: see above.
        crop: side of the squares, in pixels; None takes the whole picture.
        crops: how many of them.

    Raises:
        InputError: the crop does not fit into the picture.
    """
    for place in range(crops):
        yield next(candidates(size, name, place, seed=seed, crop=crop))


def candidates(size: tuple[int, int], name: str, place: int, *, seed: int, crop: int | None) -> Iterator[Window]:
    """Where one part of a picture may lie: one window after the other, without end, for who finds the first ones empty.

    The arguments are those of :func:`windows`, and ``place`` is the number of the part.

    Raises:
        InputError: the crop does not fit into the picture.
    """
    width, height = size
    if crop is not None and crop > min(size):
        raise InputError(
            f"it has {width} x {height} pixels, too few for parts of {crop} x {crop}.",
            hint=f"Type a --crop of at most {min(size)}, or leave the picture out.",
        )
    if crop is None:
        yield from repeat((0, 0, width, height))
        return
    random = randomness(seed, name, place)
    while True:
        left, top = (int(x) for x in random.integers([width - crop + 1, height - crop + 1]))
        yield left, top, left + crop, top + crop


def shrunk(picture: Image.Image, longest: int | None) -> Image.Image:
    """The picture, made smaller if its longer side has more than ``longest`` pixels."""
    longer = max(picture.size)
    if longest is None or longer <= longest:
        return picture
    width, height = (max(1, round(side * longest / longer)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)
