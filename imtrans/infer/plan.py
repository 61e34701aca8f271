"""Which pictures are translated, and where each result goes: settled before the first one is read."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from imtrans.data.names import FORMATS, READABLE, WRITABLE, list_pictures, natural_key, shown
from imtrans.errors import InputError, UsageError

OUTPUT = Path("imtrans-output")
"""Where results go unless told otherwise, relative to the current folder."""

SUFFIXES = {"png": ".png", "jpg": ".jpg", "webp": ".webp", "tiff": ".tiff", "bmp": ".bmp"}
"""Formats of results by the names that users type; beside them there is ``same``."""


@dataclass(frozen=True)
class Source:
    """A picture to translate."""

    path: Path
    relative: Path
    """Its place below the folder that was asked for; a file that was named itself has none but its name."""


@dataclass(frozen=True)
class Job:
    """A picture to translate, and the file that the result goes to."""

    source: Path
    target: Path
    heatmap: Path | None = None
    """The file for the picture with the network's heatmap over it, where one is wanted."""

    @property
    def targets(self) -> tuple[Path, ...]:
        """Every file that the job writes."""
        return (self.target,) if self.heatmap is None else (self.target, self.heatmap)


def collect(inputs: Sequence[str], *, recursive: bool = False, leave_out: Path | None = None) -> list[Source]:
    """The pictures that files, folders and glob patterns stand for, in the order given, each once.

    Folders give their pictures in natural order (``2.png`` before ``10.png``), told by suffix; a file that is named
    itself is taken whatever its name. A file that does not exist stays in the list when there are others, so that it
    is reported like any other that cannot be read.

    Args:
        inputs: what the user typed.
        recursive: look into folders of folders.
        leave_out: the folder of results, which may lie within an input folder.

    Raises:
        UsageError: nothing was found; the message says where.
        InputError: a folder cannot be listed.
    """
    found: dict[Path, Source] = {}
    for text in inputs:
        for source in _sources(text, recursive, leave_out):
            found.setdefault(_real(source.path), source)
    sources = list(found.values())
    if not any(os.path.lexists(source.path) for source in sources):
        raise UsageError(_nothing_found(inputs, recursive), have=f"Readable are {FORMATS}.", hint=_what_to_do(inputs))
    return sources


def plan(
    sources: Sequence[Source],
    output: Path | None = None,
    *,
    kind: str = "same",
    compare: bool = False,
    heatmap: bool = False,
) -> list[Job]:
    """Give every picture the file that its result goes to.

    A result has the name of its picture, and its format unless ``kind`` says otherwise; what cannot be written in its
    own format (GIF, names without a suffix) becomes PNG. Comparisons are called ``NAME-compare``, so that they never
    pass for results, and heatmaps ``NAME-heatmap.png``, since a JPEG would smear their colours.

    Args:
        sources: the pictures.
        output: a folder, or for a single picture a file with a picture's suffix; None is ``imtrans-output``.
        kind: ``"same"`` or a key of :data:`SUFFIXES`.
        compare: whether results are shown beside their pictures.
        heatmap: whether heatmaps are wanted, beside the results.

    Raises:
        UsageError: two results would share a file, a result would replace a picture of the input, or ``output`` and
            ``kind`` contradict each other.
    """
    if kind not in ("same", *SUFFIXES):
        raise UsageError(f"there is no format called {kind!r}.", have=f"There are same, {', '.join(SUFFIXES)}.")
    if output is not None and _names_a_file(output):
        jobs = [_job_for_file(sources, output, kind)]
    else:
        folder = output or OUTPUT
        jobs = [Job(source.path, folder / _result_name(source.relative, kind, compare)) for source in sources]
    if heatmap:
        jobs = [replace(job, heatmap=job.target.with_name(f"{_stem(job, compare)}-heatmap.png")) for job in jobs]
    _refuse_collisions(jobs)
    return jobs


# --- inputs -----------------------------------------------------------------------------------------------------------


def _sources(text: str, recursive: bool, leave_out: Path | None) -> Iterator[Source]:
    path = Path(text).expanduser()
    if path.is_dir():
        yield from _in_folder(path, recursive, leave_out)
    elif not os.path.lexists(path) and glob.has_magic(text):
        yield from _matching(str(path))
    else:
        yield Source(path, Path(path.name))


