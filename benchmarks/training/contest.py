"""Loops that take turns: each with batches of its own reading, a stopwatch and a memory for its losses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from engine_loops import FOREVER, make_trainer
from plain_loops import LOOPS, PlainLoop
from stopwatch import Stopwatch, peak_of
from timing import WARM_UPS
from torch import Tensor, nn
from workloads import Workload

from imtrans.data.unpaired import UnpairedFolders
from imtrans.train.feed import batches
from imtrans.train.observer import Observer


@dataclass(frozen=True)
class Entry:
    """One who takes part."""

    name: str
    dtype: torch.dtype | None = None
    """Of imtrans' engine; None for the plain loop."""
    compiled: bool = False
    control: bool = False
    """Starts from weights that differ from everyone else's in the last bit."""


class Contestant:
    """A loop whose every :meth:`turn` is one step on the next batch.

    Args:
        name: in tables.
        feed: batches that have been delivered to the device.
        step: one training step; gives the losses by name.
        holds: the networks and optimisers, for :meth:`state_bytes`.
        watch: the stopwatch that ``step`` keeps as well.
        device: where it runs.
    """

    def __init__(
        self,
        name: str,
        feed: Iterator[Mapping[str, Tensor]],
        step: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]],
        holds: tuple[nn.Module, Sequence[torch.optim.Optimizer]],
        watch: Stopwatch,
        device: torch.device,
    ) -> None:
        self.name, self.watch, self._feed, self._step, self._holds, self._device = (
            name,
            watch,
            feed,
            step,
            holds,
            device,
        )
        self._losses: list[Mapping[str, Tensor]] = []
        self.peak: int | None = None
        """Bytes that a step takes above what there was before it."""
        watch.reset()

    def turn(self) -> None:
        """One step. The last of those that warm up is watched for its memory; those after it for their time."""
        if len(self._losses) == WARM_UPS - 1:
            self.peak = peak_of(self._turn, self._device)
            self.watch.reset()
        else:
            self._turn()

    def _turn(self) -> None:
        with self.watch.step():
            with self.watch.part("data"):
                batch = next(self._feed)
            losses = self._step(batch)
        self._losses.append({name: loss.detach() for name, loss in losses.items()})

    def history(self) -> list[dict[str, float]]:
        """The losses of every step so far."""
        return [{name: float(loss) for name, loss in losses.items()} for losses in self._losses]

    def state_bytes(self) -> int:
        """Bytes that lie there between two steps: weights, buffers, gradients, moments."""
        network, optimisers = self._holds
        tensors: list[Any] = [*network.parameters(), *network.buffers()]
        tensors += [parameter.grad for parameter in network.parameters()]
        for optimiser in optimisers:
            tensors += [value for state in optimiser.state.values() for value in state.values()]
        return sum(each.nbytes for each in tensors if isinstance(each, Tensor))

    def close(self) -> None:
        """Let the processes that read pictures go."""
        close = getattr(self._feed, "close", None)
        if close is not None:
            close()


def enter(
    entries: Sequence[Entry], workload: Workload, dataset: UnpairedFolders, device: torch.device, workers: int
) -> list[Contestant]:
    """Those who take part, all with the weights that the plain loop draws."""
    start: Mapping[str, Tensor] | None = None
    found = []
    for entry in entries:
        if entry.dtype is not None:
            start = start or _plain(workload, device, Stopwatch(device)).networks.state_dict()
            found.append(_engine(entry, entry.dtype, workload, dataset, device, workers, start))
            continue
        watch = Stopwatch(device)
        plain = _plain(workload, device, watch, control=entry.control)
        feed = _plain_feed(plain, workload, dataset, workers)
        found.append(Contestant(entry.name, feed, plain.step, (plain.networks, plain.optimisers), watch, device))
    return found


def _plain(workload: Workload, device: torch.device, watch: Stopwatch, *, control: bool = False) -> PlainLoop:
    torch.manual_seed(0)
    plain: PlainLoop = LOOPS[workload.model](workload, device, watch)
    if control:
        with torch.no_grad():
            for parameter in plain.networks.parameters():
                parameter.copy_(torch.nextafter(parameter, torch.full_like(parameter, torch.inf)))
    return plain


def _engine(
    entry: Entry,
    dtype: torch.dtype,
    workload: Workload,
    dataset: UnpairedFolders,
    device: torch.device,
    workers: int,
    start: Mapping[str, Tensor],
) -> Contestant:
    watch = Stopwatch(device)
    trainer = make_trainer(workload, dataset, device, dtype, watch, workers=workers, compiled=entry.compiled)
    trainer.method.networks.load_state_dict(start)
    holds = (trainer.method.networks, list(trainer.optimisers.values()))
    return Contestant(entry.name, trainer.batches(Observer()), trainer.train_step, holds, watch, device)


def _plain_feed(
    loop: PlainLoop, workload: Workload, dataset: UnpairedFolders, workers: int
) -> Iterator[Mapping[str, Tensor]]:
    for pictures, _ in batches(dataset, range(FOREVER), workload.batch, workers, pin=False):
        yield loop.deliver(pictures)
