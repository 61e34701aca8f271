"""Line drawings of pictures, by the extended difference of Gaussians.

Winnemoeller, Kyprianidis, Olsen: XDoG: An eXtended difference-of-Gaussians compendium including advanced image
stylization, Computers & Graphics 36 (6), 2012. An edge is where a fine and a coarse Gaussian disagree: on its dark side
the fine one is the darker of the two, and there the line is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imtrans.data.prepare.pairs import Maker, Pair
from imtrans.data.prepare.parts import shrunk, windows
from imtrans.errors import ConfigError

RATIO = 1.6
"""Of the coarse Gaussian's sigma to the fine one's: close to the Laplacian (Marr and Hildreth, 1980)."""

_REACH = 3
"""Sigmas at which a Gaussian is cut off."""


@dataclass(frozen=True)
class OutlineSettings:
    """How lines are drawn, and what is cut out of each picture.

    Raises:
        ConfigError: a number that cannot be meant.
    """

    width: float = 1 / 160
    """Sigma of the fine Gaussian, as a share of the shorter side of what is cut out."""
    threshold: float = 0.005
    """How much darker the fine Gaussian has to be than the coarse one, in luminance 0..1, before a line begins; minus
    the paper's epsilon."""
    steepness: float = 150.0
    """How fast a line gets black beyond the threshold; the paper's phi."""
    seed: int = 0
    """Of the parts; with the picture's name it settles them, whatever other pictures there are."""
    crop: int | None = None
    """Side of the square parts that are cut out, in pixels; None takes the whole picture."""
    crops: int = 1
    """Parts of each picture."""
    max_size: int | None = None
    """Pictures whose longer side has more pixels are shrunk to it first."""

    def __post_init__(self) -> None:
        if not 0 < self.width <= 0.1:
            raise ConfigError(f"the width of lines lies above 0 and at most at 0.1, not at {self.width:g}.")
        if not 0 <= self.threshold <= 1:
            raise ConfigError(f"the threshold of lines lies in 0..1, not at {self.threshold:g}.")
        if not 0 < self.steepness < 1e6:
            raise ConfigError(f"the steepness of lines lies above 0 and below a million, not at {self.steepness:g}.")
        if not 0 <= self.seed < 2**63:
            raise ConfigError(f"seed must not be negative, not {self.seed}.")
        for name in ("crop", "crops", "max_size"):
            if (count := getattr(self, name)) is not None and count < 1:
                raise ConfigError(f"{name} must be at least 1, not {count}.")
        if self.crops > 1 and self.crop is None:
            raise ConfigError("several crops need a size.", hint=f"Type --crops {self.crops} --crop 256.")


def outlines(
    luminance: NDArray[np.float32], sigma: float, *, threshold: float = 0.005, steepness: float = 150.0
) -> NDArray[np.float32]:
    """Black lines on white.

    With ``u`` the difference of the Gaussians of ``sigma`` and ``1.6 sigma``, white where ``u >= -threshold`` and
    ``1 + tanh(steepness (u + threshold))`` elsewhere: equations 1 and 6 of the paper, with tau 1.

    Args:
        luminance: (H, W), 0..1.
        sigma: of the fine Gaussian, in pixels.
        threshold: see :class:`OutlineSettings`.
        steepness: see :class:`OutlineSettings`.

    Returns:
        (H, W), 0 for black to 1 for white.
    """
    u = gaussian(luminance, sigma) - gaussian(luminance, RATIO * sigma)
    return np.where(u >= -threshold, np.float32(1), 1 + np.tanh(steepness * (u + threshold))).astype(np.float32)


def gaussian(plane: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """A plane, (H, W), smoothed by a Gaussian of so many pixels; beyond its border its edge goes on."""
    radius = int(np.ceil(_REACH * sigma))
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    for axis in (0, 1):
        plane = _along(plane, axis, weights)
    return plane


def _along(plane: NDArray[np.float32], axis: int, weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """One axis: a sum of shifted planes, which costs memory for two of them whatever the sigma."""
    length, radius = plane.shape[axis], len(weights) // 2
    padded = np.pad(plane, [(radius, radius) if axis == side else (0, 0) for side in (0, 1)], mode="edge")
    total = np.zeros_like(plane)
    for shift, weight in enumerate(weights):
        total += weight * (padded[shift : shift + length] if axis == 0 else padded[:, shift : shift + length])
    return total


def draw(picture: Image.Image, settings: OutlineSettings | None = None) -> Image.Image:
    """The line drawing of a picture, mode RGB, of its size; parts are the business of :func:`make_pairs`."""
    settings = settings or OutlineSettings()
    sigma = settings.width * (settings.crop or min(picture.size))
    luminance = np.asarray(picture.convert("L"), dtype=np.float32) / np.float32(255)
    lines = outlines(luminance, sigma, threshold=settings.threshold, steepness=settings.steepness)
    return Image.fromarray((lines * 255).round().astype(np.uint8)).convert("RGB")


def make_pairs(picture: Image.Image, name: str, settings: OutlineSettings) -> Iterator[Pair]:
    """A drawing and the picture, for each part of it; drawn before it is cut, so that lines go on to every border.

    Args:
        picture: mode RGB.
        name: which picture it is; with the seed it settles the parts.
        settings: see :class:`OutlineSettings`.

    Raises:
        InputError: the crop does not fit into the picture.
    """
    picture = shrunk(picture, settings.max_size)
    places = list(windows(picture.size, name, seed=settings.seed, crop=settings.crop, crops=settings.crops))
    drawing = draw(picture, settings)
    for window in places:
        yield drawing.crop(window), picture.crop(window)


def maker(settings: OutlineSettings) -> Maker:
    """Makes the pairs of a picture: A is drawn, B the picture."""
    return lambda picture, name: make_pairs(picture, name, settings)