def _in_folder(folder: Path, recursive: bool, leave_out: Path | None) -> Iterator[Source]:
    try:
        pictures = list_pictures(folder, recursive=recursive)
    except OSError as error:
        raise InputError(f"the folder {shown(folder)} cannot be listed: {error.strerror or error}.") from error
    results = _real(leave_out) if leave_out is not None else None
    for picture in pictures:
        if results is None or results == _real(folder) or results not in _real(picture).parents:
            yield Source(picture, picture.relative_to(folder))


def _matching(pattern: str) -> Iterator[Source]:
    parts = Path(pattern).parts
    fixed = next(index for index, part in enumerate(parts) if glob.has_magic(part))
    root = Path(*parts[:fixed])
    matches = (Path(match) for match in glob.iglob(pattern, recursive=True))  # noqa: PTH207  # patterns may be absolute
    pictures = [match for match in matches if match.suffix.lower() in READABLE and not match.is_dir()]
    for picture in sorted(pictures, key=natural_key):
        yield Source(picture, picture.relative_to(root))


def _nothing_found(inputs: Sequence[str], recursive: bool) -> str:
    if len(inputs) != 1:
        return "there is no picture in any of the inputs." if inputs else "no input was given."
    (text,) = inputs
    if Path(text).expanduser().is_dir():
        return f"there is no picture in the folder {shown(text)}{' or below it' if recursive else ''}."
    return f"no picture matches {shown(text)}." if glob.has_magic(text) else f"there is no file {shown(text)}."


def _what_to_do(inputs: Sequence[str]) -> str:
    if not inputs:
        return "Name a picture, a folder or a pattern: --input photo.jpg"
    folders = [Path(text).expanduser() for text in inputs]
    below = any(child.is_dir() for folder in folders if folder.is_dir() for child in folder.iterdir())
    return "There are folders in it: --recursive looks into them." if below else ""


# --- outputs ----------------------------------------------------------------------------------------------------------


def _names_a_file(output: Path) -> bool:
    return output.suffix.lower() in READABLE and not output.is_dir()


def _job_for_file(sources: Sequence[Source], output: Path, kind: str) -> Job:
    suffix = output.suffix.lower()
    if len(sources) != 1:
        raise UsageError(
            f"--output {shown(output)} names one picture, and there are {len(sources)} to translate.",
            hint="Name a folder instead.",
        )
    if suffix not in WRITABLE:
        raise UsageError(f"results cannot be written as {suffix}.", have=f"Writable are {', '.join(WRITABLE)}.")
    if kind != "same" and WRITABLE[suffix] != WRITABLE[SUFFIXES[kind]]:
        raise UsageError(f"--output {shown(output)} and --format {kind} contradict each other.")
    return Job(sources[0].path, output)


def _result_name(relative: Path, kind: str, compare: bool) -> Path:
    suffix = relative.suffix if relative.suffix.lower() in WRITABLE else ".png"
    stem = relative.stem if relative.suffix.lower() in READABLE else relative.name
    if kind != "same" and WRITABLE[suffix.lower()] != WRITABLE[SUFFIXES[kind]]:
        suffix = SUFFIXES[kind]
    return relative.with_name(f"{stem}{'-compare' if compare else ''}{suffix}")


def _stem(job: Job, compare: bool) -> str:
    return job.target.stem.removesuffix("-compare") if compare else job.target.stem


def _refuse_collisions(jobs: Sequence[Job]) -> None:
    pictures = {_real(job.source): job.source for job in jobs}
    writers: dict[Path, Path] = {}
    for source, path in [(job.source, path) for job in jobs for path in job.targets]:
        target = _real(path)
        if target in pictures:
            raise UsageError(
                f"the result of {shown(source)} would replace the input {shown(pictures[target])}.",
                hint="Give another folder with --output.",
            )
        if target in writers:
            raise UsageError(
                f"{shown(writers[target])} and {shown(source)} would both be written to {shown(path)}.",
                hint="Translate them into different folders, in two runs with different --output.",
            )
        writers[target] = source


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
