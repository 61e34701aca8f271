"""The kinds of data sets: what a batch of each holds, how a folder of it looks, and who opens it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from imtrans.data.augmentation import Augmentation
from imtrans.data.classes import ClassPictures, recognise_classes
from imtrans.data.folders import LayoutError
from imtrans.data.items import TrainingData
from imtrans.data.kind_names import KIND_WORDS, KindName
from imtrans.data.labelled import LabelledPictures, recognise_labels
from imtrans.data.paired import PairedPictures, recognise_paired
from imtrans.data.single import SinglePictures, recognise_single
from imtrans.data.unpaired import UnpairedFolders, recognise_unpaired
from imtrans.errors import InputError

__all__ = ["KINDS", "Kind", "KindName", "fitting", "open_data"]


@dataclass(frozen=True)
class Kind:
    """One kind of data set.

    Attributes:
        name: as a method says it.
        data_set: opens a folder.
        recognise: says in words how a folder is laid out as this kind, or raises InputError.
    """

    name: KindName
    data_set: type[TrainingData]
    recognise: Callable[[Path], str]

    @property
    def summary(self) -> str:
        """What it is, as the end of a sentence."""
        return KIND_WORDS[self.name].summary

    @property
    def batch(self) -> str:
        """What a batch holds, by name."""
        return KIND_WORDS[self.name].batch


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("unpaired", UnpairedFolders, recognise_unpaired),
        Kind("paired", PairedPictures, recognise_paired),
        Kind("labels", LabelledPictures, recognise_labels),
        Kind("single", SinglePictures, recognise_single),
        Kind("classes", ClassPictures, recognise_classes),
    )
}
"""By name."""

_MOST_TELLING_FIRST = ("labels", "paired", "unpaired", "classes", "single")
"""Many folders fit several kinds; pictures of one kind, nearly all."""

assert set(KINDS) == set(KIND_WORDS) == set(get_args(KindName))


def open_data(
    kind: KindName,
    root: Path,
    augmentation: Augmentation,
    value_range: tuple[float, float] = (-1.0, 1.0),
    seed: int = 0,
    channels: str = "RGB",
    *,
    classes: int | None = None,
    cache: int = 0,
) -> TrainingData:
    """The data set in a folder; the arguments are those of :class:`~imtrans.data.items.TrainingData`.

    Raises:
        InputError: the folder holds no such data set. The message says what it looks like instead.
    """
    data_set = KINDS[kind].data_set
    try:
        return data_set(root, augmentation, value_range, seed, channels, classes=classes, cache=cache)
    except LayoutError as error:
        raise InputError(error.what, have=f"{error.have}{_likeness(kind, root)}".strip(), hint=error.hint) from error


def fitting(root: Path) -> dict[str, str | InputError]:
    """By kind, how a folder is laid out as that kind, or why it is none."""
    found: dict[str, str | InputError] = {}
    for kind in KINDS.values():
        try:
            found[kind.name] = kind.recognise(root)
        except InputError as error:
            found[kind.name] = error
    return found


def _likeness(wanted: KindName, root: Path) -> str:
    """A sentence on what a folder looks like that is not laid out as wanted."""
    fits = fitting(root)
    for kind in _MOST_TELLING_FIRST:
        if isinstance(layout := fits[kind], str):
            return f" This looks like {KINDS[kind].summary} ({layout}); the model wants {KINDS[wanted].summary}."
    return ""
