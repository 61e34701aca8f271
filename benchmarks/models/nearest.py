"""Ask whether a generator copies the pictures that it learnt from, and whether it repeats itself.

    python benchmarks/models/nearest.py --data portraits/trainA --held-out portraits/testA \
        --output benchmarks/results/stylegan2-portraits64.json --sheet /tmp/nearest.png stylegan2=portraits64

Every drawn picture is compared with every training picture and its mirror image. Distances are root mean squares over
pixels of the range, at 32 pixels, where faces and poses show and grain does not. Three things are reported:

* the distance to the nearest training picture, beside that of held-out real pictures, which copy nobody;
* the share of copies: pictures whose nearest training picture is less than half as far as their fifty nearest are on
  average (the test of Carlini et al., "Extracting Training Data from Diffusion Models", 2023, with its numbers);
* the distance to the nearest other drawn picture, beside that between as many training pictures: much smaller, and the
  generator repeats itself.

The sheet shows the drawn pictures that are nearest to training pictures, each above its neighbour. It is for the eye
of whoever may see the training pictures.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for benchmarks/surroundings.py

from command_line import tell
from surroundings import surroundings

from imtrans.data.folders import all_pictures
from imtrans.data.picture import read_picture, write_picture
from imtrans.data.pixels import to_tensor
from imtrans.errors import InputError
from imtrans.infer.generator import load_generator

SIDE = 32
"""Side of the pictures that are compared, in pixels."""

NEIGHBOURS = 50
COPY = 0.5
"""A picture is called a copy where the nearest is this much nearer than the NEIGHBOURS nearest on average."""

SHOWN = 10
"""Pairs on the sheet."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw, compare, and write what was found."""
    options = parse(arguments)
    return tell(run, options)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("generator", metavar="MODEL=WEIGHTS", help="a model with a file or the name of its weights")
    add("--data", type=Path, required=True, help="folder of the training pictures")
    add("--held-out", type=Path, required=True, help="folder of pictures of the same kind that it has not seen")
    add("--pictures", type=int, default=1000, help="how many to draw, from seed 0 on (default: %(default)s)")
    add("--truncation-psi", type=float, default=1.0, help="as of imtrans generate (default: %(default)s)")
    add("--output", type=Path, help="JSON file to write; it is printed in any case")
    add("--sheet", type=Path, help="picture file of the nearest pairs, which shows training pictures")
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Everything, in order."""
    model, _, weights = options.generator.partition("=")
    generator = load_generator(model, weights=weights or None, device="cpu")
    learnt = read(options.data)
    held_out = read(options.held_out)
    images = generator(list(range(options.pictures)), truncation_psi=options.truncation_psi)
    drawn = stack(images)
    to_learnt, from_held_out = distances(drawn, learnt), distances(held_out, learnt)
    if options.sheet:
        write_picture(sheet(images, to_learnt, all_pictures(options.data)), options.sheet)
    return {
        "surroundings": surroundings(torch.device("cpu")),
        "weights": {"model": model, "name": weights} | digest(Path(weights)),
        "pictures": options.pictures,
        "truncation_psi": options.truncation_psi,
        "training_pictures": len(learnt),
        "to_nearest_training_picture": {
            "drawn": spread(to_learnt.amin(1)),
            "held_out": spread(from_held_out.amin(1)),
        },
        "copies": {
            "drawn": copies(to_learnt),
            "held_out": copies(from_held_out),
            "training_pictures_themselves": copies(distances(learnt, learnt)),
        },
        "to_nearest_other": {
            "drawn": spread(apart(drawn[: len(learnt)])),
            "training_pictures": spread(apart(learnt[: len(drawn)])),
        },
    }


def read(folder: Path) -> Tensor:
    """The pictures of a folder, as :func:`stack` gives them."""
    paths = all_pictures(folder)
    if not paths:
        raise InputError(f"{folder} holds no pictures.", hint="Give the folder that the training was given.")
    return stack([read_picture(path).image for path in paths])


def stack(images: Sequence[Image.Image]) -> Tensor:
    """Pictures shrunk to the side that is compared, float (N, 3, 32, 32) from 0 to 1."""
    small = [image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX) for image in images]
    return torch.stack([to_tensor(image, (0.0, 1.0)) for image in small])


def distances(some: Tensor, others: Tensor) -> Tensor:
    """Root mean squares between all pictures of one stack and all of the other or their mirror images, (N, M)."""
    flat = some.flatten(1)
    exact = "donot_use_mm_for_euclid_dist"  # the product that it would use leaves equal pictures a distance apart
    both = [torch.cdist(flat, turned.flatten(1), compute_mode=exact) for turned in (others, others.flip(3))]
    return torch.minimum(*both) / flat.shape[1] ** 0.5


def apart(stack: Tensor) -> Tensor:
    """Distance of each picture to the nearest other one of the same stack, (N,)."""
    between = distances(stack, stack)
    between.fill_diagonal_(float("inf"))
    return between.amin(1)


def copies(between: Tensor) -> float:
    """The share of rows whose nearest is far nearer than their nearest neighbours are on average, from 0 to 1."""
    nearest = between.topk(min(NEIGHBOURS, between.shape[1]), largest=False).values
    return round((nearest[:, 0] < COPY * nearest.mean(1)).float().mean().item(), 4)


def spread(values: Tensor) -> dict[str, float]:
    """Least, twentieth, median."""
    return {
        "least": round(values.min().item(), 4),
        "twentieth": round(values.quantile(0.05).item(), 4),
        "median": round(values.median().item(), 4),
    }


def digest(weights: Path) -> dict[str, str]:
    """What identifies a file of weights; nothing for weights by name."""
    return {"sha256": hashlib.sha256(weights.read_bytes()).hexdigest()} if weights.is_file() else {}


def sheet(images: Sequence[Image.Image], between: Tensor, paths: Sequence[Path]) -> Image.Image:
    """The drawn pictures nearest to training pictures, each above its neighbour."""
    first = between.amin(1).argsort()[:SHOWN].tolist()
    width, height = images[0].size
    pasted = Image.new("RGB", (width * len(first), 2 * height), "white")
    for column, place in enumerate(first):
        neighbour = read_picture(paths[int(between[place].argmin())]).image.resize((width, height))
        pasted.paste(images[place].convert("RGB"), (column * width, 0))
        pasted.paste(neighbour, (column * width, height))
    return pasted


if __name__ == "__main__":
    raise SystemExit(main())
