"""Sample grids of a model that generates: the same latents at every look, so that a run's pictures can be compared."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from imtrans.nn.latents import latents

CLASSES_SHOWN = 10
"""Columns of the grid of a conditional model, one a class, at most."""


def latent_columns(network: nn.Module, rows: int = 8, columns: int = 8) -> dict[str, Tensor]:
    """Columns for :meth:`imtrans.train.method.Method.preview`, the pictures of the seeds from 0 on.

    Seeds count along the rows, as ``imtrans generate --grid`` lays them out. The grid of a conditional network has a
    column for each class, and a seed for each row.

    Args:
        network: a :class:`~imtrans.nn.generative.GenerativeNetwork`, in the mode that it is to run in.
        rows: pictures in a column.
        columns: of an unconditional network.

    Returns:
        By title, (rows, 3, H, W) in the card's value range; grey pictures have three equal channels.
    """
    z_dim, classes = int(network.z_dim), int(network.classes)  # type: ignore[arg-type]  # torch hides attributes' types
    device = next(network.parameters()).device
    count = min(classes, CLASSES_SHOWN) if classes else columns
    shown: dict[str, Tensor] = {}
    for column in range(count):
        seeds = range(rows) if classes else range(column, rows * columns, columns)
        z = latents(seeds, z_dim).to(device)
        pictures = network(z, torch.full((rows,), column, device=device)) if classes else network(z)
        title = f"class {column}" if classes else f"column {column + 1}"
        shown[title] = pictures.expand(-1, 3, -1, -1)
    return shown
