"""How a picture of any size becomes a square for training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from imtrans.errors import ConfigError


@dataclass(frozen=True)
class Augmentation:
    """Resize, crop at random, mirror half of them: ``resize_and_crop`` of the authors of pix2pix and CycleGAN."""

    load_size: int = 286
    """Pixels a side after resizing; the aspect ratio gives way."""
    crop_size: int = 256
    """Pixels a side of the random crop."""
    flip: bool = True
    """Mirror every second picture; off for pictures with writing or a handedness."""

    def __post_init__(self) -> None:
        if not 1 <= self.crop_size <= self.load_size:
            raise ValueError(f"crop_size must lie in 1..load_size ({self.load_size}), not be {self.crop_size}")

    def apply(self, image: Image.Image, random: np.random.Generator) -> Image.Image:
        """A square of ``crop_size``, with the crop's place and the mirroring drawn from ``random``."""
        image = image.resize((self.load_size, self.load_size), Image.Resampling.BICUBIC)
        left, top = (int(x) for x in random.integers(self.load_size - self.crop_size + 1, size=2))
        image = image.crop((left, top, left + self.crop_size, top + self.crop_size))
        mirrored = self.flip and random.random() < 0.5
        return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else image

    def fit(self, image: Image.Image) -> Image.Image:
        """The whole picture as a square of ``crop_size``, with nothing drawn at random."""
        return image.resize((self.crop_size, self.crop_size), Image.Resampling.BICUBIC)


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
