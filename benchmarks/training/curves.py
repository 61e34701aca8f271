"""Whether loops that started alike and saw the same batches have the same losses."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

ROWS = 12
"""Steps of which the losses are kept, spread over the run."""
History = Sequence[Mapping[str, float]]
"""The losses of every step, by name."""


def kept_steps(count: int) -> list[int]:
    """At most ``ROWS`` steps from 0 to ``count - 1``, both of them included."""
    rows = min(ROWS, count)
    return sorted({round(row * (count - 1) / max(rows - 1, 1)) for row in range(rows)})


def difference(mine: History, theirs: History) -> float:
    """The mean absolute difference of a loss over the steps, over its mean, for the loss that differs most.

    Two runs in float32 differ by rounding, which Adam's first steps enlarge: a step has the size of the learning rate,
    however small the gradient whose sign it follows.
    """
    return max(_relative([step[name] for step in mine], [step[name] for step in theirs]) for name in theirs[0])


def _relative(mine: Sequence[float], theirs: Sequence[float]) -> float:
    far = math.fsum(abs(one - other) for one, other in zip(mine, theirs, strict=True))
    return far / max(math.fsum(map(abs, theirs)), 1e-12)
