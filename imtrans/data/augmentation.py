"""How a picture of any size becomes one for training: the ``--preprocess`` modes of pix2pix, CycleGAN and SPADE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from imtrans.errors import ConfigError

Mode = Literal[
    "resize_and_crop",
    "crop",
    "scale_width",
    "scale_width_and_crop",
    "scale_shortside",
    "scale_shortside_and_crop",
    "fixed",
    "none",
]
Size = tuple[int, int]
"""(width, height) in pixels, as Pillow counts."""

_DRAFT_MARGIN = 2
"""A JPEG may be decoded at a fraction of its size that is still this many times the load size (see docs/data.md)."""


@dataclass(frozen=True)
class Placement:
    """What is drawn at random for one item: where to crop, and whether to mirror. All that belongs together shares it.

    Attributes:
        left: first column of the crop.
        top: first row of the crop.
        size: (width, height) of the crop.
        flip: whether it is mirrored.
    """

    left: int
    top: int
    size: Size
    flip: bool = False

    def apply(self, image: Image.Image) -> Image.Image:
        """The crop of an image at load size, of any mode."""
        width, height = self.size
        if (self.left, self.top, *self.size) != (0, 0, *image.size):
            image = image.crop((self.left, self.top, self.left + width, self.top + height))
        return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if self.flip else image


@dataclass(frozen=True)
class Augmentation:
    """Resize, crop at random, mirror half of them, as the authors of pix2pix, CycleGAN and SPADE do."""

    load_size: int = 286
    """Pixels a side after resizing; the width, or the shorter side, in the modes that scale it."""
    crop_size: int = 256
    """Pixels a side of the random crop; the least height in the modes that scale the width; the width where fixed."""
    flip: bool = True
    """Mirror every second picture; off for pictures with writing or a handedness."""
    mode: Mode = "resize_and_crop"
    """resize_and_crop squeezes into a square, fixed into a rectangle; the scaling modes keep the aspect ratio; crop and
    none leave the scale."""
    multiple: int = 4
    """Sides become multiples of this where nothing is cropped or fixed (scale_width, scale_shortside, none)."""
    aspect_ratio: float = 1.0
    """Width over height of all pictures in the mode fixed."""

    def __post_init__(self) -> None:
        if self.crop_size < 1 or ("_and_crop" in self.mode and self.crop_size > self.load_size):
            raise ValueError(f"crop_size must lie in 1..load_size ({self.load_size}), not be {self.crop_size}")
        if self.load_size < 1 or self.multiple < 1:
            raise ValueError(f"load_size and multiple must be at least 1, not {self.load_size} and {self.multiple}")
        if not 0 < self.aspect_ratio < float("inf") or round(self.crop_size / self.aspect_ratio) < 1:
            raise ValueError(f"aspect_ratio must leave pictures a height, not be {self.aspect_ratio}")

    @property
    def crops(self) -> bool:
        """Whether every result is a square of ``crop_size``; otherwise its size is the picture's."""
        return "crop" in self.mode

    # --- the part that is the same each time ------------------------------------------------------------------------

    def loaded(self, size: Size) -> Size:
        """What a picture of ``size`` is resized to."""
        if self.mode == "resize_and_crop":
            return self.load_size, self.load_size
        if self.mode == "scale_width_and_crop":
            return self._width_scaled(size)
        if self.mode == "scale_width":
            return self._rounded(self._width_scaled(size))
        if self.mode == "scale_shortside_and_crop":
            return self._shortside_scaled(size)
        if self.mode == "scale_shortside":
            return self._rounded(self._shortside_scaled(size))
        if self.mode == "fixed":
            return self.crop_size, round(self.crop_size / self.aspect_ratio)
        return self._rounded(size) if self.mode == "none" else self._covering(size)

    def resize(self, image: Image.Image, size: Size | None = None, *, labels: bool = False) -> Image.Image:
        """The image at load size: bicubic, or its nearest pixels where they are ``labels`` and no colours.

        Args:
            image: of any mode.
            size: the load size, where another image has settled it.
            labels: never mix two pixels.
        """
        size = size or self.loaded(image.size)
        if size == image.size:
            return image
        return image.resize(size, Image.Resampling.NEAREST if labels else Image.Resampling.BICUBIC)

    @property
    def draft_size(self) -> Size | None:
        """The least size that a picture has to be decoded at; None decodes the whole of it."""
        if self.mode in ("crop", "none"):
            return None
        width, height = self.loaded((1, 1)) if self.mode == "fixed" else (self.load_size, self.load_size)
        return _DRAFT_MARGIN * width, _DRAFT_MARGIN * height

    def _width_scaled(self, size: Size) -> Size:
        width, height = size
        return self.load_size, int(max(self.load_size * height / width, self.crop_size))

    def _shortside_scaled(self, size: Size) -> Size:
        width, height = size
        shorter = min(size)
        return int(self.load_size * width / shorter), int(self.load_size * height / shorter)

    def _rounded(self, size: Size) -> Size:
        width, height = (max(1, round(side / self.multiple)) * self.multiple for side in size)
        return width, height

    def _covering(self, size: Size) -> Size:
        """The size itself; pictures that the crop does not fit into grow until it does."""
        width, height = size
        factor = max(1.0, self.crop_size / width, self.crop_size / height)
        return max(self.crop_size, round(width * factor)), max(self.crop_size, round(height * factor))

    # --- the part that is drawn at random ---------------------------------------------------------------------------

    def draw(self, size: Size, random: np.random.Generator) -> Placement:
        """Where to crop and whether to mirror, for pictures whose load size is ``size``."""
        width, height = self._crop(size)
        left, top = (int(x) for x in random.integers([size[0] - width + 1, size[1] - height + 1]))
        return Placement(left, top, (width, height), self.flip and random.random() < 0.5)

    def apply(self, image: Image.Image, random: np.random.Generator) -> Image.Image:
        """The picture for training, with the crop's place and the mirroring drawn from ``random``."""
        image = self.resize(image)
        return self.draw(image.size, random).apply(image)

    def _crop(self, size: Size) -> Size:
        return (self.crop_size, self.crop_size) if self.crops else size

    # --- the picture to look at -------------------------------------------------------------------------------------

    def fitted(self, size: Size) -> Size:
        """What a picture of ``size`` is resized to for a sample: the crop's size where it is squeezed anyway."""
        return (self.crop_size, self.crop_size) if self.mode == "resize_and_crop" else self.loaded(size)

    def centre(self, size: Size) -> Placement:
        """The middle of a picture that is fitted to ``size``, unmirrored."""
        width, height = self._crop(size)
        return Placement((size[0] - width) // 2, (size[1] - height) // 2, (width, height))

    def fit(self, image: Image.Image) -> Image.Image:
        """The picture for a sample, with nothing drawn at random: all of it, or its middle where crops keep scale."""
        image = self.resize(image, self.fitted(image.size))
        return self.centre(image.size).apply(image)


def check_sizes(augmentation: Augmentation, multiple: int, minimum: int, fixed: int | None = None) -> None:
    """Refuse sizes that a network cannot take.

    Args:
        augmentation: what makes them.
        multiple: what the network's input has to be a multiple of.
        minimum: the smallest side that it takes.
        fixed: the one side that it takes, where it takes no other.

    Raises:
        ConfigError: they do not fit; the message names the nearest that do.
    """
    if fixed is not None and not (augmentation.crops and augmentation.crop_size == fixed):
        raise ConfigError(
            f"the networks take pictures of {fixed} x {fixed} pixels, and no others.",
            hint=f"Type --crop-size {fixed}, with a --load-size that is no smaller, or take a variant of any size.",
        )
    if augmentation.mode == "fixed":
        _check_fixed(augmentation, multiple, minimum)
    elif augmentation.crops:
        check_crop(augmentation.crop_size, multiple, minimum)
    elif augmentation.multiple % multiple:
        raise ConfigError(
            f"sides that are multiples of {augmentation.multiple} do not fit the networks.",
            have=f"They take multiples of {multiple}, and nothing is cropped ({augmentation.mode}).",
            hint=f"Type --set augmentation.multiple={multiple}, or --set augmentation.mode=scale_width_and_crop.",
        )


def _check_fixed(augmentation: Augmentation, multiple: int, minimum: int) -> None:
    width, height = augmentation.loaded((1, 1))
    if all(side % multiple == 0 and side >= minimum for side in (width, height)):
        return
    raise ConfigError(
        f"pictures of {width} x {height} do not fit the networks.",
        have=f"Sides have to be multiples of {multiple}, from {minimum} up; augmentation.mode=fixed makes pictures of "
        f"crop_size ({augmentation.crop_size}) by crop_size / aspect_ratio ({augmentation.aspect_ratio:g}).",
        hint="Choose others: --crop-size, and --set augmentation.aspect_ratio=…",
    )


def check_crop(crop_size: int, multiple: int, minimum: int) -> None:
    """Refuse crops that a network cannot take.

    Args:
        crop_size: pixels a side.
        multiple: what the network's input has to be a multiple of.
        minimum: the smallest side that it takes.

    Raises:
        ConfigError: it does not fit; the message names the nearest size that does.
    """
    if crop_size % multiple == 0 and crop_size >= minimum:
        return
    least = -(-minimum // multiple) * multiple
    nearest = max(least, round(crop_size / multiple) * multiple)
    raise ConfigError(
        f"crop_size {crop_size} does not fit the networks.",
        have=f"They take multiples of {multiple}, from {least} up.",
        hint=f"Type --crop-size {nearest}, with a --load-size that is no smaller.",
    )
