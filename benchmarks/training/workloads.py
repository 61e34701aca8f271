"""What is trained: a model, the size of its pictures and how many of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imtrans.errors import UsageError

MODELS = ("cyclegan", "pix2pix", "dcgan")
SIZES = {"cyclegan": (128, 256), "pix2pix": (256,), "dcgan": (64,)}
BATCHES = {"cyclegan": 1, "pix2pix": 1, "dcgan": 32}
"""The authors' own, but for DCGAN, who take 128: too many for a look on two cores."""
DCGAN_SIZE = 64
SMALLEST = {"cyclegan": 24, "pix2pix": 32}


@dataclass(frozen=True)
class Workload:
    """One line of the table."""

    model: str
    size: int
    """Pixels a side."""
    batch: int
    """Pictures of each domain in a step."""
    ngf: int
    """Filters of the first convolution of every network."""
    blocks: int
    """Residual blocks of CycleGAN's generators."""

    @property
    def name(self) -> str:
        """For people."""
        blocks = f", {self.blocks} blocks" if self.model == "cyclegan" else ""
        return f"{self.model}, {self.batch} x {self.size} x {self.size}{blocks}"

    @property
    def shape(self) -> list[int]:
        """Of a batch of one domain."""
        return [self.batch, 3, self.size, self.size]


def workloads(
    models: Sequence[str], sizes: Sequence[int] | None, batch: int | None, ngf: int, blocks: int | None
) -> list[Workload]:
    """The lines of a run. What is None is as the authors have it; DCGAN has one size.

    Raises:
        UsageError: a size that a model's networks cannot take.
    """
    found = []
    for model in models:
        for size in SIZES[model] if sizes is None or model == "dcgan" else sizes:
            _check_size(model, size)
            # The authors of CycleGAN take 6 blocks for 128 pixels and 9 for 256.
            depth = blocks if blocks is not None else 6 if size < 256 else 9
            found.append(Workload(model, size, batch or BATCHES[model], ngf, depth))
    return found


def _check_size(model: str, size: int) -> None:
    if model == "dcgan":
        return
    least = SMALLEST[model]
    fits = size % 4 == 0 if model == "cyclegan" else size & (size - 1) == 0
    if size < least or not fits:
        kind = "multiples of 4" if model == "cyclegan" else "powers of 2"
        raise UsageError(f"{model} takes pictures of {kind} from {least} on, not of {size} pixels.")
