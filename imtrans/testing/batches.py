"""Random batches as data sets give them, for one training step in a test."""

from __future__ import annotations

import torch
from torch import Tensor

from imtrans.card import Card
from imtrans.data.kind_names import KindName

CLASSES = 3
"""Where the method leaves their number to the data set."""


def random_batch(
    kind: KindName,
    card: Card,
    size: int,
    *,
    classes: int | None = None,
    instance_maps: bool = False,
    count: int = 2,
    seed: int = 0,
) -> dict[str, Tensor]:
    """A batch of a data set of that kind, by name as docs/data.md says, the same one at every call.

    Args:
        kind: of the data set.
        card: whose value range and channels the pictures have.
        size: their height and width.
        classes: how many there are, of pixels or of pictures.
        instance_maps: whether a data set with label maps has the edges of instances too.
        count: pictures of each name.
        seed: another one gives another batch.
    """
    random = torch.Generator().manual_seed(seed)
    classes = classes or CLASSES
    low, high = card.value_range

    def pictures() -> Tensor:
        channels = 1 if card.channels == "L" else 3
        return torch.rand(count, channels, size, size, generator=random) * (high - low) + low

    def numbers(below: int, *shape: int) -> Tensor:
        return torch.randint(below, (count, *shape), generator=random)

    if kind in ("unpaired", "paired"):
        return {"A": pictures(), "B": pictures()}
    batch = {"image": pictures()}
    if kind == "labels":
        batch["label"] = numbers(classes + 1, 1, size, size).byte()  # the number after the last class is unknown
        if instance_maps:
            batch["edges"] = numbers(2, 1, size, size).byte()
    if kind == "classes":
        batch["labels"] = numbers(classes)
    return batch
