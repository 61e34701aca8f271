"""The portraits of many pictures: what is read, what is written, and what becomes of pictures without a face."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from imtrans.data.names import shown
from imtrans.data.picture import MAX_PIXELS, Picture, read_picture, write_picture
from imtrans.data.prepare.faces.portrait import Portraits
from imtrans.errors import ImtransError, OutputError
from imtrans.infer.plan import Job

_AHEAD = 2
"""Pictures that are decoded while another one is worked on."""


@dataclass(frozen=True)
class Event:
    """What happened to one picture. Every picture ends as ``done``, ``skipped`` or ``failed``, once."""

    kind: Literal["done", "skipped", "failed"]
    job: Job
    targets: tuple[Path, ...] = ()
    """The files that were written, in ``done``; the largest face's first."""
    faces: int = 0
    """How many the picture has, in ``done``."""
    sides: tuple[float, ...] = ()
    """Pixels of the picture that a side of each portrait spans, in ``done``."""
    seconds: float = 0.0
    """Time of finding, cutting and writing, in ``done``."""
    error: ImtransError | None = None
    """Why, in ``failed``."""


@dataclass(frozen=True)
class Summary:
    """How it ended."""

    done: int = 0
    skipped: int = 0
    failed: int = 0
    portraits: int = 0
    left: int = 0
    """Pictures that an interruption kept from being tried."""
    seconds: float = 0.0
    interrupted: bool = False


Listener = Callable[[Event], None]


def prepare_files(
    portraits: Portraits,
    jobs: Sequence[Job],
    *,
    skip_existing: bool = False,
    quality: int = 95,
    max_pixels: int = MAX_PIXELS,
    on_event: Listener = lambda event: None,
) -> Summary:
    """Write the portraits of every job's picture.

    A picture that cannot be read, has no face or cannot be written becomes a ``failed`` event, and the rest goes on.
    Ctrl-C ends the run between two pictures' files, and the summary says ``interrupted``.

    Args:
        portraits: does the work.
        jobs: what to read and where to write, from :func:`imtrans.infer.plan.plan`. Where every face is wanted, the
            files are numbered: ``NAME-1.png`` is the largest face.
        skip_existing: leave out pictures whose portraits are there already.
        quality: 1 to 100, for JPEG and WebP.
        max_pixels: larger pictures are refused.
        on_event: told of every event, in the calling thread.
    """
    start, counts, written, interrupted = time.perf_counter(), {"done": 0, "skipped": 0, "failed": 0}, 0, False
    writer = _Writer(portraits.options.which == "all", frozenset(os.path.realpath(job.source) for job in jobs), quality)
    try:
        for job, picture in _read(jobs, writer.is_done if skip_existing else None, max_pixels):
            event = _event(portraits, writer, job, picture)
            counts[event.kind] += 1
            written += len(event.targets)
            on_event(event)
    except KeyboardInterrupt:
        interrupted = True
    left = len(jobs) - sum(counts.values())
    return Summary(**counts, portraits=written, left=left, seconds=time.perf_counter() - start, interrupted=interrupted)


def _event(portraits: Portraits, writer: _Writer, job: Job, picture: Future[Picture] | None) -> Event:
    """Work on one picture, from its pixels to its files; None is one that is skipped."""
    if picture is None:
        return Event("skipped", job)
    try:
        pixels = picture.result()
        start = time.perf_counter()
        try:
            found = portraits(pixels)
        except ImtransError as error:
            raise type(error)(f"{shown(job.source)}: {error.what}", have=error.have, hint=error.hint) from error
        targets = writer.write(job, [portrait.picture for portrait in found.portraits])
    except ImtransError as error:
        return Event("failed", job, error=error)
    sides = tuple(portrait.side for portrait in found.portraits)
    return Event("done", job, targets, found.faces, sides, time.perf_counter() - start)


def _read(
    jobs: Sequence[Job], is_done: Callable[[Job], bool] | None, max_pixels: int
) -> Iterator[tuple[Job, Future[Picture] | None]]:
    """The pictures in the order of the jobs, a few decoded ahead; None for those that are to be skipped."""
    ahead: deque[tuple[Job, Future[Picture] | None]] = deque()
    with ThreadPoolExecutor(_AHEAD, thread_name_prefix="imtrans-read") as readers:
        try:
            for job in jobs:
                skipped = is_done is not None and is_done(job)
                ahead.append(
                    (job, None if skipped else readers.submit(read_picture, job.source, max_pixels=max_pixels))
                )
                if len(ahead) > _AHEAD:
                    yield ahead.popleft()
            while ahead:
                yield ahead.popleft()
        finally:
            readers.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True)
class _Writer:
    """Where portraits go."""

    numbered: bool
    sources: frozenset[str]
    """Real paths of the pictures of this run, none of which may be replaced."""
    quality: int

    def is_done(self, job: Job) -> bool:
        return self._target(job, 1).exists()

    def write(self, job: Job, portraits: Sequence[Picture]) -> tuple[Path, ...]:
        targets = tuple(self._target(job, number) for number in range(1, len(portraits) + 1))
        for target in targets:
            if os.path.realpath(target) in self.sources:
                raise OutputError(
                    f"a portrait of {shown(job.source)} would replace the picture {shown(target)}.",
                    hint="Give another folder with --output.",
                )
        # The first one last: where it is there, all of them are, and --skip-existing may go by it.
        for target, portrait in reversed(list(zip(targets, portraits, strict=True))):
            write_picture(portrait, target, quality=self.quality)
        return targets

    def _target(self, job: Job, number: int) -> Path:
        return job.target.with_stem(f"{job.target.stem}-{number}") if self.numbered else job.target
