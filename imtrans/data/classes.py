"""Pictures with the number of their class: a folder a class, or IDX files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from imtrans.data.aligned import AlignedData, Shelf
from imtrans.data.folders import LayoutError, all_pictures, contents, refuse_domains, split_folder, subfolders
from imtrans.data.idx import IdxFiles, find_idx, labelled
from imtrans.data.names import shown
from imtrans.data.stock import ArrayStock, FileStock
from imtrans.errors import InputError

_LAYOUT = "Make a folder for each class: cats/, dogs/, …; or train/cats/, train/dogs/, …"


class ClassPictures(AlignedData):
    """One picture an item, and its class.

    A batch holds ``"image"``, float (N, C, H, W) in the value range, and ``"labels"``, int64 (N,), from 0. The pictures
    of a class lie in a folder of its own, at any depth, inside ``train`` or the folder itself; classes are numbered in
    the order of their sorted names. Or pictures and labels are IDX files.
    """

    class_names: list[str]
    """By label; for IDX files the labels themselves."""

    def find(self, split: str) -> Shelf:
        files = find_idx(self.root, split)
        names, shelf = _from_idx(files) if files is not None else self._from_folders(split)
        if split == "train":
            self.class_names = names
            self._check_room()
        return shelf

    def _from_folders(self, split: str) -> tuple[list[str], Shelf]:
        folders = class_folders(self.root, split)
        # Held-out pictures may lack a class, and keep the numbers of the others.
        names = list(folders) if split == "train" else self.class_names
        if strangers := folders.keys() - set(names):
            raise LayoutError(f"{shown(self.root)}: {split}/ has classes that train/ lacks: {_listed(strangers)}.")
        labels = np.repeat([names.index(name) for name in folders], [len(paths) for paths in folders.values()])
        return names, Shelf({"image": FileStock([path for paths in folders.values() for path in paths])}, labels)

    def tensors(self, images: Mapping[str, Image.Image], shelf: Shelf, place: int) -> dict[str, Tensor]:
        assert shelf.labels is not None
        return {**super().tensors(images, shelf, place), "labels": torch.tensor(int(shelf.labels[place]))}

    def _check_room(self) -> None:
        found = len(self.class_names)
        if self.classes is not None and found > self.classes:
            raise InputError(
                f"{shown(self.root)} holds {found} classes, and the model has room for {self.classes}.",
                have=f"They are {_listed(self.class_names)}.",
                hint=f"Give the model room for {found} classes, or remove some.",
            )
        self.classes = self.classes or found


def class_folders(root: Path, split: str = "train") -> dict[str, list[Path]]:
    """The pictures of each class by its name, classes sorted by name as torchvision's ``ImageFolder`` sorts them.

    Raises:
        LayoutError: there are no such folders, or pictures lie beside them.
        InputError: a class has no pictures.
    """
    folder = split_folder(root, split)
    found = subfolders(folder)
    if not found:
        raise LayoutError(
            f"{shown(folder)} has no folders that could be classes.",
            have=f"It holds {contents(folder)}.",
            hint=_LAYOUT,
        )
    refuse_domains(folder, "classes", _LAYOUT)
    if loose := all_pictures(folder, recursive=False):
        raise LayoutError(
            f"{shown(folder)} holds {len(loose)} pictures beside the folders of classes.",
            have=f"Such as {shown(loose[0].name)}; the class of a picture is the folder that it lies in.",
            hint="Move them into one, or away.",
        )
    classes = {path.name: all_pictures(path) for path in found}
    if empty := [name for name, paths in classes.items() if not paths]:
        raise InputError(
            f"{shown(folder)} has classes without pictures: {_listed(empty)}.",
            have=f"{len(classes) - len(empty)} of {len(classes)} classes have pictures.",
            hint="Remove the empty folders, for they would count as classes.",
        )
    return classes


def _from_idx(files: IdxFiles) -> tuple[list[str], Shelf]:
    pixels, labels = labelled(files)
    names = [str(label) for label in range(int(labels.max()) + 1)]
    return names, Shelf({"image": ArrayStock(pixels, files.images)}, labels)


def recognise_classes(root: Path) -> str:
    """How the folder is laid out as pictures with classes.

    Raises:
        InputError: it is not.
    """
    files = find_idx(root, "train")
    if files is not None:
        labelled(files)
        return f"{shown(files.images.name)} with labels, IDX files"
    return f"{len(class_folders(root))} folders, one a class"


def _listed(names: Iterable[str], most: int = 8) -> str:
    ordered = sorted(shown(name) for name in names)
    return ", ".join(ordered[:most]) + (" …" if len(ordered) > most else "")
