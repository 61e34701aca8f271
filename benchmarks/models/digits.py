"""Judge generators of handwritten digits with a small classifier: do they draw the digit that they are asked for?

    python benchmarks/models/digits.py --data digits/ --output benchmarks/results/digits.json \
        cgan=runs/cgan/checkpoints/step-00008000/generator.ema.safetensors dcgan=…

The classifier learns from nine tenths of the digits, and what it is worth is measured on the rest: how many it reads
rightly, and of how many it is sure (0.9 and more). Of each generator it sees pictures of the seeds from 0 on. For
conditional ones the share counts in which it reads the digit that was asked for; for all, the share of which it is
sure, and how the pictures spread over the digits.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for benchmarks/surroundings.py

from command_line import tell
from surroundings import surroundings

from imtrans.data.idx import find_idx, labelled
from imtrans.errors import InputError
from imtrans.infer.generator import Generator, load_generator

SIDE = 28
DIGITS = 10
SURE = 0.9


def main(arguments: Sequence[str] | None = None) -> int:
    """Train the classifier, judge every generator, and write what was found."""
    options = parse(arguments)
    return tell(run, options)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("generators", nargs="*", metavar="MODEL=WEIGHTS", help="models with the files of their weights")
    add("--data", type=Path, required=True, help="folder with IDX files of digits and their labels")
    add("--output", type=Path, help="JSON file to write; it is printed in any case")
    add("--epochs", type=int, default=10, help="rounds of the classifier through its digits (default: %(default)s)")
    add("--per-class", type=int, default=100, help="pictures of each digit (default: %(default)s)")
    add("--seed", type=int, default=0, help="of the classifier")
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Everything, in order."""
    pictures, labels = read_digits(options.data)
    order = torch.from_numpy(np.random.default_rng(options.seed).permutation(len(labels)))
    held_out, learnt = order[: len(order) // 10], order[len(order) // 10 :]
    classifier = train(pictures[learnt], labels[learnt], options.epochs, options.seed)
    sure, digit = read(classifier, pictures[held_out]).max(1)
    results: dict[str, Any] = {
        "surroundings": surroundings(torch.device("cpu")),
        "classifier": {
            "accuracy": share(digit == labels[held_out]),
            "sure": share(sure >= SURE),
            "learnt": len(learnt),
            "held_out": len(held_out),
        },
        "generators": {},
    }
    for pair in options.generators:
        model, _, weights = pair.partition("=")
        generator = load_generator(model, weights=weights, device="cpu")
        results["generators"][model] = judge(classifier, generator, options.per_class) | {
            "weights_sha256": hashlib.sha256(Path(weights).read_bytes()).hexdigest()
        }
    return results


def read_digits(folder: Path) -> tuple[Tensor, Tensor]:
    """All digits of a folder, float (N, 1, 28, 28) from 0 to 1, and their labels (N,)."""
    files = find_idx(folder, "train")
    if files is None:
        raise InputError(f"{folder} holds no IDX files.", hint="Give the folder of train-images-idx3-ubyte.gz.")
    images, labels = labelled(files)
    return torch.from_numpy(images.copy()).unsqueeze(1) / 255, torch.from_numpy(labels.astype(np.int64))


class Classifier(nn.Sequential):
    """Two convolutions and two linear layers; 98 % of held-out digits after ten rounds through 9,000."""

    def __init__(self) -> None:
        super().__init__(
            *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(32 * 7 * 7, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, DIGITS)),
        )


def train(pictures: Tensor, labels: Tensor, epochs: int, seed: int, batch: int = 64) -> Classifier:
    """A classifier that has learnt these digits, shifted by up to two pixels so that their place does not matter."""
    torch.manual_seed(seed)
    classifier = Classifier().train()
    adam = torch.optim.Adam(classifier.parameters(), lr=2e-3)
    for _ in range(epochs):
        for chosen in torch.randperm(len(labels)).split(batch):
            down, right = torch.randint(-2, 3, (2,)).tolist()
            shifted = pictures[chosen].roll((down, right), (2, 3))
            loss = functional.cross_entropy(classifier(shifted), labels[chosen])
            adam.zero_grad()
            loss.backward()
            adam.step()
    return classifier.eval()


def read(classifier: Classifier, pictures: Tensor) -> Tensor:
    """How probable each digit is, (N, 10)."""
    with torch.inference_mode():
        return torch.cat([classifier(part).softmax(1) for part in pictures.split(500)])


def judge(classifier: Classifier, generator: Generator, per_class: int) -> dict[str, Any]:
    """The classifier's verdicts on what a generator draws."""
    asked = torch.arange(DIGITS).repeat_interleave(per_class)
    # A conditional generator draws the same seeds in every class, an unconditional one seeds of its own.
    seeds = list(range(per_class)) * DIGITS if generator.classes else list(range(len(asked)))
    classes = asked.tolist() if generator.classes else None
    probable = read(classifier, drawn(generator, seeds, classes))
    sure, digit = probable.max(1)
    found: dict[str, Any] = {
        "pictures": len(asked),
        "sure": share(sure >= SURE),
        "spread": torch.bincount(digit, minlength=DIGITS).tolist(),
    }
    if generator.classes:
        right = digit == asked
        found["as_asked"] = share(right)
        found["as_asked_by_digit"] = [share(part) for part in right.split(per_class)]
    return found


def drawn(generator: Generator, seeds: list[int], classes: list[int] | None) -> Tensor:
    """The pictures of the seeds as the classifier reads them, float (N, 1, 28, 28) from 0 to 1."""
    images = generator(seeds, classes=classes, batch_size=100)
    stacked = torch.from_numpy(np.stack([np.asarray(image.convert("L")) for image in images])).unsqueeze(1) / 255
    if stacked.shape[-1] == SIDE:
        return stacked
    return functional.interpolate(stacked, size=(SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)


def share(flags: Tensor) -> float:
    """How many of the flags are true, from 0 to 1."""
    return round(flags.float().mean().item(), 4)


if __name__ == "__main__":
    raise SystemExit(main())
