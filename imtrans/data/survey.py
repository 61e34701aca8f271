"""A look at a folder before training: what lies in it, how large, and what is wrong with it."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median_low
from typing import Any

from imtrans.data.folders import all_pictures, check_folder, domain_folder
from imtrans.data.header import Header, headers
from imtrans.data.idx import IdxFiles, find_idx, labelled, read_images
from imtrans.data.label_maps import survey_labels
from imtrans.data.labelled import label_folders, recognise_labels
from imtrans.data.matching import Matched, match
from imtrans.data.names import shown
from imtrans.data.paired import has_domains
from imtrans.data.picture import read_picture
from imtrans.errors import InputError

_THREADS = 4
Ticker = Callable[[Iterable[Any], int], Iterable[Any]]
"""Passes on what it is given and shows how many of how many there were."""


@dataclass(frozen=True)
class FolderSurvey:
    """The pictures that lie in one folder.

    Attributes:
        name: relative to the data set's folder; ``.`` for that itself.
        count: files.
        widths: smallest, median and largest, in pixels.
        heights: the same.
        modes: files by mode and format, such as ``"RGB JPEG"``.
    """

    name: str
    count: int
    widths: tuple[int, int, int] | None
    heights: tuple[int, int, int] | None
    modes: dict[str, int]


@dataclass(frozen=True)
class Survey:
    """What there is to say of a data set's folder.

    Attributes:
        root: the folder.
        folders: those that pictures lie in.
        idx: IDX files, a sentence each.
        broken: reasons by file.
        unmatched: for pairs, names without a partner, by folder.
        labels: for label maps: how many, their classes, and how many hold unknown pixels.
        duplicates: files with the same content, in groups.
    """

    root: Path
    folders: list[FolderSurvey]
    idx: list[str] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    unmatched: dict[str, list[str]] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)
    duplicates: list[list[str]] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Picture files in all."""
        return sum(folder.count for folder in self.folders)


def survey(root: Path, kinds: Iterable[str], *, quick: bool = False, ticker: Ticker | None = None) -> Survey:
    """Look at every picture of a folder.

    Args:
        root: the folder.
        kinds: what it may be, which decides what else is compared.
        quick: read headers only, so that pictures that break off are not found.
        ticker: tells of progress.

    Raises:
        InputError: ``root`` is no folder, or may not be read.
    """
    check_folder(root)
    paths = all_pictures(root)
    known = headers(paths)
    kinds = set(kinds)
    # A file without a readable header is broken for sure; decoding it again finds the words.
    suspects = [path for path in paths if path not in known] if quick else paths
    return Survey(
        root,
        _folders(root, paths, known),
        _idx(root),
        _broken(suspects, ticker or (lambda found, _: found)),
        _unmatched(root, kinds),
        _label_maps(root, quick) if "labels" in kinds else {},
        _duplicates(root, paths),
    )


def _folders(root: Path, paths: Sequence[Path], known: Mapping[Path, Header]) -> list[FolderSurvey]:
    grouped: dict[Path, list[Path]] = defaultdict(list)
    for path in paths:
        grouped[path.parent].append(path)
    return [_folder(folder.relative_to(root).as_posix(), files, known) for folder, files in sorted(grouped.items())]


def _folder(name: str, files: Sequence[Path], known: Mapping[Path, Header]) -> FolderSurvey:
    found = [known[path] for path in files if path in known]
    modes = Counter(f"{header.mode} {header.format}" for header in found)
    widths = sorted(header.width for header in found)
    heights = sorted(header.height for header in found)
    return FolderSurvey(name, len(files), _spread(widths), _spread(heights), dict(modes.most_common()))


def _spread(values: list[int]) -> tuple[int, int, int] | None:
    return (values[0], median_low(values), values[-1]) if values else None


def _broken(paths: Sequence[Path], ticker: Ticker) -> dict[str, str]:
    with ThreadPoolExecutor(_THREADS) as pool:
        reasons = ticker(pool.map(_reason, paths), len(paths))
        return {str(path): reason for path, reason in zip(paths, reasons, strict=True) if reason}


def _reason(path: Path) -> str:
    """Why a picture cannot be read; empty when it can."""
    try:
        read_picture(path)
    except InputError as error:
        return error.what
    return ""


def _idx(root: Path) -> list[str]:
    sentences: list[str] = []
    seen: list[IdxFiles] = []
    for split in ("train", "test"):
        files = find_idx(root, split)
        if files is None or files in seen:
            continue
        seen.append(files)
        try:
            pixels, labels = labelled(files) if files.labels else (read_images(files.images), None)
        except InputError as error:
            sentences.append(f"{split}: {error.what}")
            continue
        count, height, width = pixels.shape
        classes = f", labels 0..{int(labels.max())}" if labels is not None else ", without labels"
        sentences.append(f"{split}: {shown(files.images.name)} holds {count} of {width} x {height}{classes}")
    return sentences


def _unmatched(root: Path, kinds: set[str]) -> dict[str, list[str]]:
    try:
        if "labels" in kinds:
            folders = label_folders(root)
        elif "paired" in kinds and has_domains(root):
            folders = {domain: domain_folder(root, domain) for domain in "AB"}
        else:
            return {}
        found: Matched = match(folders)
    except InputError:
        return {}
    return {folders[role].name: names for role, names in found.alone.items() if names}


def _label_maps(root: Path, quick: bool) -> dict[str, int]:
    try:
        recognise_labels(root)
        files = all_pictures(label_folders(root)["label"])
    except InputError:
        return {}
    found = survey_labels(files, 50 if quick else None)
    return {"maps": len(found.largest), "classes": found.classes, "with_unknown": found.unknown}


def _duplicates(root: Path, paths: Sequence[Path]) -> list[list[str]]:
    """Groups of files with the same bytes; only files of one length are read."""
    by_length: dict[int, list[Path]] = defaultdict(list)
    for path in paths:
        try:
            by_length[path.stat().st_size].append(path)
        except OSError:
            continue
    groups: dict[tuple[int, bytes], list[str]] = defaultdict(list)
    for length, files in by_length.items():
        if length and len(files) > 1:
            for path in files:
                groups[length, _digest(path)].append(path.relative_to(root).as_posix())
    return [group for group in groups.values() if len(group) > 1]


def _digest(path: Path) -> bytes:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError:
        return str(path).encode(errors="replace")  # what cannot be read equals nothing
