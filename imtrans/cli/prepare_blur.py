"""``imtrans prepare blur``: pairs of blurred and sharp pictures for networks that learn to deblur."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from imtrans.cli.printing import plain, print_line
from imtrans.errors import UsageError

if TYPE_CHECKING:
    from imtrans.data.prepare.blur.files import Event, Job, Summary

INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 and the number of SIGINT."""

_MOST_WORKERS = 4
"""Pictures that are worked on at a time; each may need some hundred megabytes."""


def blur(
    more: Annotated[
        list[str] | None, typer.Argument(metavar="INPUT", help="The same as --input.", show_default=False)
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", "-i", help="A picture, a folder of pictures or a pattern; repeatable."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the data set.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Settles, with a picture's name, its parts and kernels.")] = 0,
    crop: Annotated[
        int | None, typer.Option(min=1, help="Cut squares of so many pixels out [default: the whole picture].")
    ] = None,
    crops: Annotated[int, typer.Option(min=1, help="Squares of each picture.")] = 1,
    kernels: Annotated[int, typer.Option(min=1, help="Kernels that each square is blurred with.")] = 1,
    length: Annotated[float, typer.Option(min=0, help="Pixels of the camera's way in the longest exposure.")] = 60.0,
    anxiety: Annotated[
        list[float] | None,
        typer.Option(
            help="How much the hand shakes, 0 for straight lines; repeatable, one is drawn [default: 0.003 to 0.01]."
        ),
    ] = None,
    exposure: Annotated[
        list[float] | None,
        typer.Option(help="Share of the way with an open shutter; repeatable, one is drawn [default: 0.1, 0.5, 1]."),
    ] = None,
    gamma: Annotated[float, typer.Option(help="1 adds up the values of files as the authors do, 2.2 light.")] = 1.0,
    max_size: Annotated[
        int | None, typer.Option(min=1, help="Shrink pictures whose longer side has more pixels than this first.")
    ] = None,
    layout: Annotated[
        str, typer.Option(help="folders (trainA/ blurred, trainB/ sharp) or aligned (both side by side in train/).")
    ] = "folders",
    test: Annotated[float, typer.Option(help="Share of the pictures that are held out for testing.")] = 0.0,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Look into folders of folders.")] = False,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave out pictures whose pairs are there; continues a stopped run.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")] = False,
) -> None:
    """Blur pictures as a shaking hand does, for networks that learn to deblur.

    Examples:
        imtrans prepare blur photos/ --output blurred/ --crop 256 --crops 8 --test 0.1

        imtrans train deblurgan --data blurred/ --output runs/d1

    Leaves with 0 when every picture gave its pairs, 1 when some failed, 2 when the command made no sense.
    """
    from imtrans.data.prepare.blur.files import blur_files, plan
    from imtrans.data.prepare.blur.kernel import EXPOSURES
    from imtrans.data.prepare.blur.pairs import BlurSettings
    from imtrans.data.prepare.blur.trajectory import ANXIETIES
    from imtrans.infer.plan import collect

    if output is None:
        raise UsageError("no folder was given for the data set.", hint="Name one: --output blurred/")
    settings = BlurSettings(
        seed, crop, crops, kernels, length, tuple(anxiety or ANXIETIES), tuple(exposure or EXPOSURES), gamma, max_size
    )
    sources = collect([*(inputs or []), *(more or [])], recursive=recursive, leave_out=output)
    places = {source.path: source.relative for source in sources}
    jobs = plan(places, output, settings, layout=layout, test=test)  # type: ignore[arg-type]  # any word is refused
    reporter = _Reporter(as_json, len(jobs), output)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")  # remarks on odd metadata, which mean nothing to users
        try:
            workers = min(_MOST_WORKERS, os.cpu_count() or 1)
            summary = blur_files(jobs, settings, reporter.report, skip_existing=skip_existing, workers=workers)
        finally:
            reporter.stop()
    reporter.end(summary, jobs)
    if summary.interrupted:
        raise typer.Exit(INTERRUPTED)
    if summary.failed:
        raise typer.Exit(1)


class _Reporter:
    """A bar for a person at a terminal, lines for a log file, JSON for a program."""

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
