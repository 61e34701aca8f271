"""Where in a picture a portrait is: the eyes level, the face in the middle, margins around it.

The rules are those of photo2cartoon's authors (https://github.com/minivision-ai/photo2cartoon, ``utils/preprocess.py``
and ``face_detect.py``): the picture is turned until the outer corners of the eyes lie on one line; the box around the
landmarks grows by 0.8 of its height above, by 0.3 below and by 0.3 of its width at each side; the shorter side then
grows at both ends until the box is a square.

Coordinates are continuous, in pixels from the upper left corner: the first pixel reaches from 0 to 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imtrans.errors import UsageError

Points = NDArray[np.float64]
Affine = tuple[float, float, float, float, float, float]


@dataclass(frozen=True)
class Face:
    """A face in a picture.

    Attributes:
        outline: points (K, 2) whose box is the face from the eyebrows to the chin and from ear to ear, such as the 68
            landmarks of iBUG (Sagonas et al., 2013).
        eyes: the outer corners of the two eyes, (2, 2): first the one at the person's right, which is at the left of a
            picture of an upright person.
    """

    outline: Points
    eyes: Points

    @property
    def area(self) -> float:
        """Of the box around the outline, in square pixels."""
        width, height = self.outline.max(axis=0) - self.outline.min(axis=0)
        return float(width * height)


@dataclass(frozen=True)
class Margins:
    """How much the box around a face grows, as shares of its height (above, below) and width (at each side)."""

    top: float = 0.8
    bottom: float = 0.3
    sides: float = 0.3

    def __post_init__(self) -> None:
        for name in ("top", "bottom", "sides"):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0 <= value <= 10):
                raise UsageError(
                    f"a margin of {value:g} ({name}) makes no portrait.",
                    have="Margins are shares of the face, from 0 to 10; the usual ones are 0.8,0.3,0.3.",
                    hint="Type --margins TOP,BOTTOM,SIDES.",
                )


@dataclass(frozen=True)
class Square:
    """A square in a picture, turned by ``angle``: the upper edge runs from ``corner`` in that direction.

    Attributes:
        corner: (x, y) of its upper left corner.
        side: pixels.
        angle: of the upper edge, in radians; positive where its right end is lower.
    """

    corner: tuple[float, float]
    side: float
    angle: float

    def place(self, points: Points) -> Points:
        """Points of the picture (K, 2), as they lie in the square: from (0, 0) to (side, side) within it."""
        return (points - np.asarray(self.corner)) @ _turn(self.angle)

    def sampling(self, pixels: int, scale: float = 1.0) -> Affine:
        """Where in the picture the square's pixels lie, as Pillow's affine transform wants it.

        Args:
            pixels: into which each side is divided.
            scale: of the picture that is sampled, relative to the one that the square was measured in.
        """
        step = scale * self.side / pixels
        cos, sin = step * math.cos(self.angle), step * math.sin(self.angle)
        x, y = self.corner
        return (cos, -sin, scale * x, sin, cos, scale * y)


def portrait_square(face: Face, margins: Margins) -> Square:
    """The square of a portrait, see the module.

    Raises:
        UsageError: the outline has no extent, or the eyes lie in one place.
    """
    (x0, y0), (x1, y1) = face.eyes
    angle = math.atan2(y1 - y0, x1 - x0)
    level = face.outline @ _turn(angle)
    (left, top), (right, bottom) = level.min(axis=0), level.max(axis=0)
    width, height = right - left, bottom - top
    if not (math.isfinite(width) and width > 0 and height > 0 and math.hypot(x1 - x0, y1 - y0) > 0):
        raise UsageError("a detector gave a face without extent.", hint="Its outline and eyes are points in pixels.")
    left, right = left - margins.sides * width, right + margins.sides * width
    top, bottom = top - margins.top * height, bottom + margins.bottom * height
    side = max(right - left, bottom - top)
    corner = np.array([(left + right - side) / 2, (top + bottom - side) / 2]) @ _turn(angle).T
    return Square((float(corner[0]), float(corner[1])), float(side), angle)


def cut(image: Image.Image, square: Square, size: int, colour: str = "white") -> Image.Image:
    """The square of a picture, upright, as an image of ``size`` x ``size`` pixels.

    What lies outside of the picture gets the ``colour``. Larger squares are averaged down, as the authors do.
    """
    # Averaging whole blocks of the picture first leaves the turning little to do, whatever the picture's size.
    block = max(1, int(square.side // (2 * size)))
    source = image.reduce(block) if block > 1 else image
    pixels = max(size, math.ceil(square.side / block))
    turned = source.transform(
        (pixels, pixels),
        Image.Transform.AFFINE,
        square.sampling(pixels, 1 / block),
        Image.Resampling.BICUBIC,
        fillcolor=colour,
    )
    return turned if pixels == size else turned.resize((size, size), Image.Resampling.BOX)


def _turn(angle: float) -> Points:
    """Row vectors times this are turned back by ``angle``."""
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, -sin], [sin, cos]])
