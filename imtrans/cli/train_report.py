"""How a training run is told: to a person at a terminal, to a log file, or to a program."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from imtrans.card import Card
from imtrans.cli.printing import plain
from imtrans.train import observer
from imtrans.train.averages import SUFFIX
from imtrans.train.loop import Trainer

_NAMED = 5
"""Unreadable pictures that are told one by one; the end of the run gives their number."""


class Reporter(observer.Observer):
    """Plain lines on stdout."""

    def __init__(self) -> None:
        self._unreadable = 0

    def start(self, trainer: Trainer, processes: Sequence[int]) -> None:
        """Tell what is going to happen, in which processes."""
        count = ", ".join(f"{number} pictures of {name}" for name, number in trainer.dataset.counts.items())
        precision = str(trainer.dtype).removeprefix("torch.")
        self.say(f"{trainer.card.name}: {count}")
        where = trainer.device if len(processes) == 1 else f"{len(processes)} x {trainer.device.type}"
        self.say(f"steps {trainer.step} to {trainer.total} on {where} in {precision}; {trainer.run.root}")

    def report(self, progress: observer.Progress) -> None:
        """Tell losses and speed."""
        losses = " ".join(f"{name}={value:.3f}" for name, value in progress.losses.items())
        self.say(f"step {progress.step}/{progress.total}  {progress.images_per_second:.2f} pictures/s  {losses}")

    def unreadable(self, path: str, reason: str) -> None:
        """Tell of the first few one by one."""
        self._unreadable += 1
        if self._unreadable <= _NAMED:
            self.say(f"left out: {reason}")
        elif self._unreadable == _NAMED + 1:
            self.say("left out: more pictures that cannot be read; their number comes at the end")

    def evaluated(self, step: int, metrics: Mapping[str, float], best: bool) -> None:
        """Tell the numbers."""
        numbers = " ".join(f"{name}={value:.4g}" for name, value in metrics.items())
        self.say(f"step {step}  {numbers}{'  the best so far' if best else ''}")

    def note(self, text: str) -> None:
        """Tell it as it is."""
        self.say(text)

    def end(self, trainer: Trainer, finished: bool) -> None:
        """Tell where the weights are and how to go on."""
        if trainer.unreadable:
            self.say(f"{len(trainer.unreadable)} pictures could not be read and were left out")
        if finished:
            self.say(f"finished after {trainer.step} steps; more: --resume --steps N")
        else:
            self.say(f"stopped at step {trainer.step} of {trainer.total}; --resume goes on from there")
        for path in _weights(trainer)[:1]:
            self.say(f"try it: {_use(trainer.card, path)}")

    def close(self) -> None:
        """Leave the terminal in order, also after an error."""

    def say(self, text: str) -> None:
        """One line, safe for the terminal."""
        print(plain(text), flush=True)


class BarReporter(Reporter):
    """A progress bar with the time left, and the last losses below it."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        # Steps are too slow for rich's usual 30 seconds to hold enough of them.
        columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
        self._bar = Progress(*columns, console=console, speed_estimate_period=600)

    def start(self, trainer: Trainer, processes: Sequence[int]) -> None:
        super().start(trainer, processes)
        self._task = self._bar.add_task("", total=trainer.total, completed=trainer.step)
        self._bar.start()

    def step(self, step: int) -> None:
        self._bar.update(self._task, completed=step)

    def report(self, progress: observer.Progress) -> None:
        super().report(progress)
        self._bar.update(self._task, description=f"{progress.images_per_second:.2f} pictures/s")

    def close(self) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        self._console.print(plain(text), soft_wrap=True, markup=False)


class JsonReporter(Reporter):
    """One JSON object a line, each with its ``event``: start, step, evaluation, unreadable, note, end."""

    def start(self, trainer: Trainer, processes: Sequence[int]) -> None:
        pictures = dict(trainer.dataset.counts)
        where = {"device": str(trainer.device), "precision": str(trainer.dtype).removeprefix("torch.")}
        run = {"run": str(trainer.run.root), "step": trainer.step, "steps": trainer.total, "pictures": pictures}
        _emit("start", **run, **where, processes=list(processes))

    def report(self, progress: observer.Progress) -> None:
        _emit(
            "step",
            step=progress.step,
            steps=progress.total,
            images_per_second=round(progress.images_per_second, 3),
            losses={name: round(value, 6) for name, value in progress.losses.items()},
        )

    def unreadable(self, path: str, reason: str) -> None:
        _emit("unreadable", path=path, reason=reason)

    def evaluated(self, step: int, metrics: Mapping[str, float], best: bool) -> None:
        _emit("evaluation", step=step, metrics=dict(metrics), best=best)

    def note(self, text: str) -> None:
        _emit("note", text=text)

    def end(self, trainer: Trainer, finished: bool) -> None:
        weights = [str(path) for path in _weights(trainer)]
        _emit("end", finished=finished, step=trainer.step, unreadable=len(trainer.unreadable), weights=weights)


def reporter_for(as_json: bool) -> Reporter:
    """JSON where it is wanted, a bar on a terminal, plain lines elsewhere."""
    if as_json:
        return JsonReporter()
    console = Console(highlight=False)
    return BarReporter(console) if console.is_terminal else Reporter()


def _use(card: Card, path: str) -> str:
    """The command that runs what was trained; a generator draws better with the average of its weights, if kept."""
    if card.task == "translate":
        return f"imtrans run {card.name} --weights {path} --input PICTURE"
    averaged = Path(path.replace(".safetensors", f"{SUFFIX}.safetensors"))
    return f"imtrans generate {card.name} --weights {averaged if averaged.is_file() else path} --seeds 0-15"


def _weights(trainer: Trainer) -> list[str]:
    latest = trainer.run.latest_checkpoint()
    return [str(latest / f"{network}.safetensors") for network, _ in trainer.method.translators().values()]


def _emit(event: str, **values: object) -> None:
    print(json.dumps({"event": event, **values}), file=sys.stdout, flush=True)
