"""What the ways of preparing pictures have in common at the command line: the work itself, and what is said of it."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from imtrans.cli.leaving import leave_after
from imtrans.cli.printing import plain, print_line
from imtrans.errors import ImtransError

if TYPE_CHECKING:
    from imtrans.data.prepare.pairs import Event, Job, Maker, Summary

_MOST_WORKERS = 4
"""Pictures that are worked on at a time; each may need some hundred megabytes."""


class PictureJob(Protocol):
    """A picture that something is made of."""

    @property
    def source(self) -> Path:
        """Its file."""


class PictureEvent(Protocol):
    """What became of a picture."""

    @property
    def kind(self) -> Literal["done", "skipped", "failed"]:
        """How it went."""

    @property
    def job(self) -> PictureJob:
        """Which one."""

    @property
    def error(self) -> ImtransError | None:
        """Why, in ``failed``."""


class Counts(Protocol):
    """How it ended, by pictures."""

    @property
    def skipped(self) -> int:
        """What they give was there already."""

    @property
    def failed(self) -> int:
        """They gave nothing."""

    @property
    def left(self) -> int:
        """An interruption kept them from being tried."""

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it."""


class PrepareReporter:
    """A bar for a person at a terminal, lines for a log file, JSON for a program; failures go to stderr.

    Args:
        as_json: for a program.
        total: how many pictures there are.
        output: where the results go.
    """

    def __init__(self, as_json: bool, total: int, output: Path) -> None:
        self.as_json, self.output = as_json, output
        self.err = Console(stderr=True, highlight=False)
        self._bar: Progress | None = None
        if Console().is_terminal and self.err.is_terminal and not as_json:
            columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=self.err, transient=True)
            self._task = self._bar.add_task("", total=total)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Show the bar while it works and take it away whatever happens, and keep libraries' remarks off the screen."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on odd metadata and the like, which mean nothing to users
            if self._bar is None:
                yield
                return
            with self._bar:
                yield

    def tell(self, event: PictureEvent, words: str, record: Mapping[str, Any], *, remarkable: bool = False) -> None:
        """Something became of a picture.

        Args:
            event: what.
            words: a line on it, where it did not fail; at a terminal the bar says enough unless it is ``remarkable``.
            record: what a program is told besides.
            remarkable: see ``words``.
        """
        if self._bar is not None:
            self._bar.advance(self._task)
        error = event.error
        if self.as_json:
            reasons = {"reason": error.what, "have": error.have, "hint": error.hint} if error else {}
            self.print_json({"event": event.kind, "input": str(event.job.source), **record, **reasons})
        elif error is not None:
            self.err.print(plain("failed: " + str(error).replace("\n", "\n  ")), markup=False, soft_wrap=True)
        elif self._bar is None or remarkable:
            print_line(words)

    def conclude(self, counts: Counts, made: str, record: Mapping[str, Any], notes: Sequence[str] = ()) -> None:
        """Where the results are, how many, and how long it took.

        Args:
            counts: of pictures.
            made: what came out and in what time.
            record: what a program is told.
            notes: what else there is to say.
        """
        if self.as_json:
            self.print_json({"event": "end", "output": str(self.output), **record})
            return
        parts = [made, *(f"{n} {what}" for n, what in ((counts.skipped, "skipped"), (counts.failed, "failed")) if n)]
        parts += notes
        if counts.interrupted:
            parts.append(f"interrupted with {counts.left} to go; --skip-existing goes on")
        print_line(f"{self.output}: {', '.join(parts)}")

    def print_json(self, record: Mapping[str, Any]) -> None:
        """One object a line."""
        print(json.dumps(record), flush=True)


# --- pairs ------------------------------------------------------------------------------------------------------------


def make_data_set(jobs: list[Job], maker: Maker, output: Path, *, skip_existing: bool, as_json: bool) -> None:
    """Make the pairs of a plan and tell about it.

    Raises:
        typer.Exit: with 1 where pictures failed, 130 after Ctrl-C.
    """
    from imtrans.data.prepare.pairs import make_files

    reporter = PairsReporter(as_json, len(jobs), output)
    workers = min(_MOST_WORKERS, os.cpu_count() or 1)
    with reporter.working():
        summary = make_files(jobs, maker, reporter.report, skip_existing=skip_existing, workers=workers)
    reporter.end(summary, jobs)
    leave_after(summary)


class PairsReporter(PrepareReporter):
    """Tells how pairs are made."""

    def report(self, event: Event) -> None:
        """Something became of a picture."""
        files = event.written if event.kind == "done" else event.job.targets
        outputs = [str(path) for pair in files for path in pair]
        words = f"{event.job.source}: skipped, its pairs are there"
        if event.kind == "done":
            flat = f", {_flat(event.left_out)}" if event.left_out else ""
            words = f"{event.job.source}: {_pairs(len(files))} for {event.job.split}{flat} ({event.seconds:.1f} s)"
        self.tell(event, words, {"split": event.job.split, "outputs": outputs})

    def end(self, summary: Summary, jobs: list[Job]) -> None:
        """Where the pairs are, how many, and how long it took."""
        names = ("done", "skipped", "failed", "left", "pairs", "left_out")
        record = {name: getattr(summary, name) for name in names}
        record |= {"seconds": round(summary.seconds, 3), "interrupted": summary.interrupted}
        notes = [_flat(summary.left_out)] if summary.left_out else []
        if held_out := sum(job.split == "test" for job in jobs):
            notes.append(f"{held_out} of {len(jobs)} pictures held out for testing")
        self.conclude(summary, f"{_pairs(summary.pairs)} in {summary.seconds:.1f} s", record, notes)


def _pairs(count: int) -> str:
    return "1 pair" if count == 1 else f"{count} pairs"


def _flat(count: int) -> str:
    return f"{_pairs(count)} left out because both pictures would be the same"
