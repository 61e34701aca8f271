"""What the benchmarks share: taking times fairly, saying on what they were taken, and writing them down."""

from __future__ import annotations

import functools
import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import imtrans
from imtrans.ops import status

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Timing:
    """Seconds that one call took, over many calls."""

    median: float
    fastest: float
    calls: int


def compare(
    candidates: Mapping[str, Callable[[], object]], device: torch.device, *, seconds: float, cpu_time: bool = False
) -> dict[str, Timing]:
    """Time the candidates in turns, so that whatever else the machine does meets all of them alike.

    On CUDA each call finds a cold L2 cache, as it does between the layers of a network.

    Args:
        candidates: functions by name.
        device: where they work.
        seconds: how long to measure all of them together; each is called at least five times.
        cpu_time: count the time of the processor instead of the clock's, for one thread on a machine with other work.
    """
    clock = time.process_time if cpu_time else time.perf_counter
    run = _run_cold_on_cuda(device) if device.type == "cuda" else functools.partial(_run, clock)
    for function in candidates.values():  # the first calls allocate, compile and fault pages in
        for _ in range(3):
            run(function)
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or min(map(len, taken.values())) < 5:
        for name, function in candidates.items():
            taken[name].append(run(function))
    return {name: Timing(statistics.median(each), min(each), len(each)) for name, each in taken.items()}


def _run(clock: Callable[[], float], function: Callable[[], object]) -> float:
    start = clock()
    function()
    return clock() - start


def _run_cold_on_cuda(device: torch.device) -> Callable[[Callable[[], object]], float]:
    larger_than_any_cache = torch.empty(256 << 20, dtype=torch.uint8, device=device)

    def run(function: Callable[[], object]) -> float:
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        larger_than_any_cache.zero_()
        start.record()
        function()
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end)) / 1e3

    return run


def surroundings(device: torch.device) -> dict[str, Any]:
    """Device, versions, commit and load: what a figure means nothing without."""
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else _cpu_name(),
        "instructions": status().library.cpu_capability,
        "threads": torch.get_num_threads(),
        # Where glibc gives memory back to the system after each call, most of the time goes into fetching it again.
        "malloc": {name: value for name, value in os.environ.items() if name.startswith("MALLOC_")},
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "torch": torch.__version__,
        "imtrans": imtrans.__version__,
        "commit": _commit(),
    }


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {len(names)} cores" if names else platform.machine()


def _commit() -> str | None:
    """The commit, with a plus where the tree differs from it; None outside of a git repository."""
    try:
        text = subprocess.run(
            ["git", "describe", "--always", "--dirty=+"], cwd=ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return text.stdout.strip()


def write_json(path: Path, results: Mapping[str, Any]) -> None:
    """Write results where they can be compared with later ones."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
