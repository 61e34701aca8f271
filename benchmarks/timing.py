"""Taking times fairly: candidates in turns, medians with their spread, and a sentence for what cannot run at all."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from clocks import Clock, Function, Sampler, processor, wall

from imtrans.errors import ImtransError

WARM_UPS = 2
"""Samples that nobody sees: first calls compile, allocate and fault pages in."""
FEWEST_SAMPLES = 5


@dataclass(frozen=True)
class Timing:
    """Seconds that one call took, over ``samples`` samples: the median, both quartiles and the fastest."""

    median: float
    lower: float
    upper: float
    fastest: float
    samples: int

    @classmethod
    def of(cls, samples: list[float]) -> Timing:
        """Summarise samples, of which there are two or more."""
        lower, median, upper = statistics.quantiles(samples, n=4, method="inclusive")
        return cls(median, lower, upper, min(samples), len(samples))


@dataclass(frozen=True)
class Comparison:
    """The timings of the candidates that run, and for the others why they do not."""

    timings: dict[str, Timing]
    impossible: dict[str, str]


def compare(
    candidates: Mapping[str, Function],
    clock: Clock,
    *,
    seconds: float,
    settle: float | None = None,
    fewest: int = FEWEST_SAMPLES,
) -> Comparison:
    """Time the candidates in turns, so that whatever else the machine does meets all of them alike.

    Args:
        candidates: functions by name. One that raises is left out, with the reason; an ``ImtransError``, which is
            about what we measure and not about a peer, goes through.
        clock: how to measure.
        seconds: how long to measure all of them together.
        settle: seconds to wait before each sample, followed by a call that is not measured. For candidates with
            threads of their own, which spin for a while after they have finished and would slow the next one down.
        fewest: samples of each, however long they take; two or more.
    """
    samplers: dict[str, Sampler] = {}
    impossible: dict[str, str] = {}
    for name, function in candidates.items():
        try:
            samplers[name] = _warm(clock(function))
        except ImtransError:
            raise
        except Exception as error:  # peers fail in their own ways, and the table says which
            impossible[name] = reason(error)
    taken: dict[str, list[float]] = {name: [] for name in samplers}
    end = time.perf_counter() + seconds
    while taken and (time.perf_counter() < end or min(map(len, taken.values())) < fewest):
        for name, sampler in samplers.items():
            if settle is not None:
                time.sleep(settle)
                sampler()
            taken[name].append(sampler())
    return Comparison({name: Timing.of(samples) for name, samples in taken.items()}, impossible)


def _warm(sampler: Sampler) -> Sampler:
    for _ in range(WARM_UPS):
        sampler()
    return sampler


def reason(error: Exception) -> str:
    """The first sentence of an exception, for the cell of a table."""
    lines = str(error).strip().splitlines()
    sentence = lines[0].split(". ")[0].rstrip(".") if lines else ""
    return (sentence or type(error).__name__)[:160]


def clocks_for(device: torch.device, *, cpu_time: bool = False) -> dict[str, Clock]:
    """The clocks that say something about this device, by name."""
    if device.type != "cuda":
        return {"processor": processor} if cpu_time else {"wall": wall}
    from cuda_timing import cold, graph, warm

    return {"cold": cold(device), "warm": warm(device), "graph": graph(device)}
