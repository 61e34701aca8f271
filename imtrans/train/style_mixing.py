"""Style mixing, a regularisation of networks with styles (Karras et al., "A Style-Based Generator …", 2019, 3.1)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def mixed_styles(
    mapping: Callable[..., Tensor],
    z: Tensor,
    labels: Tensor | None = None,
    *,
    share: float,
    layers: int | None = None,
) -> Tensor:
    """Styles (N, num_ws, w_dim) of latents, in some batches with the later layers' taken from other latents.

    So the network cannot count on neighbouring layers to agree. The layer from which on the others' styles hold is
    drawn anew for each batch, for all of its pictures.

    Args:
        mapping: the mapping network, which takes ``update_average``; the other latents leave its average alone.
        z: latents (N, z_dim) from N(0, 1).
        labels: the classes' numbers, int64 (N,); None for networks without classes.
        share: of the batches that are mixed, 0 to 1.
        layers: how many layers take part so far, at least 2; None for all.
    """
    ws = mapping(z, labels)
    if share <= 0:
        return ws
    count = ws.shape[1]
    # Everything is drawn, whether it is used or not: so the random numbers that follow do not depend on it.
    crossover = torch.empty((), dtype=torch.int64).random_(1, count if layers is None else layers)
    mixed = torch.rand(()) < share
    first = torch.arange(count) < torch.where(mixed, crossover, count)
    others = mapping(torch.randn_like(z), labels, update_average=False)
    return torch.where(first.to(ws.device)[None, :, None], ws, others)
