"""Faces that are drawn, and a detector and a segmenter that find them by their colours."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from imtrans.data.prepare.faces.geometry import Face

LEFT, RIGHT, SKIN = (255, 0, 0), (0, 0, 255), (240, 180, 140)
"""Colours of the two eyes (as seen in the picture) and of the rest."""


def draw(image: Image.Image, centre: tuple[float, float], height: float, angle: float = 0.0) -> None:
    """Draw a face: an ellipse with two eyes, turned clockwise by ``angle`` (radians)."""
    side = math.ceil(2 * height)
    face = Image.new("RGBA", (side, side))
    pen, middle, eye = ImageDraw.Draw(face), side / 2, height / 14
    pen.ellipse((middle - 0.4 * height, middle - height / 2, middle + 0.4 * height, middle + height / 2), fill=SKIN)
    for x, colour in ((middle - height / 5, LEFT), (middle + height / 5, RIGHT)):
        pen.ellipse((x - eye, middle - 2 * eye, x + eye, middle), fill=colour)
    turned = face.rotate(-math.degrees(angle), Image.Resampling.NEAREST)
    image.paste(turned, (round(centre[0] - middle), round(centre[1] - middle)), turned)


def portrait(size: tuple[int, int] = (160, 120), height: float = 40, angle: float = 0.0) -> Image.Image:
    """A picture of one face in its middle, on green."""
    image = Image.new("RGB", size, "green")
    draw(image, (size[0] / 2, size[1] / 2), height, angle)
    return image


class Detector:
    """Pairs the eyes of a picture from left to right; the outline is a box as wide and high as the eyes are apart."""

    def __call__(self, image: Image.Image) -> list[Face]:
        faces = []
        for left, right in zip(_spots(image, LEFT), _spots(image, RIGHT), strict=True):
            along = right - left
            down = np.array([-along[1], along[0]])
            corners = [left - along / 2, right + along / 2]
            outline = np.array([corner + step * down for corner in corners for step in (-1.0, 1.5)])
            faces.append(Face(outline, np.array([left, right])))
        return faces


def segment(image: Image.Image) -> Image.Image:
    """What is not green."""
    pixels = np.asarray(image).astype(int)
    person = (pixels[..., 1] < 100) | (pixels[..., 0] > 100)
    return Image.fromarray(np.where(person, 255, 0).astype(np.uint8))


def _spots(image: Image.Image, colour: tuple[int, int, int]) -> list[np.ndarray]:
    """The middles of the spots of a colour; faces stand side by side, so columns without it divide them."""
    pixels = np.asarray(image).astype(int)
    rows, columns = np.nonzero(np.abs(pixels - colour).max(axis=2) < 60)
    order = np.argsort(columns)
    rows, columns = rows[order], columns[order]
    breaks = np.nonzero(np.diff(columns) > 3)[0] + 1
    groups = zip(np.split(columns, breaks), np.split(rows, breaks), strict=True)
    return [np.array([x.mean() + 0.5, y.mean() + 0.5]) for x, y in groups if len(x)]
