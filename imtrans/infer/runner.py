"""Many pictures through one translator: reading, computing and writing at the same time.

Reader threads decode ahead, the calling thread computes, writer threads encode. Both sides are bounded, so a folder of
any length needs the memory of a few pictures.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from PIL import Image
from torch import Tensor

from imtrans.data.names import shown
from imtrans.data.picture import MAX_PIXELS, Picture, read_picture, write_picture
from imtrans.errors import ImtransError
from imtrans.infer.heatmap import laid_over
from imtrans.infer.images import picture_like, to_tensor
from imtrans.infer.plan import Job
from imtrans.infer.translator import Translator


@dataclass(frozen=True)
class Options:
    """How a run treats its pictures."""

    batch_size: int = 1
    """Pictures of one size that share a forward pass."""
    skip_existing: bool = False
    """Leave out pictures whose result is there already."""
    compare: bool = False
    """Write the picture and its result side by side, instead of the result alone."""
    quality: int = 95
    """1 to 100, for JPEG and WebP."""
    max_size: int | None = None
    """Shrink larger pictures until their longer side has this many pixels."""
    max_pixels: int = MAX_PIXELS
    """Refuse pictures that claim more pixels than this."""
    readers: int = 2
    writers: int = 2


@dataclass(frozen=True)
class Event:
    """What happened to one picture. Every picture ends as ``done``, ``skipped`` or ``failed``, once."""

    kind: Literal["started", "done", "skipped", "failed"]
    job: Job
    size: tuple[int, int] | None = None
    """(width, height) of the result, in ``done``."""
    seconds: float = 0.0
    """Time of computing, in ``done``; a batch's time is shared among its pictures."""
    error: ImtransError | None = None
    """Why, in ``failed``."""


@dataclass(frozen=True)
class Summary:
    """How a run ended."""

    done: int = 0
    skipped: int = 0
    failed: int = 0
    left: int = 0
    """Pictures that an interruption kept from being tried."""
    seconds: float = 0.0
    interrupted: bool = False


Listener = Callable[[Event], None]


def translate_files(
    translator: Translator, jobs: Sequence[Job], options: Options | None = None, on_event: Listener | None = None
) -> Summary:
    """Translate every job's picture and write its result.

    A picture that cannot be read, translated or written becomes a ``failed`` event, and the rest goes on. Ctrl-C stops
    the run: results that are being written are finished, no half file stays, and the summary says ``interrupted``.

    Args:
        translator: does the work.
        jobs: what to read and where to write, from :func:`imtrans.infer.plan.plan`.
        options: see :class:`Options`.
        on_event: told of every event, in the calling thread.
    """
    return _Run(translator, options or Options(), on_event or (lambda event: None)).run(jobs)


@dataclass(frozen=True)
class _Item:
    """One picture on its way."""

    job: Job
    picture: Picture


