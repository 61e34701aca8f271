"""What the project wants to reach (``targets.toml``), held against what was measured."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import msgspec
from results import Line, Results, map_bytes, quickest, shape_text

from imtrans.errors import ConfigError

TARGETS = Path(__file__).with_name("targets.toml")
MEBIBYTE = 1 << 20


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the table of targets."""

    what: str
    """What is measured, in the words of the table."""
    device: Literal["cpu", "cuda"]
    benchmarks: list[str]
    lines: dict[str, Any]
    """Which lines of the results count: fields and their values, or lists of values of which one must agree."""
    quantity: Literal["times as fast", "share of copy", "microseconds"] = "times as fast"
    slow: tuple[str, ...] = ()
    """For ``times as fast``: whose time is divided; the quickest counts. Names or patterns (``imtrans*``)."""
    fast: tuple[str, ...] = ("fused",)
    """By whose; the quickest counts."""
    at_least: float | None = None
    at_most: float | None = None
    beyond_cache: bool = False
    """Only lines whose input and output together fill the device's largest cache."""
    least_megabytes: float = 0
    """Only lines whose feature map is of this size at least."""
    reason: str = ""
    """Why it is missed, as far as profiling told; shown only where it is."""

    def counts(self, line: Line, results: Results) -> bool:
        """Whether the target speaks of this line."""
        if any(line.get(name) not in _list(value) for name, value in self.lines.items()):
            return False
        if self.beyond_cache and 2 * map_bytes(line) < (results.surroundings["cache_bytes"] or 0):
            return False
        return not self.least_megabytes or map_bytes(line) >= self.least_megabytes * MEBIBYTE

    def measured(self, line: Line) -> float | None:
        """The quantity on this line; None where a candidate is missing."""
        if self.quantity == "share of copy":
            return line["share_of_copy"]
        fast = quickest(line, self.fast)
        if self.quantity == "microseconds":
            return None if fast is None else 1e6 * fast
        slow = quickest(line, self.slow)
        return None if fast is None or slow is None else slow / fast

    def reached(self, value: float) -> bool:
        """Whether a measured value is good enough."""
        return value >= self.at_least if self.at_least is not None else value <= (self.at_most or 0)

    def text(self, value: float) -> str:
        """A value with its unit."""
        return {"times as fast": f"{value:.3g}x", "share of copy": f"{value:.0%}", "microseconds": f"{value:.3g} µs"}[
            self.quantity
        ]


class _File(msgspec.Struct, forbid_unknown_fields=True):
    target: list[Target]


def read_targets(path: Path = TARGETS) -> list[Target]:
    """The targets of a TOML file.

    Raises:
        ConfigError: the file is not what :class:`Target` describes.
    """
    try:
        return msgspec.toml.decode(path.read_bytes(), type=_File).target
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path.name}: {error}.", hint="benchmarks/targets.py describes every field.") from error


def table(targets: Iterable[Target], results: list[Results]) -> str:
    """The targets beside the measured figures, in Markdown."""
    rows = ["| | wanted | measured | |", "| --- | --- | --- | --- |", *(_row(each, results) for each in targets)]
    return "\n".join(rows)


def _row(target: Target, results: list[Results]) -> str:
    bound = target.at_least if target.at_least is not None else target.at_most
    wanted = f"{'at least' if target.at_least is not None else 'at most'} {target.text(bound or 0)}"
    measured = [
        (value, _where(line, each, target))
        for each in results
        if each.device == target.device and each.benchmark in target.benchmarks
        for line in each.lines
        if target.counts(line, each) and (value := target.measured(line)) is not None
    ]
    if not measured:
        return f"| {target.what} | {wanted} | not measured | |"
    values = [value for value, _ in measured]
    low, high = target.text(min(values)), target.text(max(values))
    missed = [f"{where} {target.text(value)}" for value, where in measured if not target.reached(value)]
    verdict = "reached"
    if missed:
        verdict = f"**missed** in {len(missed)} of {len(measured)}: {', '.join(missed)}."
        verdict += f" {target.reason}" if target.reason else ""
    return f"| {target.what} | {wanted} | {low if low == high else f'{low} to {high}'} | {verdict} |"


def _where(line: Line, results: Results, target: Target) -> str:
    """What tells this line from the others that count."""
    parts = [results.benchmark] if len(target.benchmarks) > 1 else []
    parts += [str(line[name]) for name in ("variant", "layout") if name in line and name not in target.lines]
    return " ".join([*parts, shape_text(line), *([line["dtype"]] if "dtype" in line else [])])


def _list(value: Any) -> list[Any]:
    """A list of choices. A shape is a list too, and so a single choice."""
    is_choices = isinstance(value, list) and not (value and isinstance(value[0], int))
    return value if is_choices else [value]
