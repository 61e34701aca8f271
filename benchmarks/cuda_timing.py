"""Three clocks for a GPU, because one figure hides what matters: launches, the L2 cache, or both.

``cold``: time on the GPU of one call that finds nothing in the L2 cache, as a layer does whose input was written long
ago. ``warm``: time on the wall of one of many calls in a row, launches from Python included; a small operator costs
what its launches cost. ``graph``: time on the GPU of one of many calls in a CUDA graph, which is how a network of fixed
shapes is best run; nothing is launched from Python, and small maps stay in the L2 cache.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import torch
from clocks import Clock, Function, Sampler

T = TypeVar("T")

CALLS = 20
"""Calls in a row for ``warm`` and ``graph``; both give the time of one."""
FLUSH_BYTES = 256 << 20
"""More than any L2 cache has."""
FLUSHES = 8
"""Writing it so often keeps the GPU busy for half a millisecond or more, in which Python launches what is measured."""


def cold(device: torch.device) -> Clock:
    """GPU seconds of one call after the L2 cache has been filled with something else."""
    flush = torch.empty(FLUSH_BYTES, dtype=torch.uint8, device=device)

    def clock(function: Function) -> Sampler:
        def sample() -> float:
            for _ in range(FLUSHES):
                flush.zero_()
            return _gpu_seconds(function)

        return sample

    return clock


def warm(device: torch.device) -> Clock:
    """Wall-clock seconds of one of ``CALLS`` calls in a row."""

    def clock(function: Function) -> Sampler:
        def sample() -> float:
            torch.cuda.synchronize(device)
            start = time.perf_counter()
            for _ in range(CALLS):
                function()
            torch.cuda.synchronize(device)
            return (time.perf_counter() - start) / CALLS

        return sample

    return clock


def graph(device: torch.device) -> Clock:
    """GPU seconds of one of ``CALLS`` calls that a CUDA graph holds."""

    def clock(function: Function) -> Sampler:
        captured, _ = capture(function, device, CALLS)
        return lambda: _gpu_seconds(captured.replay) / CALLS

    return clock


def _gpu_seconds(function: Function) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    function()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end)) / 1e3


def capture(function: Callable[[], T], device: torch.device, calls: int = 1) -> tuple[torch.cuda.CUDAGraph, T]:
    """A CUDA graph of some calls of ``function``, and what the last one returns, which each replay writes anew.

    The function is called a few times on a side stream first, as ``torch.cuda.CUDAGraph`` asks for.
    """
    stream = torch.cuda.Stream(device)
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        for _ in range(3):
            function()
    torch.cuda.current_stream(device).wait_stream(stream)
    captured = torch.cuda.CUDAGraph()
    with torch.cuda.graph(captured):
        for _ in range(calls):
            returned = function()
    return captured, returned
