"""What ``imtrans run`` says while it works."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from imtrans.cli.printing import plain

if TYPE_CHECKING:
    from imtrans.infer.plan import Job
    from imtrans.infer.runner import Event, Summary
    from imtrans.infer.translator import Translator


class RunReporter:
    """Tells a person at a terminal (a bar), a log file (lines) or a program (JSON) how the run goes.

    Results are told on stdout, failures and notes on stderr; the bar is drawn on stderr, and only where both are
    terminals.
    """

    def __init__(self, as_json: bool, jobs: Sequence[Job]) -> None:
        self.as_json = as_json
        self.total = len(jobs)
        self.out = Console(highlight=False)
        self.err = Console(stderr=True, highlight=False)
        self.draws = self.out.is_terminal and self.err.is_terminal and not as_json
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._told = 0  # notes of the translator that were printed
        self._tenth = -1  # of the download, last told

    def download(self, arrived: int, total: int | None) -> None:
        """Weights are coming in: a bar, or a word at each tenth."""
        if self.draws:
            self._show_download(arrived, total)
            return
        tenth = 10 * arrived // total if total else 0
        if tenth == self._tenth:
            return
        self._tenth = tenth
        if self.as_json:
            self._json({"event": "download", "bytes": arrived, "total": total})
        else:
            share = f"{10 * tenth} % of {total / 1e6:.1f} MB" if total else "size unknown"
            self._line(f"downloading weights: {share}", error=True)

    def start(self, translator: Translator) -> None:
        """Everything is loaded; the first picture is about to be read."""
        self.stop()
        if self.as_json:
            self._json(
                {
                    "event": "start",
                    "model": translator.card.name,
                    "weights": translator.weights,
                    "device": str(translator.device),
                    "precision": translator.precision,
                    "backend": translator.backend,
                    "norm": translator.norm,
                    "noise_seed": translator.seed if translator.noise else None,
                    "pictures": self.total,
                }
            )
        else:
            self._line(f"{translator.describe()}: {_pictures(self.total)}")
        self._notes(translator)
        if self.draws:
            columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.fields[name]}"))
            self._bar = Progress(*columns, console=self.err, transient=True)
            self._task = self._bar.add_task("", total=self.total, name="")
            self._bar.start()

    def report(self, event: Event) -> None:
        """Something happened to a picture."""
        if self.as_json:
            self._json(_record(event))
            return
        source, target = str(event.job.source), str(event.job.target)
        if event.kind == "failed":
            self._line("failed: " + str(event.error).replace("\n", "\n  "), error=True)
        elif not self.draws and event.kind == "done":
            self._line(f"{source} -> {target} ({event.seconds:.1f} s)")
        elif not self.draws and event.kind == "skipped":
            self._line(f"{source}: skipped, {target} is there")
        if self._bar is not None and self._task is not None:
            name = escape(plain(event.job.source.name))
            self._bar.update(self._task, advance=0 if event.kind == "started" else 1, name=name)

    def stop(self) -> None:
        """Take the bar away, whatever happened."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = self._task = None

    def end(self, translator: Translator, summary: Summary, output: Path) -> None:
        """Where the results are, how many, and how long it took."""
        self._notes(translator)
        if self.as_json:
            self._json(
                {
                    "event": "end",
                    "output": str(output),
                    "done": summary.done,
                    "skipped": summary.skipped,
                    "failed": summary.failed,
                    "left": summary.left,
                    "seconds": round(summary.seconds, 3),
                    "interrupted": summary.interrupted,
                }
            )
            return
        parts = [f"{_pictures(summary.done)} in {summary.seconds:.1f} s"]
        parts += [f"{n} {what}" for n, what in ((summary.skipped, "skipped"), (summary.failed, "failed")) if n]
        if summary.interrupted:
            parts.append(f"interrupted with {summary.left} to go; --skip-existing goes on")
        self._line(f"{output}: {', '.join(parts)}")

    def _show_download(self, arrived: int, total: int | None) -> None:
        if self._bar is None:
            columns = (TextColumn("downloading weights"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
            self._bar = Progress(*columns, console=self.err, transient=True)
            self._task = self._bar.add_task("", total=total)
            self._bar.start()
        if self._task is not None:
            self._bar.update(self._task, completed=arrived, total=total)

    def _notes(self, translator: Translator) -> None:
        for note in translator.notes[self._told :]:
            if self.as_json:
                self._json({"event": "note", "text": note})
            else:
                self._line(f"note: {note}", error=True)
        self._told = len(translator.notes)

    def _line(self, text: str, *, error: bool = False) -> None:
        console = self.err if error else self.out
        console.print(plain(text), markup=False, soft_wrap=True)

    def _json(self, record: dict[str, object]) -> None:
        print(json.dumps(record), file=sys.stdout, flush=True)


def _record(event: Event) -> dict[str, object]:
    record: dict[str, object] = {"event": event.kind, "input": str(event.job.source), "output": str(event.job.target)}
    if event.job.heatmap is not None:
        record["heatmap"] = str(event.job.heatmap)
    if event.size is not None:
        record |= {"width": event.size[0], "height": event.size[1], "seconds": round(event.seconds, 3)}
    if event.error is not None:
        record |= {"reason": event.error.what, "have": event.error.have, "hint": event.error.hint}
    return record


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count} pictures"
