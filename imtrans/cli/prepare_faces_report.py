"""What ``imtrans prepare faces`` says while it works."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from imtrans.cli.prepare_report import PrepareReporter

if TYPE_CHECKING:
    from imtrans.infer.portraits import Event, Summary


class FacesReporter(PrepareReporter):
    """Tells how portraits are made.

    Args:
        as_json: for a program.
        total: how many pictures there are.
        output: where the portraits go.
        size: side of the portraits, to say which of them were enlarged.
    """

    def __init__(self, as_json: bool, total: int, output: Path, size: int) -> None:
        super().__init__(as_json, total, output)
        self.size = size

    def report(self, event: Event) -> None:
        """Something happened to a picture."""
        if event.kind != "done":
            self.tell(event, f"{event.job.source}: skipped, its portrait is there", {})
            return
        notes = self._notes(event)
        targets = ", ".join(str(target) for target in event.targets)
        words = f"{event.job.source} -> {targets}" + (f" ({'; '.join(notes)})" if notes else "")
        self.tell(event, words, _record(event), remarkable=bool(notes))

    def end(self, summary: Summary) -> None:
        """Where the portraits are, how many, and how long it took."""
        pictures = f"{summary.done} picture{'' if summary.done == 1 else 's'}"
        portraits = f"{summary.portraits} portrait{'' if summary.portraits == 1 else 's'}"
        record = {**vars(summary), "seconds": round(summary.seconds, 3)}
        self.conclude(summary, f"{portraits} of {pictures} in {summary.seconds:.1f} s", record)

    def _notes(self, event: Event) -> list[str]:
        """What a user may want to look at."""
        notes = []
        if event.faces > len(event.targets):
            notes.append(f"{len(event.targets)} of {event.faces} faces")
        if enlarged := [side for side in event.sides if round(side) < self.size]:
            notes.append(f"enlarged from {', '.join(f'{side:.0f}' for side in enlarged)} pixels")
        return notes


def _record(event: Event) -> dict[str, Any]:
    return {
        "outputs": [str(target) for target in event.targets],
        "faces": event.faces,
        "sides": [round(side, 1) for side in event.sides],
        "seconds": round(event.seconds, 4),
    }
