"""What the training loop tells whoever listens: a terminal, a log file, a program, a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Progress:
    """How training went since the last report."""

    step: int
    """Steps done."""
    total: int
    losses: Mapping[str, float]
    """Mean of each named loss since the last report."""
    images_per_second: float
    """Pictures of each domain, over all devices."""
    seconds: float
    """Since this process began to train."""

    def with_mean(self, losses: Sequence[Mapping[str, float]]) -> Progress:
        """The same with the mean of every loss over several processes."""
        if len(losses) == 1:
            return self
        mean = {name: sum(each[name] for each in losses) / len(losses) for name in self.losses}
        return replace(self, losses=mean)


class Observer:
    """Hears of a run and does nothing; subclasses override what they want to hear."""

    def step(self, step: int) -> None:
        """A step is done, the ``step``-th of the run."""

    def report(self, progress: Progress) -> None:
        """A line of the log is written."""

    def unreadable(self, path: str, reason: str) -> None:
        """A picture cannot be read, and others stand in for it; told once for each file."""

    def evaluated(self, step: int, metrics: Mapping[str, float], best: bool) -> None:
        """The translators were measured; ``best`` where they are the best so far by ``train.best_metric``."""

    def note(self, text: str) -> None:
        """Something that the user should know and that stops nothing, as a sentence without a full stop."""
