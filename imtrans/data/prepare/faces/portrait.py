"""From a picture to the portraits in it: find, level, cut, segment, lay on white."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from imtrans.data.picture import Picture
from imtrans.data.prepare.faces.geometry import Face, Margins, Points, cut, portrait_square
from imtrans.data.prepare.faces.tools import FaceDetector, Segmenter
from imtrans.errors import InputError, UsageError

LEAST = 0.5
"""Share of a face that has to count as a person, or the segmentation is taken for a failure."""

SEGMENTED = 256
"""Least side in pixels at which people are told from the background; smaller portraits are shrunk afterwards."""

Which = Literal["largest", "all", "error"]
"""Of several faces in a picture: the largest, each, or none, and then the picture counts as failed."""


@dataclass(frozen=True)
class PortraitOptions:
    """How portraits are made; the defaults are those of photo2cartoon's authors."""

    size: int = 256
    """Side of the portraits, in pixels."""
    margins: Margins = Margins()  # noqa: RUF009 - frozen
    """Around the face."""
    which: Which = "largest"
    """Of several faces in a picture."""
    transparent: bool = False
    """Keep the people's outline as an alpha channel besides."""


@dataclass(frozen=True)
class Portrait:
    """One face, cut out."""

    picture: Picture
    side: float
    """Pixels of the original picture that a side of the portrait spans; fewer than the portrait's own are enlarged."""


@dataclass(frozen=True)
class Found:
    """What a picture gave."""

    portraits: tuple[Portrait, ...]
    """At least one, the largest face first; without those faces that could not be told from the background."""
    faces: int
    """How many faces there are in the picture."""


class Portraits:
    """The whole pipeline.

    Args:
        detector: finds the faces.
        segmenter: tells people from the background; None leaves the background as it is.
        options: see :class:`PortraitOptions`.
    """

    def __init__(
        self, detector: FaceDetector, segmenter: Segmenter | None = None, options: PortraitOptions | None = None
    ) -> None:
        self.detector, self.segmenter = detector, segmenter
        self.options = options or PortraitOptions()

    def __call__(self, picture: Picture) -> Found:
        """The portraits in an upright picture; transparent parts of it are white from the start.

        Raises:
            InputError: there is no face, there are several and one was expected, or no face that was wanted can be told
                from the background.
            UsageError: detector or segmenter give something else than they should.
        """
        image = _on_white(picture.image, picture.alpha)
        faces = _by_size(self.detector(image))
        if not faces:
            raise InputError(
                "no face was found.", have="Faces that are tiny, hidden or seen from the side are easily missed."
            )
        if self.options.which == "error" and len(faces) > 1:
            raise InputError(
                f"{len(faces)} faces were found, and one was expected.", hint="--faces largest or all takes it."
            )
        wanted = faces if self.options.which == "all" else faces[:1]
        portraits = tuple(made for face in wanted if (made := self._portrait(image, face)) is not None)
        if not portraits:
            raise InputError(
                "the person cannot be told from the background.", hint="--no-segment leaves the background as it is."
            )
        return Found(portraits, len(faces))

    def _portrait(self, image: Image.Image, face: Face) -> Portrait | None:
        """The face cut out; None where the segmenter takes most of it for background."""
        options = self.options
        square = portrait_square(face, options.margins)
        if self.segmenter is None:
            return Portrait(Picture(cut(image, square, options.size)), square.side)
        portrait = cut(image, square, max(options.size, SEGMENTED))
        mask = _checked(self.segmenter(portrait), portrait)
        if _share_within(mask, square.place(face.outline) * (portrait.width / square.side)) < LEAST:
            return None
        portrait, mask = (_shrunk(each, options.size) for each in (_on_white(portrait, mask), mask))
        return Portrait(Picture(portrait, mask if options.transparent else None), square.side)


def _on_white(image: Image.Image, alpha: Image.Image | None) -> Image.Image:
    return image if alpha is None else Image.composite(image, Image.new("RGB", image.size, "white"), alpha)


def _by_size(faces: Sequence[Face]) -> list[Face]:
    for face in faces:
        if not isinstance(face, Face):
            raise UsageError(f"the detector gave a {type(face).__name__}, not a Face of imtrans.data.prepare.faces.")
    return sorted(faces, key=lambda face: face.area, reverse=True)


def _checked(mask: Image.Image, portrait: Image.Image) -> Image.Image:
    if mask.mode != "L" or mask.size != portrait.size:
        raise UsageError(
            f"the segmenter gave an image of mode {mask.mode} and {mask.size[0]} x {mask.size[1]} pixels.",
            have=f"It has to be of mode L and as large as what it was given: {portrait.width} x {portrait.height}.",
        )
    return mask


def _share_within(mask: Image.Image, outline: Points) -> float:
    """How much of the box around an outline is a person."""
    (left, top), (right, bottom) = np.floor(outline.min(axis=0)), np.ceil(outline.max(axis=0))
    pixels = np.asarray(mask)[max(0, int(top)) : int(bottom), max(0, int(left)) : int(right)]
    return float(pixels.mean()) / 255 if pixels.size else 0.0


def _shrunk(image: Image.Image, size: int) -> Image.Image:
    return image if image.width == size else image.resize((size, size), Image.Resampling.BOX)
