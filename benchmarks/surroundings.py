"""On what a figure was taken, without which it means nothing, and the files that figures are written to."""

from __future__ import annotations

import ctypes
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

import imtrans
from imtrans.errors import OutputError
from imtrans.ops import status

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def surroundings(device: torch.device) -> dict[str, Any]:
    """Device, caches, threads, versions, commit and load."""
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else _cpu_name(),
        "instructions": status().library.cpu_capability,
        "cache_bytes": _last_level_cache(device),
        "threads": torch.get_num_threads(),
        "malloc": {name: value for name, value in os.environ.items() if name.startswith("MALLOC_")},
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
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


def _last_level_cache(device: torch.device) -> int | None:
    """Bytes of the largest cache between the device and its memory; None where the system does not tell."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).L2_cache_size)
    sizes = [_bytes(path) for path in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size")]
    return max(sizes, default=None)


def _bytes(path: Path) -> int:
    text = path.read_text(encoding="ascii").strip()
    units = {"K": 1 << 10, "M": 1 << 20}
    return int(text[:-1]) * units[text[-1]] if text[-1:] in units else int(text)


def _commit() -> str | None:
    """The commit, with a plus where the tree differs from it; None outside of a git repository."""
    try:
        text = subprocess.run(
            ["git", "describe", "--always", "--dirty=+"], cwd=ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return text.stdout.strip()


def keep_memory() -> bool:
    """Let glibc's ``malloc`` keep what is freed, as an allocator with a cache would; False where it is not glibc's.

    By default it gives large blocks back to the system after each call, and from 32 MiB on most of an operator's time
    goes into fetching their pages again. This is for the whole process, PyTorch's own operators included.
    """
    largest_number_of_mappings, trim_threshold = -4, -1  # M_MMAP_MAX, M_TRIM_THRESHOLD of malloc.h
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if platform.libc_ver()[0] == "glibc" else None
    return bool(mallopt and mallopt(largest_number_of_mappings, 0) and mallopt(trim_threshold, 2**31 - 1))


def write_json(path: Path, results: Mapping[str, Any]) -> None:
    """Write results where they can be compared with later ones.

    Raises:
        OutputError: they cannot be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"the results cannot be written to {path}: {error.strerror}.") from error
