"""What the training loop tells whoever listens: a terminal, a log file, a program, a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """How training went since the last report."""

    step: int
    """Steps done."""
    total: int
    losses: Mapping[str, float]
    """Mean of each named loss since the last report."""
    images_per_second: float
    """Pictures of each domain."""
    seconds: float
    """Since this process began to train."""


class Observer:
    """Hears of a run and does nothing; subclasses override what they want to hear."""

    def step(self, step: int) -> None:
        """A step is done, the ``step``-th of the run."""

    def report(self, progress: Progress) -> None:
        """A line of the log is written."""

    def unreadable(self, path: str, reason: str) -> None:
        """A picture cannot be read, and others stand in for it; told once for each file."""
