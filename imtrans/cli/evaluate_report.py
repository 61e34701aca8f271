"""What ``imtrans evaluate`` says: progress while it measures, a table or JSON when it is done."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from imtrans.cli.printing import plain, print_json, print_line, print_table
from imtrans.data.atomic import atomic_file
from imtrans.errors import ImtransError, OutputError
from imtrans.metrics.measure import Measurement
from imtrans.metrics.planning import Plan
from imtrans.metrics.scores import Score, json_number, shown_number
from imtrans.version import __version__

_NAMED = 5
"""Files that are named one by one; of more, the number is told, and JSON has them all."""


class EvaluateReporter:
    """Numbers go to stdout, everything else to stderr, so that a table or JSON can be sent on.

    Args:
        as_json: print JSON instead of the table.
        output: also write it here.
        pictures: with every picture's own numbers.
    """

    def __init__(self, as_json: bool, output: Path | None = None, pictures: bool = False) -> None:
        self.as_json = as_json
        self.output = output
        self.pictures = pictures
        self.err = Console(stderr=True, highlight=False)
        self.about: dict[str, Any] = {}
        self._plan: Plan | None = None
        self._notes: tuple[str, ...] = ()
        self._bar: Progress | None = None
        self._failures = 0
        self._tenth = -1
        self._started = time.perf_counter()

    # --- on the way -------------------------------------------------------------------------------------------------

    def download(self, arrived: int, total: int | None) -> None:
        """A network is coming in: a word at each tenth."""
        tenth = 10 * arrived // total if total else 0
        if tenth != self._tenth:
            self._tenth = tenth
            share = f"{10 * tenth} % of {total / 1e6:.0f} MB" if total else "size unknown"
            self._say(f"downloading: {share}")

    def judge(self, sees: str, step: int, steps: int) -> None:
        """A domain classifier is being trained."""
        self._say(f"training the classifier that sees {sees}: step {step} of {steps}")

    def start(self, about: Mapping[str, Any], plan: Plan, notes: Sequence[str]) -> None:
        """Everything is loaded; the first picture is about to be read."""
        self.about, self._plan, self._notes = dict(about), plan, tuple(notes)
        self._started = time.perf_counter()
        for role, files in plan.alone.items():
            self._say(f"without a partner: {_counted(len(files), role)}: {_listed([path.name for path in files])}")
        for note in notes:
            self._say(f"note: {note}")
        if self.err.is_terminal:
            columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.fields[name]}"))
            self._bar = Progress(*columns, console=self.err, transient=True)
            self._task = self._bar.add_task("", total=len(plan.jobs) + len(plan.targets), name="")
            self._bar.start()

    def tell(self, name: str, error: ImtransError | None) -> None:
        """A picture was measured, or left out."""
        if error is not None:
            self._failures += 1
            if self._failures <= _NAMED:
                self._say(f"left out: {name}: " + str(error).replace("\n", "\n  "))
            elif self._failures == _NAMED + 1:
                self._say("left out: more pictures; their number comes at the end, their names with --json")
        if self._bar is not None:
            self._bar.update(self._task, advance=1, name=escape(plain(name)))

    def stop(self) -> None:
        """Take the bar away, whatever happened."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    # --- at the end -------------------------------------------------------------------------------------------------

    def end(self, measurement: Measurement, failed: Mapping[str, str]) -> None:
        """The numbers, with all that they depend on."""
        self.stop()
        scores = measurement.scores()
        record = self._record(measurement, scores, failed)
        if self.output is not None:
            _write(self.output, record)
        if self.as_json:
            print_json(record)
            return
        print_line(", ".join(f"{name} {value}" for name, value in self.about.items() if name != "weights_sha256"))
        rows = [_row(score) for score in scores]
        print_table(("metric", "value", "±", "doing nothing", "better", "compared", "how"), rows)
        for score in scores:
            for note in score.notes:
                print_line(f"{score.title}: {note}.")
        if failed:
            print_line(f"{_counted(len(failed), 'picture')} left out.")

    def _record(self, measurement: Measurement, scores: Sequence[Score], failed: Mapping[str, str]) -> dict[str, Any]:
        assert self._plan is not None
        record: dict[str, Any] = {
            **self.about,
            "paired": self._plan.paired,
            "scores": [score.to_json() for score in scores],
            "failed": dict(failed),
            "without_partner": {role: [str(path) for path in files] for role, files in self._plan.alone.items()},
            "notes": list(self._notes),
            "seconds": round(time.perf_counter() - self._started, 3),
            "versions": _versions(),
        }
        if self.pictures:
            numbers = measurement.pictures
            record["pictures"] = {
                metric: {name: json_number(value) for name, value in values.items()}
                for metric, values in numbers.items()
            }
        return record

    def _say(self, text: str) -> None:
        self.err.print(plain(text), markup=False, soft_wrap=True)


def _row(score: Score) -> tuple[str, ...]:
    how = f"{score.setting}; {score.network}" if score.network else score.setting
    return (
        score.title,
        shown_number(score.value),
        shown_number(score.spread) if score.spread is not None else "",
        shown_number(score.baseline),
        "higher" if score.higher_is_better else "lower",
        score.compared,
        how,
    )


def _write(path: Path, record: Mapping[str, Any]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as stream:
            stream.write((json.dumps(record, indent=2) + "\n").encode())
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}.") from error


def _versions() -> dict[str, str]:
    versions = {"imtrans": __version__, "torch": torch.__version__, "python": platform.python_version()}
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        versions["torchmetrics"] = importlib.metadata.version("torchmetrics")
    return versions


def _counted(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count} {what}s"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
