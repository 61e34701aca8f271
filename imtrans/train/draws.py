"""How many batches each step draws: one, and one more for every further repetition of a phase that wants fresh ones.

Which batches a step draws is a function of its number alone, so a resumed run draws what the killed one would have.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from imtrans.train.method import Phase

T = TypeVar("T")


class Draws:
    """The batches of a run, numbered from 0 in the order in which its steps draw them.

    Args:
        phases: of the method.
    """

    def __init__(self, phases: Sequence[Phase]) -> None:
        fresh = [phase for phase in phases if phase.fresh]
        period = math.lcm(*(phase.every for phase in fresh))
        self._counts = [
            max((phase.repeat for phase in fresh if step % phase.every == 0), default=1) for step in range(period)
        ]
        self._sums = [0, *itertools.accumulate(self._counts)]

    def of(self, step: int) -> int:
        """How many batches that step draws."""
        return self._counts[step % len(self._counts)]

    def before(self, step: int) -> int:
        """How many batches are drawn before that step: the number of its first one."""
        periods, rest = divmod(step, len(self._counts))
        return periods * self._sums[-1] + self._sums[rest]

    def steps_for(self, batches: int) -> int:
        """The fewest steps that draw so many batches."""
        periods, rest = divmod(batches, self._sums[-1])
        return periods * len(self._counts) + next(step for step, drawn in enumerate(self._sums) if drawn >= rest)

    def by_step(self, batches: Iterable[T], first: int) -> Iterator[list[T]]:
        """The batches of each step from ``first`` on, until there are no more."""
        feed = iter(batches)
        for step in itertools.count(first):
            if not (drawn := list(itertools.islice(feed, self.of(step)))):
                return
            yield drawn
