"""Curves of runs and strips of their samples, drawn with Pillow: one panel a loss, one colour a run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from imtrans.data.picture import read_picture
from imtrans.errors import InputError, TrainingError

Curve = Sequence[tuple[int, float]]
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f")
"""Okabe and Ito's palette, which the colour-blind can tell apart."""
FINE = 2
"""Everything is drawn so many times larger and then reduced, for Pillow's lines have steps."""
PANEL = (380 * FINE, 240 * FINE)
MARGIN = (52 * FINE, 28 * FINE, 12 * FINE, 24 * FINE)
"""Left, top, right and bottom of a panel, for its title and its numbers."""
INK, GRID = "#333333", "#e4e4e4"
SMOOTH = 0.1
"""Share of each point in the bold line, an exponential mean; the points themselves are pale."""


def draw_curves(runs: Mapping[str, Mapping[str, Curve]], columns: int = 3) -> Image.Image:
    """One panel for each loss or metric, with a line for each run that has it.

    Args:
        runs: by name, the (step, value) pairs of each loss by name.
        columns: panels side by side.

    Raises:
        TrainingError: there is nothing to draw.
    """
    names = list(dict.fromkeys(name for curves in runs.values() for name in curves))
    if not names:
        raise TrainingError("there are no losses to draw.", hint="Wait for the first line of log.jsonl.")
    columns = min(columns, len(names))
    legend = 30 * FINE if len(runs) > 1 else 0
    width, height = PANEL[0] * columns, PANEL[1] * math.ceil(len(names) / columns) + legend
    picture = Image.new("RGB", (width, height), "white")
    for place, name in enumerate(names):
        lines = [curves.get(name, ()) for curves in runs.values()]
        row, column = divmod(place, columns)
        picture.paste(_panel(name, lines), (column * PANEL[0], row * PANEL[1] + legend))
    if legend:
        _draw_legend(ImageDraw.Draw(picture), list(runs))
    return picture.reduce(FINE)


def _draw_legend(draw: ImageDraw.ImageDraw, names: Sequence[str]) -> None:
    left, font = 12.0 * FINE, _font(12 * FINE)
    for place, name in enumerate(names):
        draw.rectangle((left, 12 * FINE, left + 14 * FINE, 18 * FINE), fill=COLOURS[place % len(COLOURS)])
        draw.text((left + 20 * FINE, 8 * FINE), name, fill=INK, font=font)
        left += 40 * FINE + draw.textlength(name, font=font)


def _panel(title: str, lines: Sequence[Curve]) -> Image.Image:
    panel = Image.new("RGB", PANEL, "white")
    draw = ImageDraw.Draw(panel)
    left, top, right, bottom = MARGIN
    box = (left, top, PANEL[0] - right, PANEL[1] - bottom)
    points = [point for line in lines for point in line]
    steps = (0, max((step for step, _ in points), default=1) or 1)
    low, high = _range([value for _, value in points])
    draw.text((left, 8 * FINE), title, fill=INK, font=_font(13 * FINE))
    for tick in _ticks(low, high):
        y = _scaled(tick, (low, high), (box[3], box[1]))
        draw.line((box[0], y, box[2], y), fill=GRID, width=FINE)
        draw.text((left - 6 * FINE, y), f"{tick:.4g}", fill=INK, font=_font(10 * FINE), anchor="rm")
    for step in _ticks(*steps):
        x = _scaled(step, steps, (box[0], box[2]))
        draw.text((x, box[3] + 5 * FINE), _count(step), fill=INK, font=_font(10 * FINE), anchor="mt")
    draw.line((box[0], box[3], box[2], box[3]), fill=INK, width=FINE)
    for place, line in enumerate(lines):
        colour = COLOURS[place % len(COLOURS)]
        for values, shade, thickness in ((line, _pale(colour), FINE), (_smooth(line), colour, 2 * FINE)):
            _draw_line(draw, values, steps, (low, high), box, shade, thickness)
    return panel


def _draw_line(
    draw: ImageDraw.ImageDraw,
    line: Curve,
    steps: tuple[float, float],
    values: tuple[float, float],
    box: tuple[int, int, int, int],
    colour: str,
    thickness: int,
) -> None:
    places = [
        (_scaled(step, steps, (box[0], box[2])), _scaled(value, values, (box[3], box[1]))) for step, value in line
    ]
    if len(places) == 1:
        ((x, y),) = places
        draw.ellipse((x - 2 * FINE, y - 2 * FINE, x + 2 * FINE, y + 2 * FINE), fill=colour)
    elif places:
        draw.line(places, fill=colour, width=thickness, joint="curve")


def _smooth(line: Curve) -> Curve:
    mean, found = None, []
    for step, value in line:
        mean = value if mean is None else mean + SMOOTH * (value - mean)
        found.append((step, mean))
    return found


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Lowest and highest value with some air; never empty."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    air = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return low - air, high + air


def _ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers in the range: multiples of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    apart = next(factor * power for factor in (1, 2, 5, 10, 20) if (high - low) / (factor * power) <= most)
    return [number * apart for number in range(math.ceil(low / apart), math.floor(high / apart) + 1)]


def _scaled(value: float, source: tuple[float, float], target: tuple[float, float]) -> float:
    return target[0] + (value - source[0]) / (source[1] - source[0]) * (target[1] - target[0])


def _count(step: float) -> str:
    return f"{step / 1000:g}k" if step >= 1000 else f"{step:g}"


def _pale(colour: str) -> str:
    parts = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return "#" + "".join(f"{round(255 - 0.3 * (255 - part)):02x}" for part in parts)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


# --- strips of samples ----------------------------------------------------------------------------------------------


def draw_strip(grids: Mapping[str, Path], height: int = 256) -> Image.Image:
    """Grids of samples side by side, each under its label, all brought to one height.

    Args:
        grids: the files by label; one that cannot be read is left out.
        height: pixels.

    Raises:
        TrainingError: there is none that can be read.
    """
    pictures: dict[str, Image.Image] = {}
    for label, path in grids.items():
        try:
            image = read_picture(path).image
        except InputError:
            continue
        size = (max(1, round(image.width * height / image.height)), height)
        pictures[label] = image.resize(size, Image.Resampling.LANCZOS)
    if not pictures:
        raise TrainingError("there are no samples to show.", hint="The first comes after train.sample_every steps.")
    width = sum(picture.width + 8 for picture in pictures.values())
    strip = Image.new("RGB", (width, height + 24), "white")
    draw = ImageDraw.Draw(strip)
    left = 4
    for label, picture in pictures.items():
        draw.text((left, 6), label, fill=INK, font=_font(12))
        strip.paste(picture, (left, 24))
        left += picture.width + 8
    return strip


def stack(pictures: Sequence[Image.Image]) -> Image.Image:
    """Pictures one below the other."""
    whole = Image.new("RGB", (max(p.width for p in pictures), sum(p.height for p in pictures)), "white")
    top = 0
    for picture in pictures:
        whole.paste(picture, (0, top))
        top += picture.height
    return whole


def spread(steps: Sequence[int], most: int) -> list[int]:
    """At most so many of ``steps``, evenly from the first to the last."""
    if len(steps) <= most:
        return list(steps)
    if most == 1:
        return [steps[-1]]
    return [steps[round(place * (len(steps) - 1) / (most - 1))] for place in range(most)]
