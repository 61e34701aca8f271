"""Pictures of one kind, with nothing to go with them: what generators learn from."""

from __future__ import annotations

from pathlib import Path

from imtrans.data.aligned import AlignedData, Shelf
from imtrans.data.folders import pictures_in, refuse_domains, split_folder
from imtrans.data.idx import find_idx, read_images
from imtrans.data.names import shown
from imtrans.data.stock import ArrayStock, FileStock

_LAYOUT = "Put the pictures into the folder itself or into train/ inside it."


class SinglePictures(AlignedData):
    """One picture an item.

    A batch holds ``"image"``, float (N, C, H, W) in the value range. The pictures lie in ``train`` or in the folder
    itself, at any depth; or in an IDX file, whose labels are then left alone.
    """

    def find(self, split: str) -> Shelf:
        files = find_idx(self.root, split)
        if files is not None:
            return Shelf({"image": ArrayStock(read_images(files.images), files.images)})
        return Shelf({"image": FileStock(pictures_in(_folder(self.root, split), hint=_LAYOUT))})


def _folder(root: Path, split: str) -> Path:
    folder = split_folder(root, split)
    hint = f"To learn from one of them, type --data {shown(root / 'trainA')}."
    refuse_domains(folder, "pictures of one kind", hint)
    return folder


def recognise_single(root: Path) -> str:
    """How the folder is laid out as pictures of one kind.

    Raises:
        InputError: it is not.
    """
    files = find_idx(root, "train")
    if files is not None:
        return f"{shown(files.images.name)}, an IDX file"
    folder = _folder(root, "train")
    pictures_in(folder, hint=_LAYOUT)
    return "pictures in the folder itself" if folder == root else f"pictures in {folder.name}/"
