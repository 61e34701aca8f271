"""The kinds of data sets: what a batch of each holds, how a folder of it looks, and who opens it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from imtrans.data.augmentation import Augmentation
from imtrans.data.classes import ClassPictures, recognise_classes
from imtrans.data.folders import LayoutError
from imtrans.data.items import TrainingData
from imtrans.data.labelled import LabelledPictures, recognise_labels
from imtrans.data.paired import PairedPictures, recognise_paired
from imtrans.data.single import SinglePictures, recognise_single
from imtrans.data.unpaired import UnpairedFolders, recognise_unpaired
from imtrans.errors import InputError

KindName = Literal["unpaired", "paired", "labels", "single", "classes"]
"""What a method says it learns from."""


@dataclass(frozen=True)
class Kind:
    """One kind of data set.

    Attributes:
        name: as a method says it.
        summary: what it is, as the end of a sentence.
        batch: what a batch holds.
        data_set: opens a folder.
        recognise: says in words how a folder is laid out as this kind, or raises InputError.
    """

    name: KindName
    summary: str
    batch: str
    data_set: type[TrainingData]
    recognise: Callable[[Path], str]


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("unpaired", "pictures of two domains without pairs", "A, B", UnpairedFolders, recognise_unpaired),
        Kind("paired", "pictures in pairs", "A, B", PairedPictures, recognise_paired),
        Kind("labels", "photos with label maps", "image, label, edges", LabelledPictures, recognise_labels),
        Kind("single", "pictures of one kind", "image", SinglePictures, recognise_single),
        Kind("classes", "pictures with their class", "image, labels", ClassPictures, recognise_classes),
    )
}
"""By name."""

_MOST_TELLING_FIRST = ("labels", "paired", "unpaired", "classes", "single")
"""Many folders fit several kinds; pictures of one kind, nearly all."""

assert set(KINDS) == set(get_args(KindName))


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
