"""What a clock is, and two for work that is done when it comes back; the clocks of a GPU are in ``cuda_timing.py``."""

from __future__ import annotations

import time
from collections.abc import Callable

Function = Callable[[], object]
"""What is measured: one call of it."""
Sampler = Callable[[], float]
"""Measures once and gives the seconds of one call."""
Clock = Callable[[Function], Sampler]
"""A way of measuring. It makes ready what it needs for a function (a CUDA graph, say) and gives the sampler."""


def wall(function: Function) -> Sampler:
    """The clock on the wall."""
    return lambda: _elapsed(time.perf_counter, function)


def processor(function: Function) -> Sampler:
    """The time of the processor, which other work on the machine disturbs less; only for one thread."""
    return lambda: _elapsed(time.process_time, function)


def _elapsed(now: Callable[[], float], function: Function) -> float:
    start = now()
    function()
    return now() - start
