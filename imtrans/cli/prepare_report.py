"""What the ways of preparing pairs have in common at the command line: the work itself, and what is said of it."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from imtrans.cli.printing import plain, print_line

if TYPE_CHECKING:
    from imtrans.data.prepare.pairs import Event, Job, Maker, Summary

INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 and the number of SIGINT."""

_MOST_WORKERS = 4
"""Pictures that are worked on at a time; each may need some hundred megabytes."""


def make_data_set(jobs: list[Job], maker: Maker, output: Path, *, skip_existing: bool, as_json: bool) -> None:
    """Make the pairs of a plan and tell about it.

    Raises:
        typer.Exit: with 1 where pictures failed, 130 after Ctrl-C.
    """
    from imtrans.data.prepare.pairs import make_files

    reporter = PairsReporter(as_json, len(jobs), output)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")  # remarks on odd metadata, which mean nothing to users
        try:
            workers = min(_MOST_WORKERS, os.cpu_count() or 1)
            summary = make_files(jobs, maker, reporter.report, skip_existing=skip_existing, workers=workers)
        finally:
            reporter.stop()
    reporter.end(summary, jobs)
    if summary.interrupted:
        raise typer.Exit(INTERRUPTED)
    if summary.failed:
        raise typer.Exit(1)


class PairsReporter:
    """A bar for a person at a terminal, lines for a log file, JSON for a program.

    Args:
        as_json: for a program.
        total: how many pictures there are.
        output: folder of the data set.
    """

    def __init__(self, as_json: bool, total: int, output: Path) -> None:
        self.as_json, self.output = as_json, output
        self.err = Console(stderr=True, highlight=False)
        self._bar: Progress | None = None
        if Console().is_terminal and self.err.is_terminal and not as_json:
            columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=self.err, transient=True)
            self._task = self._bar.add_task("", total=total)
            self._bar.start()

    def report(self, event: Event) -> None:
        """Something became of a picture."""
        if self.as_json:
            print(json.dumps(_record(event)), flush=True)
        elif event.error is not None:
            self.err.print(plain("failed: " + str(event.error).replace("\n", "\n  ")), markup=False, soft_wrap=True)
        elif self._bar is None and event.kind == "skipped":
            print_line(f"{event.job.source}: skipped, its pairs are there")
        elif self._bar is None:
            print_line(
                f"{event.job.source}: {_pairs(len(event.job.targets))} for {event.job.split} ({event.seconds:.1f} s)"
            )
        if self._bar is not None:
            self._bar.advance(self._task)

    def stop(self) -> None:
        """Take the bar away, whatever happened."""
        if self._bar is not None:
            self._bar.stop()

    def end(self, summary: Summary, jobs: list[Job]) -> None:
        """Where the pairs are, how many, and how long it took."""
        if self.as_json:
            counts = {name: getattr(summary, name) for name in ("done", "skipped", "failed", "left", "pairs")}
            told = {"seconds": round(summary.seconds, 3), "interrupted": summary.interrupted}
            print(json.dumps({"event": "end", "output": str(self.output), **counts, **told}), flush=True)
            return
        parts = [f"{_pairs(summary.pairs)} in {summary.seconds:.1f} s"]
        parts += [f"{n} {what}" for n, what in ((summary.skipped, "skipped"), (summary.failed, "failed")) if n]
        if held_out := sum(job.split == "test" for job in jobs):
            parts.append(f"{held_out} of {len(jobs)} pictures held out for testing")
        if summary.interrupted:
            parts.append(f"interrupted with {summary.left} to go; --skip-existing goes on")
        print_line(f"{self.output}: {', '.join(parts)}")


def _record(event: Event) -> dict[str, object]:
    record: dict[str, object] = {"event": event.kind, "input": str(event.job.source), "split": event.job.split}
    record["outputs"] = [str(path) for files in event.job.targets for path in files]
    if event.error is not None:
        record |= {"reason": event.error.what, "have": event.error.have, "hint": event.error.hint}
    return record


def _pairs(count: int) -> str:
    return "1 pair" if count == 1 else f"{count} pairs"
