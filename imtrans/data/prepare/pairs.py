"""Folders of pictures into data sets of pairs, for every way of making pairs, with what went wrong told by picture."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image

from imtrans.data.names import natural_key, shown
from imtrans.data.picture import Picture, read_picture, write_picture
from imtrans.data.prepare.parts import randomness
from imtrans.errors import ConfigError, ImtransError, InputError, UsageError

Layout = Literal["folders", "aligned"]
"""``folders``: what a network is shown in trainA/, what it shall answer in trainB/, under equal names. ``aligned``:
both side by side in train/, A on the left."""

Split = Literal["train", "test"]

Pair = tuple[Image.Image, Image.Image]
"""A and B, mode RGB, of one size."""

Maker = Callable[[Image.Image, str], Iterable[Pair | None]]
"""Makes the pairs of a picture of mode RGB, which the name tells from all others; as many as the plan has, with None
for one that there is nothing to learn from."""


@dataclass(frozen=True)
class Job:
    """A picture, and where its pairs go."""

    source: Path
    name: str
    """Which picture it is, whatever folder the data set is made in: its place below the folder that was given."""
    split: Split
    targets: tuple[tuple[Path, ...], ...]
    """The files of each pair: A and B, or one with both."""

    @property
    def is_done(self) -> bool:
        """Whether every file is there."""
        return all(path.is_file() for files in self.targets for path in files)


@dataclass(frozen=True)
class Event:
    """What became of a picture."""

    kind: Literal["done", "skipped", "failed"]
    job: Job
    seconds: float = 0.0
    error: ImtransError | None = None
    """Why, in ``failed``."""
    written: tuple[tuple[Path, ...], ...] = ()
    """The files of each pair, in ``done``."""

    @property
    def left_out(self) -> int:
        """Pairs that there was nothing to learn from, in ``done``."""
        return len(self.job.targets) - len(self.written) if self.kind == "done" else 0


@dataclass(frozen=True)
class Summary:
    """How it ended."""

    done: int = 0
    skipped: int = 0
    failed: int = 0
    left: int = 0
    """Pictures that an interruption kept from being tried."""
    pairs: int = 0
    """Pairs that were written."""
    left_out: int = 0
    """Pairs that there was nothing to learn from."""
    seconds: float = 0.0
    interrupted: bool = False


def plan(
    sources: Mapping[Path, Path],
    output: Path,
    *,
    pairs: int = 1,
    layout: Layout = "folders",
    test: float = 0.0,
    split: Split = "train",
    seed: int = 0,
    tag: str = "",
) -> list[Job]:
    """Settle where the pairs of every picture go, and which pictures are held out.

    Args:
        sources: the pictures, each with its place below the folder that was given.
        output: the folder of the data set.
        pairs: how many a picture gives.
        layout: see :data:`Layout`.
        test: share of the pictures, 0..1, whose pairs all go to ``test``; no picture has pairs in both. Drawn by the
            seed and the names.
        split: where the others go; with ``test`` all of them do, for pictures that somebody else has held out.
        seed: see ``test``.
        tag: ends every name, after a hyphen, so that folders with equal names can be put into one data set.

    Raises:
        ConfigError: an unknown layout or split, a share out of its range, or a tag that is no part of a name.
        UsageError: two pictures would share a file, or every one is held out.
    """
    if layout not in ("folders", "aligned"):
        raise ConfigError(f"there is no layout called {layout!r}.", have="There are folders and aligned.")
    if split not in ("train", "test"):
        raise ConfigError(f"there is no split called {split!r}.", have="There are train and test.")
    if not 0 <= test < 1:
        raise ConfigError(f"the share of test pictures lies in 0..1 without 1, not at {test:g}.")
    if any(sign in tag for sign in "/\\\0"):
        raise ConfigError(
            f"{shown(tag)!r} cannot be part of a file's name.", hint="Type a word, such as --tag smiling."
        )
    held_out = _held_out(list(sources.values()), test, seed)
    jobs = []
    for source, relative in sources.items():
        goes: Split = "test" if relative in held_out else split
        names = [_numbered(relative, tag, place, pairs) for place in range(pairs)]
        folders = [f"{goes}A", f"{goes}B"] if layout == "folders" else [goes]
        targets = tuple(tuple(output / folder / name for folder in folders) for name in names)
        jobs.append(Job(source, relative.as_posix(), goes, targets))
    _refuse_collisions(jobs)
    return jobs


def make_files(
    jobs: Sequence[Job],
    maker: Maker,
    on_event: Callable[[Event], None],
    *,
    skip_existing: bool = False,
    workers: int = 2,
) -> Summary:
    """Make the pairs of every picture; one that cannot be read or written is an event, and the rest goes on.

    Ctrl-C lets the pictures that are being worked on end, and the summary says ``interrupted``. Files appear whole or
    not at all.

    Args:
        jobs: from :func:`plan`.
        maker: see :data:`Maker`.
        on_event: told of every picture in order, in the calling thread.
        skip_existing: leave out pictures whose files are all there.
        workers: pictures that are worked on at a time.
    """
    counts = {"done": 0, "skipped": 0, "failed": 0}
    pairs, left_out, start, interrupted = 0, 0, time.monotonic(), False
    with ThreadPoolExecutor(workers) as pool:
        waiting: list[Future[Event]] = []
        try:
            waiting.extend(pool.submit(_work, job, maker, skip_existing) for job in jobs)
            for future in waiting:
                event = future.result()
                counts[event.kind] += 1
                pairs += len(event.written)
                left_out += event.left_out
                on_event(event)
        except KeyboardInterrupt:
            interrupted = True
            pool.shutdown(wait=True, cancel_futures=True)
    left = len(jobs) - sum(counts.values())
    seconds = time.monotonic() - start
    return Summary(**counts, left=left, pairs=pairs, left_out=left_out, seconds=seconds, interrupted=interrupted)


def _work(job: Job, maker: Maker, skip_existing: bool) -> Event:
    start = time.monotonic()
    if skip_existing and job.is_done:
        return Event("skipped", job)
    try:
        written = _made(job, maker, _opaque(read_picture(job.source)))
    except ImtransError as error:
        return Event("failed", job, time.monotonic() - start, _named(error, job.source))
    return Event("done", job, time.monotonic() - start, written=written)


def _made(job: Job, maker: Maker, picture: Image.Image) -> tuple[tuple[Path, ...], ...]:
    """Write the pairs of a picture; says which."""
    written = []
    for files, pair in zip(job.targets, maker(picture, job.name), strict=True):
        if pair is not None:
            _write(files, pair)
            written.append(files)
    if not written:
        raise InputError(
            "there is nothing in it to learn from: both pictures of every pair would be the same.",
            have="It is of one colour, or nearly, wherever it was looked at.",
            hint="Leave the picture out.",
        )
    return tuple(written)


def _opaque(picture: Picture) -> Image.Image:
    """The picture over white: what is transparent has colours that nobody saw."""
    if picture.alpha is None:
        return picture.image
    white = Image.new("RGB", picture.size, "white")
    return Image.composite(picture.image, white, picture.alpha)


def _write(files: tuple[Path, ...], pair: Pair) -> None:
    if len(files) == 2:
        for picture, file in zip(pair, files, strict=True):
            write_picture(picture, file)
        return
    width, height = pair[0].size
    both = Image.new("RGB", (2 * width, height))
    for place, picture in enumerate(pair):
        both.paste(picture, (place * width, 0))
    write_picture(both, files[0])


def _held_out(places: list[Path], share: float, seed: int) -> set[Path]:
    """At least one where any is wanted and another one stays."""
    count = max(round(share * len(places)), 1 if share > 0 and len(places) > 1 else 0)
    if count >= len(places) and share > 0:
        raise UsageError("every picture would be held out for testing, and none would be left to learn from.")
    drawn = sorted(places, key=lambda place: (randomness(seed, place.as_posix()).random(), natural_key(place)))
    return set(drawn[:count])


def _numbered(relative: Path, tag: str, place: int, count: int) -> Path:
    """``a/b.jpg`` -> ``a/b.png``, or ``a/b-tag-03.png`` with a tag and where there are more than one."""
    number = f"-{place + 1:0{len(str(count))}}" if count > 1 else ""
    return relative.with_name(f"{relative.stem}{f'-{tag}' if tag else ''}{number}.png")


def _refuse_collisions(jobs: Sequence[Job]) -> None:
    writers: dict[Path, Path] = {}
    for job in jobs:
        for path in (path for files in job.targets for path in files):
            if path in writers:
                raise UsageError(
                    f"{shown(writers[path])} and {shown(job.source)} would both be written to {shown(path)}.",
                    hint="Rename one of them, or make two data sets with different --output.",
                )
            if path == job.source:
                raise UsageError(f"{shown(path)} would be replaced.", hint="Give another folder with --output.")
            writers[path] = job.source


def _named(error: ImtransError, path: Path) -> ImtransError:
    what = error.what if shown(path) in error.what else f"{shown(path)}: {error.what}"
    return type(error)(what, have=error.have, hint=error.hint)
