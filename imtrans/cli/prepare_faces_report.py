"""What ``imtrans prepare faces`` says while it works."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from imtrans.cli.printing import plain

if TYPE_CHECKING:
    from imtrans.infer.portraits import Event, Summary


class FacesReporter:
    """A bar at a terminal, lines in a log file, JSON for a program; failures go to stderr.

    Args:
        as_json: for a program.
        total: how many pictures there are.
        size: side of the portraits, to say which of them were enlarged.
    """

    def __init__(self, as_json: bool, total: int, size: int) -> None:
        self.as_json, self.size = as_json, size
        self.out, self.err = Console(highlight=False), Console(stderr=True, highlight=False)
        self.draws = self.out.is_terminal and self.err.is_terminal and not as_json
        columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=self.err, transient=True, disable=not self.draws)
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> FacesReporter:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def report(self, event: Event) -> None:
        """Something happened to a picture."""
        self._bar.advance(self._task)
        if self.as_json:
            self._json(_record(event))
        elif event.kind == "failed":
            self._line("failed: " + str(event.error).replace("\n", "\n  "), error=True)
        elif event.kind == "skipped" and not self.draws:
            self._line(f"{event.job.source}: skipped, its portrait is there")
        elif event.kind == "done" and (not self.draws or event.faces > len(event.targets) or self._enlarged(event)):
            self._line(self._words(event))

    def end(self, summary: Summary, output: Path) -> None:
        """Where the portraits are, how many, and how long it took."""
        if self.as_json:
            self._json({"event": "end", "output": str(output), **vars(summary), "seconds": round(summary.seconds, 3)})
            return
        pictures = f"{summary.done} picture{'' if summary.done == 1 else 's'}"
        portraits = f"{summary.portraits} portrait{'' if summary.portraits == 1 else 's'}"
        parts = [f"{portraits} of {pictures} in {summary.seconds:.1f} s"]
        parts += [f"{n} {what}" for n, what in ((summary.skipped, "skipped"), (summary.failed, "failed")) if n]
        if summary.interrupted:
            parts.append(f"interrupted with {summary.left} to go; --skip-existing goes on")
        self._line(f"{output}: {', '.join(parts)}")

    def _words(self, event: Event) -> str:
        targets = ", ".join(str(target) for target in event.targets)
        notes = []
        if event.faces > len(event.targets):
            notes.append(f"{len(event.targets)} of {event.faces} faces")
        if self._enlarged(event):
            sides = ", ".join(f"{side:.0f}" for side in event.sides if round(side) < self.size)
            notes.append(f"enlarged from {sides} pixels")
        return f"{event.job.source} -> {targets}" + (f" ({'; '.join(notes)})" if notes else "")

    def _enlarged(self, event: Event) -> bool:
        return any(round(side) < self.size for side in event.sides)

    def _line(self, text: str, *, error: bool = False) -> None:
        (self.err if error else self.out).print(plain(text), markup=False, soft_wrap=True)

    def _json(self, record: dict[str, Any]) -> None:
        print(json.dumps(record), flush=True)


def _record(event: Event) -> dict[str, Any]:
    record: dict[str, Any] = {"event": event.kind, "input": str(event.job.source)}
    if event.kind == "failed" and event.error is not None:
        error = event.error
        return {**record, "reason": error.what, "have": error.have, "hint": error.hint}
    if event.kind == "skipped":
        return record
    return {
        **record,
        "outputs": [str(target) for target in event.targets],
        "faces": event.faces,
        "sides": [round(side, 1) for side in event.sides],
        "seconds": round(event.seconds, 4),
    }
