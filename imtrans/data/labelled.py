"""Photos with their label maps, and with instance maps where there are some: what pix2pixHD and SPADE learn from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from imtrans.data.aligned import AlignedData, Shelf
from imtrans.data.folders import LayoutError, check_folder, contents, first_folder
from imtrans.data.label_maps import MOST_CLASSES, LabelReader, LabelSurvey, read_instances, survey_labels, why_no_labels
from imtrans.data.labels import instance_edges
from imtrans.data.matching import match_all
from imtrans.data.names import shown
from imtrans.data.stock import FileStock
from imtrans.errors import InputError

_WORDS = {
    "label": ("label", "labels"),
    "image": ("img", "image", "images"),
    "instance": ("inst", "instance", "instances"),
}
_DOMAIN = {"label": "A", "image": "B"}
_TEMPLATES = ("{split}_{word}", "{split}/{word}", "{word}/{split}", "{word}")
_DOMAIN_TEMPLATES = ("{split}{word}", "{split}/{word}", "{word}/{split}", "{word}")
_LAYOUT = (
    "Put label maps into train_label/ and photos into train_img/ (or trainA/ and trainB/) with equal names, and "
    "instance maps, if there are some, into train_inst/."
)
_GLANCES = 8
"""Maps that are looked at, evenly spread, before a folder is taken for one of label maps."""


class LabelledPictures(AlignedData):
    """A photo an item with its label map, and the edges between instances where there are instance maps.

    A batch holds ``"image"``, float (N, C, H, W) in the value range; ``"label"``, uint8 (N, 1, H, W), the classes from
    0, with ``classes`` (the number after the last) for unknown; and ``"edges"``, uint8 (N, 1, H, W), 1 where an
    instance ends. :mod:`imtrans.data.labels` makes one-hot maps of them on the device.

    Maps are resized to the size that the photo gets, without mixing pixels, and share its crop and mirroring.
    """

    classes: int

    def find(self, split: str) -> Shelf:
        paths = match_all(label_folders(self.root, split)).paths
        if split == "train":
            self.classes = self._count_classes(paths["label"])
        stocks = {
            "image": FileStock(paths["image"]),
            "label": FileStock(paths["label"], LabelReader(self.classes), "L", labels=True),
        }
        if "instance" in paths:
            stocks["instance"] = FileStock(paths["instance"], read_instances, "I", labels=True)
        return Shelf(stocks)

    def tensors(self, images: Mapping[str, Image.Image], shelf: Shelf, place: int) -> dict[str, Tensor]:
        tensors = {
            "label": torch.from_numpy(np.array(images["label"]))[None],
            "image": self.tensor(images["image"]),
        }
        if "instance" in images:
            tensors["edges"] = instance_edges(torch.from_numpy(np.array(images["instance"]))[None])
        return tensors

    def _count_classes(self, paths: list[Path]) -> int:
        survey = survey_labels(paths)
        if not survey.largest:
            raise InputError(
                f"none of the {len(paths)} label maps can be used.",
                have=f"The first: {next(iter(survey.unreadable.values()))}",
                hint="A label map is a PNG whose pixels are the numbers of classes, grey or with a palette.",
            )
        _check_room(survey, self.classes or MOST_CLASSES, len(paths))
        return self.classes or max(1, survey.classes)


def _check_room(survey: LabelSurvey, classes: int, count: int) -> None:
    beyond = {path: largest for path, largest in survey.largest.items() if largest >= classes}
    if not beyond:
        return
    path, largest = next(iter(beyond.items()))
    looked = len(survey.largest)
    raise InputError(
        f"{len(beyond)} of {looked} label maps hold classes beyond 0..{classes - 1}.",
        have=f"Such as {shown(path)} with {largest}; the largest class is {survey.classes - 1}"
        + (f" in {looked} of {count} maps." if looked < count else "."),
        hint=f"Give the model room for {survey.classes} classes, or make such pixels 255 (unknown)."
        if survey.classes <= MOST_CLASSES
        else f"At most {MOST_CLASSES} classes can be told apart; 255 means unknown.",
    )


def label_folders(root: Path, split: str = "train") -> dict[str, Path]:
    """The folders of photos, label maps and, where there are some, instance maps, by their role.

    Raises:
        LayoutError: one is missing.
        InputError: ``root`` is no folder.
    """
    check_folder(root)
    folders: dict[str, Path] = {}
    for role in ("image", "label"):
        names = _candidates(role, split)
        folder = first_folder(root, names)
        if folder is None:
            raise LayoutError(
                f"{shown(root)} has no folder {names[0]} (nor {split}{_DOMAIN[role]}) with the {_CALLED[role]}.",
                have=f"It holds {contents(root)}.",
                hint=_LAYOUT,
            )
        folders[role] = folder
    instances = first_folder(root, _candidates("instance", split))
    return folders if instances is None else {**folders, "instance": instances}


_CALLED = {"label": "label maps", "image": "photos"}


def _candidates(role: str, split: str) -> list[str]:
    names = [form.format(split=split, word=word) for form in _TEMPLATES for word in _WORDS[role]]
    if role in _DOMAIN:
        names += [form.format(split=split, word=_DOMAIN[role]) for form in _DOMAIN_TEMPLATES]
    return names


def recognise_labels(root: Path) -> str:
    """How the folder is laid out as photos with label maps.

    Raises:
        InputError: it is not.
    """
    folders = label_folders(root)
    paths = match_all(folders).paths["label"]
    for path in paths[:: -(-len(paths) // _GLANCES)]:
        if why := why_no_labels(path):
            raise LayoutError(f"{shown(path)} is no label map: {why}.", hint=_LAYOUT)
    described = f"{folders['label'].relative_to(root)}/ (label maps) and {folders['image'].relative_to(root)}/"
    return described + (f", with {folders['instance'].relative_to(root)}/" if "instance" in folders else "")
