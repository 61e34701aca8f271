"""Random numbers of the augmentations, one for each picture of a batch."""

from __future__ import annotations

import torch
from torch import Tensor


class Draws:
    """From torch's global generator on the CPU: the same ones for every device, and part of a run's checkpoints.

    Args:
        count: pictures in the batch.
        device: where the numbers are wanted.
    """

    def __init__(self, count: int, device: torch.device | str = "cpu") -> None:
        self.count, self.device = count, device

    def uniform(self) -> Tensor:
        """(N,) from U(0, 1)."""
        return torch.rand(self.count).to(self.device)

    def normal(self) -> Tensor:
        """(N,) from N(0, 1)."""
        return torch.randn(self.count).to(self.device)

    def happens(self, probability: Tensor | float) -> Tensor:
        """(N,), true with that probability."""
        return torch.rand(self.count).to(self.device) < probability

    def maybe(self, probability: Tensor | float, value: Tensor, neutral: float) -> Tensor:
        """``value`` with that probability, else what changes nothing."""
        return torch.where(self.happens(probability), value, torch.full_like(value, neutral))
