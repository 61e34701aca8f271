"""Where the time of a step goes, and what memory it takes."""

from __future__ import annotations

import contextlib
import ctypes
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

PARTS = ("data", "forward", "backward", "optimiser")
"""``data``: waiting for the batch and moving it. ``forward``: all that is none of the others."""
_OWN = Path("/proc/self")


class Stopwatch:
    """Adds up the seconds of the parts of steps.

    Args:
        device: where the steps run. A GPU works on while Python goes ahead, so parts mean something only while
            ``waits`` is set, and then the step itself is slower.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.waits = False
        self._seconds: dict[str, float] = {}
        self._began = 0.0

    def reset(self) -> None:
        """Begin anew."""
        self._seconds = dict.fromkeys(PARTS, 0.0)

    @contextlib.contextmanager
    def step(self) -> Iterator[None]:
        """Everything that one step does."""
        before = sum(self._seconds.values())
        start = self._now()
        try:
            yield
        finally:
            named = sum(self._seconds.values()) - before
            self._seconds["forward"] += self._now() - start - named

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """One part of a step; ``forward`` is what is left."""
        start = self._now()
        try:
            yield
        finally:
            self._seconds[name] += self._now() - start

    def shares(self) -> dict[str, float]:
        """The parts of the whole; they add up to 1."""
        whole = sum(self._seconds.values())
        return {name: seconds / whole for name, seconds in self._seconds.items()}

    def _now(self) -> float:
        if self.waits and self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()


def peak_of(function: Callable[[], object], device: torch.device) -> int | None:
    """Bytes that ``function`` holds at most, above what was held before; None where the system does not tell.

    On a GPU what PyTorch's allocator gave out, on the CPU resident memory of this process: both without what was there
    before, such as weights, moments and the gradients of the step before.
    """
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        function()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    known = _forget_peak()
    start = _status("VmRSS") if known else 0
    function()
    return max(0, _status("VmHWM") - start) if known else None


def _forget_peak() -> bool:
    """Let Linux count the largest resident memory anew; False elsewhere."""
    try:
        if platform.libc_ver()[0] == "glibc":
            ctypes.CDLL(None).malloc_trim(0)  # freed memory that is still resident would hide what is allocated in it
        (_OWN / "clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return (_OWN / "status").is_file()


def _status(name: str) -> int:
    lines = (_OWN / "status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(f"{name}:"))
