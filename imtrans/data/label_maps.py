"""Label maps in files: pictures whose pixels are the numbers of classes or of instances."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile

from imtrans.data.augmentation import Size
from imtrans.data.names import shown
from imtrans.data.picture import damaged, open_picture
from imtrans.errors import InputError

UNKNOWN = 255
"""The index that means no class at all; it becomes the number after the last class, as in SPADE."""
MOST_CLASSES = 255
"""Classes and unknown fit into 8 bits."""

_FEW = 64
"""More values than this in one picture, and it is probably a grey photo and no label map."""
_LOOKED_AT = 1000
"""Maps that are decoded before training starts; of larger folders, as many as this, spread evenly."""
_THREADS = 4


class LabelReader:
    """Reads the label maps of a data set.

    Args:
        classes: maps may hold 0 to ``classes - 1``, and 255 for unknown.
    """

    def __init__(self, classes: int) -> None:
        self.classes = classes

    def __call__(self, path: Path, least: Size | None = None) -> Image.Image:
        """The map as an image of mode L, unknown pixels as ``classes``.

        Raises:
            InputError: it cannot be read, is no map of indices, or holds a class beyond the last.
        """
        indices = read_indices(path)
        largest = largest_class(indices)
        if largest >= self.classes:
            raise InputError(f"{shown(path)}: it holds the class {largest}, beyond 0..{self.classes - 1}.")
        return Image.fromarray(np.where(indices == UNKNOWN, self.classes, indices).astype(np.uint8))


def read_instances(path: Path, least: Size | None = None) -> Image.Image:
    """An instance map as an image of mode I. Which number an instance bears does not matter.

    Raises:
        InputError: it cannot be read.
    """
    values = _pixels(path)
    if values.ndim == 3:  # some tools write instances as colours
        values = values[..., :3].astype(np.int32) @ np.array([1, 1 << 8, 1 << 16], dtype=np.int32)
    return Image.fromarray(values.astype(np.int32))


def read_indices(path: Path) -> np.ndarray:
    """The indices of a label map, int32 (H, W): values of a grey picture, places in the palette of another.

    Raises:
        InputError: it cannot be read, is in colour, or is a JPEG, whose pixels are approximate.
    """
    values = _pixels(path)
    if values.ndim == 3:
        channels = values[..., :3]
        if values.shape[2] < 3 or (channels != channels[..., :1]).any():
            raise InputError(f"{shown(path)}: it is a picture in colour; a label map holds the number of a class.")
        values = channels[..., 0]
    return values.astype(np.int32)


def why_no_labels(path: Path) -> str:
    """Why a file does not look like a label map, as the predicate of a sentence; empty when it does.

    A file is read as labels where somebody says that it is one, in three equal channels too; to be taken for one by its
    looks it has one channel or a palette, and few values, because a drawing in grey has the other properties as well.

    Raises:
        InputError: it cannot be read, is in colour, or is a JPEG.
    """
    values = len(np.unique(read_indices(path)))
    if values > _FEW:
        return f"it has {values} different values, and a label map as many as there are classes, at most {_FEW}"
    with open_picture(path) as image:
        channels = len(image.getbands())
    return f"it has {channels} channels, and a label map one or a palette" if channels > 1 else ""


def largest_class(indices: np.ndarray) -> int:
    """The largest class in a map; -1 when all is unknown."""
    known = indices[indices != UNKNOWN]
    return int(known.max()) if known.size else -1


def _pixels(path: Path) -> np.ndarray:
    with open_picture(path) as image:
        if image.format in ("JPEG", "MPO"):
            raise InputError(f"{shown(path)}: it is a JPEG, whose compression changes indices; use PNG.")
        try:
            return _loaded(image)
        except Exception as error:  # a hostile file may make a decoder raise anything
            raise damaged(path, error) from error


def _loaded(image: ImageFile.ImageFile) -> np.ndarray:
    image.load()
    return np.asarray(image.convert("L") if image.mode == "1" else image)


# --- before training --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LabelSurvey:
    """What a look at label maps has found.

    Attributes:
        largest: the largest class in each map that could be read, by its file.
        unknown: how many maps have unknown pixels.
        unreadable: reasons by file.
    """

    largest: dict[Path, int]
    unknown: int
    unreadable: dict[Path, str]

    @property
    def classes(self) -> int:
        """The number of classes if the largest one is the last."""
        return 1 + max(self.largest.values(), default=-1)


def survey_labels(paths: Sequence[Path], most: int | None = _LOOKED_AT) -> LabelSurvey:
    """Look at label maps: all of them, or ``most`` spread evenly."""
    step = 1 if most is None else -(-len(paths) // most)
    chosen = list(paths[:: max(1, step)])
    largest: dict[Path, int] = {}
    unreadable: dict[Path, str] = {}
    unknown = 0
    with ThreadPoolExecutor(_THREADS) as pool:
        for path, found in zip(chosen, pool.map(_look, chosen), strict=True):
            if isinstance(found, InputError):
                unreadable[path] = found.what
            else:
                largest[path] = found[0]
                unknown += found[1]
    return LabelSurvey(largest, unknown, unreadable)


def _look(path: Path) -> tuple[int, bool] | InputError:
    try:
        indices = read_indices(path)
    except InputError as error:
        return error
    return largest_class(indices), bool((indices == UNKNOWN).any())
