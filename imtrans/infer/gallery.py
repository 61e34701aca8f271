"""Generated pictures as files: one a seed, or several as one grid; each says in its metadata what it is made of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from PIL import Image

from imtrans.errors import UsageError
from imtrans.infer.generator import Drawing, Generator, Sampling
from imtrans.infer.mixing import mix
from imtrans.version import __version__


@dataclass(frozen=True)
class Subject:
    """What one picture shows: a seed, and for a conditional model a class."""

    seed: int
    label: int | None = None

    def file_name(self, suffix: str, *, classes: bool) -> str:
        """``seed0042.png`` as NVIDIA's ``gen_images.py`` writes it, with the class where there are several."""
        return f"seed{self.seed:04d}{f'-class{self.label}' if classes else ''}{suffix}"


def subjects(seeds: Sequence[int], classes: Sequence[int] | None) -> list[Subject]:
    """Every seed in every class, a class after the other."""
    return [Subject(seed, label) for label in (classes or (None,)) for seed in seeds]


def draw(generator: Generator, wanted: Sequence[Subject], sampling: Sampling, batch_size: int) -> Drawing:
    """What the pictures of the subjects are made of.

    Raises:
        UsageError: a seed, class or setting that the model does not have.
    """
    labels = [subject.label for subject in wanted if subject.label is not None]
    return generator.draw([subject.seed for subject in wanted], labels or None, sampling, batch_size=batch_size)


def images(generator: Generator, drawing: Drawing, sampling: Sampling, batch_size: int) -> Iterator[Image.Image]:
    """The pictures of a drawing one after the other, computed in batches."""
    for batch in generator.pictures(drawing, sampling.noise, batch_size=batch_size):
        yield from batch


def description(generator: Generator, sampling: Sampling, **what: Any) -> str:
    """What a file's metadata say: model, weights, settings and ``what`` the picture shows, as JSON."""
    settings = asdict(sampling) if generator.styles is not None else {}
    record = {
        "model": generator.card.name,
        "weights": generator.weights,
        **what,
        **settings,
        "precision": generator.precision,
        "imtrans": __version__,
    }
    return json.dumps({key: value for key, value in record.items() if value is not None})


def make_grid(pictures: Sequence[Image.Image], columns: int) -> Image.Image:
    """Pictures of one size row by row, without gaps, as NVIDIA's grids."""
    width, height = pictures[0].size
    rows = -(-len(pictures) // columns)
    grid = Image.new("RGB", (columns * width, rows * height))
    for place, picture in enumerate(pictures):
        grid.paste(picture, (place % columns * width, place // columns * height))
    return grid


def check_grid(grid: tuple[int, int], count: int) -> None:
    """Refuse a grid that does not fit the pictures.

    Raises:
        UsageError: it has another number of places.
    """
    columns, rows = grid
    if columns * rows != count:
        raise UsageError(
            f"a grid of {columns}x{rows} has {columns * rows} places, and there are {count} pictures.",
            hint=f"Type --seeds 0-{columns * rows - 1}, or a --grid that fits.",
        )


def mixing_matrix(
    generator: Generator,
    rows: Sequence[int],
    columns: Sequence[int],
    layers: list[int],
    label: int | None,
    sampling: Sampling,
    batch_size: int,
) -> Image.Image:
    """The matrix of style mixing: sources along the upper and the left edge, and where they meet, their mixture.

    Args:
        generator: of a network with styles.
        rows: seeds whose styles the pictures of a row have in all other layers.
        columns: seeds whose styles the pictures of a column have in ``layers``.
        layers: numbers of layers.
        label: class of all pictures.
        sampling: truncation and noise.
        batch_size: pictures in a forward pass.
    """
    down, across = (generator.draw(seeds, label, sampling, batch_size=batch_size) for seeds in (rows, columns))
    sources = [list(images(generator, drawing, sampling, batch_size)) for drawing in (down, across)]
    row_of = torch.arange(len(rows)).repeat_interleave(len(columns))
    column_of = torch.arange(len(columns)).repeat(len(rows))
    mixed = mix(_chosen(down, row_of), _chosen(across, column_of), layers)
    inner = list(images(generator, mixed, sampling, batch_size))
    width, height = generator.size
    cells: list[Image.Image] = [Image.new("RGB", (width, height), "white"), *sources[1]]
    for place, source in enumerate(sources[0]):
        cells += [source, *inner[place * len(columns) : (place + 1) * len(columns)]]
    return make_grid(cells, len(columns) + 1)


def _chosen(drawing: Drawing, places: torch.Tensor) -> Drawing:
    labels = None if drawing.labels is None else drawing.labels[places]
    return Drawing(drawing.codes[places], labels, [drawing.seeds[place] for place in places.tolist()])
