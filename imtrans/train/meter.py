"""Means of the losses between two reports."""

from __future__ import annotations

import time
from collections.abc import Mapping

from torch import Tensor

from imtrans.train.observer import Progress


class Meter:
    """Sums losses where they are computed, so that a GPU is not waited for in every step.

    Args:
        batch_size: pictures of each domain in a step.
    """

    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size
        self._began = self._since = time.perf_counter()
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}
        self._steps = 0

    def add(self, losses: Mapping[str, Tensor]) -> None:
        """Count one step; a loss that a lazy phase left out of it does not count for that loss."""
        self._steps += 1
        for name, loss in losses.items():
            self._sums[name] = self._sums[name] + loss if name in self._sums else loss.detach().double()
            self._counts[name] = self._counts.get(name, 0) + 1

    def progress(self, step: int, total: int) -> Progress:
        """The means since the last call, and a new start."""
        losses = {name: float(value) / self._counts[name] for name, value in self._sums.items()}
        now = time.perf_counter()
        speed = self._steps * self._batch_size / max(now - self._since, 1e-9)
        self._sums, self._counts, self._steps, self._since = {}, {}, 0, now
        return Progress(step, total, losses, speed, now - self._began)