class _Run:
    """The state of one call of :func:`translate_files`."""

    def __init__(self, translator: Translator, options: Options, on_event: Listener) -> None:
        self.translator = translator
        self.options = options
        self.on_event = on_event
        self.counts = {"done": 0, "skipped": 0, "failed": 0}
        self.readers = ThreadPoolExecutor(options.readers, thread_name_prefix="imtrans-read")
        self.writers = ThreadPoolExecutor(options.writers, thread_name_prefix="imtrans-write")
        self.writing: deque[tuple[Job, float, Future[tuple[int, int]]]] = deque()

    def run(self, jobs: Sequence[Job]) -> Summary:
        start, interrupted = time.perf_counter(), False
        try:
            for batch in _by_size(self._read(self._wanted(jobs)), self.options.batch_size):
                self._translate(batch)
                self._settle(most=2 * self.options.writers)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            self.readers.shutdown(wait=False, cancel_futures=True)
            self._settle(most=0)
            self.writers.shutdown()
        left = len(jobs) - sum(self.counts.values())
        return Summary(**self.counts, left=left, seconds=time.perf_counter() - start, interrupted=interrupted)

    # --- the three stages ---------------------------------------------------------------------------------------------

    def _wanted(self, jobs: Iterable[Job]) -> Iterator[Job]:
        for job in jobs:
            if self.options.skip_existing and all(path.exists() for path in job.targets):
                self._tell(Event("skipped", job))
            else:
                yield job

    def _read(self, jobs: Iterator[Job]) -> Iterator[_Item]:
        """The pictures in the order of the jobs, decoded ahead by as many as keep a batch and the readers busy."""
        ahead: deque[tuple[Job, Future[Picture]]] = deque()
        more = True
        while more or ahead:
            while more and len(ahead) < self.options.batch_size + self.options.readers:
                job = next(jobs, None)
                more = job is not None
                if job is not None:
                    ahead.append((job, self.readers.submit(self._open, job)))
            if ahead:
                job, future = ahead.popleft()
                try:
                    yield _Item(job, future.result())
                except ImtransError as error:
                    self._tell(Event("failed", job, error=error))

    def _open(self, job: Job) -> Picture:
        picture = read_picture(job.source, max_pixels=self.options.max_pixels)
        return _shrunk(picture, self.options.max_size) if self.options.max_size else picture

    def _translate(self, batch: Sequence[_Item]) -> None:
        for item in batch:
            self._tell(Event("started", item.job))
        start = time.perf_counter()
        results = self._results(batch)
        seconds = (time.perf_counter() - start) / len(batch)
        for item, result in zip(batch, results, strict=True):
            if isinstance(result, ImtransError):
                self._tell(Event("failed", item.job, error=_named(result, item.job.source)))
            else:
                self.writing.append((item.job, seconds, self.writers.submit(self._write, item, result)))

    def _results(self, batch: Sequence[_Item]) -> list[Tensor | ImtransError]:
        """The results (1, 3, H, W) of a batch; one bad picture does not take the others with it.

        With heatmaps, their levels are a fourth channel.
        """
        try:
            pictures = torch.cat([to_tensor(item.picture.image) for item in batch])
            if any(item.job.heatmap for item in batch):
                results = torch.cat(self.translator.attend(pictures), dim=1)
            else:
                results = self.translator.translate(pictures)
            return [results[index : index + 1] for index in range(len(batch))]
        except ImtransError as error:
            if len(batch) == 1:
                return [error]
        return [result for item in batch for result in self._results([item])]

    def _write(self, item: _Item, translated: Tensor) -> tuple[int, int]:
        result = picture_like(item.picture, translated[:, :3])
        if self.options.compare:
            result = side_by_side(item.picture, result)
        if item.job.heatmap is not None:
            heatmap = laid_over(to_tensor(item.picture.image), translated[:, 3:])
            write_picture(picture_like(item.picture, heatmap), item.job.heatmap)
        write_picture(result, item.job.target, quality=self.options.quality)
        return result.size

    def _settle(self, most: int) -> None:
        """Report what has been written; wait until at most ``most`` results are still to be written."""
        while self.writing and (len(self.writing) > most or self.writing[0][2].done()):
            job, seconds, future = self.writing.popleft()
            try:
                size = future.result()
            except ImtransError as error:
                self._tell(Event("failed", job, error=error))
            else:
                self._tell(Event("done", job, size, seconds))

    def _tell(self, event: Event) -> None:
        if event.kind in self.counts:
            self.counts[event.kind] += 1
        self.on_event(event)


def side_by_side(left: Picture, right: Picture) -> Picture:
    """Two pictures in one, each half as wide as the whole; the left one is brought to the right one's size."""
    width, height = right.size
    image = Image.new("RGB", (2 * width, height))
    image.paste(left.image.resize(right.size, Image.Resampling.BICUBIC) if left.size != right.size else left.image)
    image.paste(right.image, (width, 0))
    if right.alpha is None:
        return Picture(image, None, right.format)
    alpha = Image.new("L", image.size)
    alpha.paste(right.alpha)
    alpha.paste(right.alpha, (width, 0))
    return Picture(image, alpha, right.format)


def _shrunk(picture: Picture, side: int) -> Picture:
    longer = max(picture.size)
    if longer <= side:
        return picture
    width, height = (max(1, round(length * side / longer)) for length in picture.size)
    alpha = picture.alpha
    return Picture(
        picture.image.resize((width, height), Image.Resampling.LANCZOS),
        alpha.resize((width, height), Image.Resampling.LANCZOS) if alpha is not None else None,
        picture.format,
    )


def _named(error: ImtransError, path: Path) -> ImtransError:
    return ImtransError(f"{shown(path)}: {error.what}", have=error.have, hint=error.hint)


def _by_size(items: Iterable[_Item], batch_size: int) -> Iterator[list[_Item]]:
    """Batches of pictures of one size. Sizes may alternate; at most two batches' worth of pictures wait for company."""
    waiting: dict[tuple[int, int], list[_Item]] = {}
    for item in items:
        group = waiting.setdefault(item.picture.size, [])
        group.append(item)
        if len(group) == batch_size:
            yield waiting.pop(item.picture.size)
        elif sum(map(len, waiting.values())) >= 2 * batch_size:
            yield waiting.pop(next(iter(waiting)))  # the size that has waited longest
    yield from waiting.values()
