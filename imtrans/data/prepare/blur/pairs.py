"""Pairs of a blurred and a sharp picture: how many a picture gives, of which parts of it, blurred by what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from PIL import Image

from imtrans.data.prepare.blur.convolution import blur
from imtrans.data.prepare.blur.kernel import EXPOSURES, Kernel, make_kernel
from imtrans.data.prepare.blur.trajectory import ANXIETIES, LENGTH, draw_trajectory
from imtrans.data.prepare.parts import Window, candidates, randomness, shrunk
from imtrans.errors import ConfigError

LEAST_CHANGE = 3
"""Levels of 255 by which blur moves the value that it moves most in a part that has something in it; no eye sees less,
and in an even sky or a black corner there is nothing to learn from."""

_TRIES = 10
"""Places that are looked at for a part with something in it."""


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

    @property
    def shows_blur(self) -> bool:
        """Whether the two differ by as much as can be seen."""
        blurred, sharp = (np.asarray(picture, dtype=np.int16) for picture in (self.blurred, self.sharp))
        return bool(np.abs(blurred - sharp).max() >= LEAST_CHANGE)


def draw_kernel(settings: BlurSettings, random: np.random.Generator) -> Kernel:
    """A kernel as the settings have it."""
    anxiety, exposure = float(random.choice(settings.anxieties)), float(random.choice(settings.exposures))
    return make_kernel(draw_trajectory(random, anxiety=anxiety, length=settings.length), exposure)


def make_pairs(picture: Image.Image, name: str, settings: BlurSettings) -> Iterator[Pair | None]:
    """The pairs of a picture: the kernels of its first part, then those of the second, and so on.

    A part in which blur changes nothing is looked for elsewhere in the picture; None stands for a pair that after some
    tries still shows no blur.

    Args:
        picture: mode RGB.
        name: which picture it is; with the seed it settles all that is random.
        settings: see :class:`BlurSettings`.

    Raises:
        InputError: the crop does not fit into the picture.
    """
    pixels = np.asarray(shrunk(picture, settings.max_size))
    height, width = pixels.shape[:2]
    for place in range(settings.crops):
        numbers = range(settings.kernels)
        kernels = [draw_kernel(settings, randomness(settings.seed, name, place, number)) for number in numbers]
        windows = candidates((width, height), name, place, seed=settings.seed, crop=settings.crop)
        tries = 1 if settings.crop is None else _TRIES
        yield from _part(pixels, islice(windows, tries), kernels, settings.gamma)


def _part(
    pixels: np.ndarray, windows: Iterator[Window], kernels: Sequence[Kernel], gamma: float
) -> Sequence[Pair | None]:
    """The pairs of the first window that shows all kernels, or those of the last that show theirs."""
    pairs: list[Pair | None] = []
    for window in windows:
        made = (_pair(pixels, window, kernel, gamma) for kernel in kernels)
        pairs = [pair if pair.shows_blur else None for pair in made]
        if None not in pairs:
            break
    return pairs


def _pair(pixels: np.ndarray, window: Window, kernel: Kernel, gamma: float) -> Pair:
    """Blur a part with what surrounds it, as far as the picture goes."""
    left, top, right, bottom = window
    rows, columns = (side // 2 for side in kernel.shape)
    x, y = max(0, left - columns), max(0, top - rows)
    around = pixels[y : bottom + rows, x : right + columns]
    blurred = blur(around, kernel, gamma=gamma)[top - y :, left - x :][: bottom - top, : right - left]
    return Pair(Image.fromarray(blurred), Image.fromarray(pixels[top:bottom, left:right]))
