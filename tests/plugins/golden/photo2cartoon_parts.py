"""What photo2cartoon's golden files and the tests that read them have in common: weights drawn from a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional


def drawn(shapes: Mapping[str, Sequence[int]], seed: int) -> dict[str, Tensor]:
    """A state dict in float64 of these keys and shapes, in their order, from numpy's legacy generator, which is frozen.

    The signal keeps its size, values are exact in half precision, and shares (rho, w_gamma, w_beta) lie in [0, 1], many
    of them at its ends.
    """
    random = np.random.RandomState(seed)
    return {key: _drawn(key, torch.from_numpy(random.standard_normal(tuple(shape)))) for key, shape in shapes.items()}


def _drawn(key: str, noise: Tensor) -> Tensor:
    if key.endswith(("rho", "w_gamma", "w_beta")):
        values = (0.5 + 0.6 * noise).clamp(0, 1)
    elif noise.dim() == 4 and noise.shape[2:] == (1, 1) and key.endswith(("gamma", "beta")):
        values = 0.2 * noise + (1 if key.endswith("gamma") else 0)
    elif noise.dim() >= 2:
        values = noise * (1 / noise[0].numel()) ** 0.5
    else:
        values = 0.2 * noise
    return values.half().double()


class Embedding(nn.Module):
    """Stands in for the network that recognises faces: (N, 3, 112, 112) to (N, 6)."""

    def __init__(self) -> None:
        super().__init__()
        weight = np.random.RandomState(0).standard_normal((6, 3 * 7 * 7))
        self.weight = nn.Parameter(torch.from_numpy(weight))

    def forward(self, x: Tensor) -> Tensor:
        """Averages over squares of 16 pixels, and a matrix."""
        return functional.linear(functional.avg_pool2d(x, 16).flatten(1), self.weight.to(x.dtype))
