"""Pairs of a blurred and a sharp picture: how many a picture gives, of which parts of it, blurred by what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from imtrans.data.prepare.blur.convolution import blur
from imtrans.data.prepare.blur.kernel import EXPOSURES, Kernel, make_kernel
from imtrans.data.prepare.blur.trajectory import ANXIETIES, LENGTH, draw_trajectory
from imtrans.data.prepare.parts import Window, randomness, shrunk, windows
from imtrans.errors import ConfigError


@dataclass(frozen=True)
class BlurSettings:
    """What is made of each picture; the defaults are those of DeblurGAN's authors.

    Raises:
        ConfigError: a number that cannot be meant.
    """

    seed: int = 0
    """Of parts and kernels; with the picture's name it settles them, whatever other pictures there are."""
    crop: int | None = None
    """Side of the square parts that are cut out, in pixels; None takes the whole picture."""
    crops: int = 1
    """Parts of each picture."""
    kernels: int = 1
    """Kernels that each part is blurred with."""
    length: float = LENGTH
    """Pixels of the way that the camera takes in the longest exposure."""
    anxieties: tuple[float, ...] = ANXIETIES
    """How nervous the hand is; one of them is drawn for each kernel."""
    exposures: tuple[float, ...] = EXPOSURES
    """Shares of the way during which the shutter is open; one of them is drawn for each kernel."""
    gamma: float = 1.0
    """The power that makes light of a file's values; 2.2 adds up light instead of values."""
    max_size: int | None = None
    """Pictures whose longer side has more pixels are shrunk to it first."""

    def __post_init__(self) -> None:
        for name, value in (("seed", self.seed), ("length", self.length)):
            if not 0 <= value < 2**63:
                raise ConfigError(f"{name} must not be negative, not {value}.")
        for name in ("crop", "crops", "kernels", "max_size"):
            if (count := getattr(self, name)) is not None and count < 1:
                raise ConfigError(f"{name} must be at least 1, not {count}.")
        if self.crops > 1 and self.crop is None:
            raise ConfigError("several crops need a size.", hint=f"Type --crops {self.crops} --crop 256.")
        if not self.anxieties or not all(0 <= anxiety <= 1 for anxiety in self.anxieties):
            raise ConfigError("an anxiety lies in 0..1.", have="The authors' lie between 0.003 and 0.01.")
        if not self.exposures or not all(0 < exposure <= 1 for exposure in self.exposures):
            raise ConfigError("an exposure lies above 0 and at most at 1.", have="The authors' are 0.1, 0.5 and 1.")
        if not 0 < self.gamma < 10:
            raise ConfigError(f"gamma lies above 0 and below 10, not at {self.gamma:g}.", have="1 and 2.2 are usual.")

    @property
    def pairs(self) -> int:
        """Pairs that a picture gives."""
        return self.crops * self.kernels


@dataclass(frozen=True)
class Pair:
    """A picture before and after its camera was shaken, mode RGB, of one size."""

    blurred: Image.Image
    sharp: Image.Image


def draw_kernel(settings: BlurSettings, random: np.random.Generator) -> Kernel:
    """A kernel as the settings have it."""
    anxiety, exposure = float(random.choice(settings.anxieties)), float(random.choice(settings.exposures))
    return make_kernel(draw_trajectory(random, anxiety=anxiety, length=settings.length), exposure)


def make_pairs(picture: Image.Image, name: str, settings: BlurSettings) -> Iterator[Pair]:
    """The pairs of a picture: the kernels of its first part, then those of the second, and so on.

    Args:
        picture: mode RGB.
        name: which picture it is; with the seed it settles all that is random.
        settings: see :class:`BlurSettings`.

    Raises:
        InputError: the crop does not fit into the picture.
    """
    pixels = np.asarray(shrunk(picture, settings.max_size))
    height, width = pixels.shape[:2]
    parts = windows((width, height), name, seed=settings.seed, crop=settings.crop, crops=settings.crops)
    for place, window in enumerate(parts):
        for number in range(settings.kernels):
            kernel = draw_kernel(settings, randomness(settings.seed, name, place, number))
            yield _pair(pixels, window, kernel, settings.gamma)


def _pair(pixels: np.ndarray, window: Window, kernel: Kernel, gamma: float) -> Pair:
    """Blur a part with what surrounds it, as far as the picture goes."""
    left, top, right, bottom = window
    rows, columns = (side // 2 for side in kernel.shape)
    x, y = max(0, left - columns), max(0, top - rows)
    around = pixels[y : bottom + rows, x : right + columns]
    blurred = blur(around, kernel, gamma=gamma)[top - y :, left - x :][: bottom - top, : right - left]
    return Pair(Image.fromarray(blurred), Image.fromarray(pixels[top:bottom, left:right]))
