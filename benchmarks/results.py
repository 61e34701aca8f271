"""The files of results, read back: one file a benchmark and kind of device, many lines a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from imtrans.errors import InputError

Line = Mapping[str, Any]
"""What one line of a table says: the case, ``seconds`` of each candidate, and why some are missing."""
ELEMENT_BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}


@dataclass(frozen=True)
class Results:
    """One file."""

    benchmark: str
    device: str
    """``"cpu"`` or ``"cuda"``."""
    surroundings: Mapping[str, Any]
    lines: list[Line]


def read_all(folder: Path) -> list[Results]:
    """Every file of results in ``folder``, in order of names; files that hold something else are passed over.

    Raises:
        InputError: a file is no JSON, a run having been killed while it wrote, say.
    """
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"{path} is not JSON: {error}.", hint="Measure again, or remove it.") from error
        benchmark, _, device = path.stem.rpartition("-")
        if content.get("benchmark") == benchmark:
            found.append(Results(benchmark, device, content["surroundings"], content["lines"]))
    return found


def median(line: Line, candidate: str) -> float | None:
    """Seconds, or None where the candidate is not there."""
    taken = line["seconds"].get(candidate)
    return None if taken is None else float(taken["median"])


def quickest(line: Line, candidates: Iterable[str]) -> float | None:
    """Seconds of the quickest of the candidates that are there; names may be patterns such as ``imtrans*``."""
    patterns = list(candidates)
    taken = [
        each["median"] for name, each in line["seconds"].items() if any(fnmatchcase(name, one) for one in patterns)
    ]
    return min(taken, default=None)


def map_bytes(line: Line) -> int:
    """Bytes of the feature map of the line's case."""
    count = ELEMENT_BYTES[line["dtype"]]
    for size in line["shape"]:
        count *= size
    return count


def shape_text(line: Line) -> str:
    """``1x256x64x64``."""
    return "x".join(map(str, line["shape"]))
