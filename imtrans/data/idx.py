"""IDX files, the format of MNIST: a header of big-endian numbers, then the values of all pictures or all labels.

Bytes 0 and 1 are zero, byte 2 says the type of the values (8: unsigned bytes), byte 3 the number of dimensions; then
one 32-bit number a dimension. Source: http://yann.lecun.com/exdb/mnist/, "The IDX file format".
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import numpy as np

from imtrans.data.folders import LayoutError, check_folder
from imtrans.data.names import shown
from imtrans.errors import InputError

MAX_BYTES = 4 * 10**9
"""Files with more values than this are refused: a small gzip archive can claim any size."""

_UNSIGNED_BYTES = 8
_IMAGES = re.compile(r"(?:(?P<name>.*)[-_.])?images[-_.]idx3-ubyte(?:\.gz)?")
_SPLIT_NAMES = {"train": ("train",), "test": ("t10k", "test"), "val": ("val", "valid", "validation")}
_HINT = "Download the file again, or take another folder as --data."


@dataclass(frozen=True)
class IdxFiles:
    """The files of one split.

    Attributes:
        images: a file of pictures (N, H, W).
        labels: the file of their labels (N,), or None where there is none.
    """

    images: Path
    labels: Path | None


def find_idx(root: Path, split: str) -> IdxFiles | None:
    """``train-images-idx3-ubyte`` or ``.gz`` and its labels; for ``test``, ``t10k-…``.

    A folder that holds only one file of pictures is training data, whatever its name.

    Raises:
        InputError: ``root`` is no folder.
    """
    check_folder(root)
    found = {path: match["name"] or "" for path in sorted(root.iterdir()) if (match := _IMAGES.fullmatch(path.name))}
    words = _SPLIT_NAMES[split]
    chosen = [path for path, name in found.items() if any(word in re.split(r"[-_.]", name) for word in words)]
    stems = {path.name.removesuffix(".gz") for path in found}
    if not chosen and split == "train" and len(stems) == 1:
        chosen = list(found)
    if not chosen:
        return None
    return IdxFiles(chosen[0], _labels_of(chosen[0]))


def _labels_of(images: Path) -> Path | None:
    stem = images.name.removesuffix(".gz")
    head, _, tail = stem.rpartition("images")
    name = f"{head}labels{tail.replace('idx3', 'idx1')}"
    return next((path for path in (images.with_name(name), images.with_name(name + ".gz")) if path.is_file()), None)


def read_images(path: Path) -> np.ndarray:
    """The pictures of a file, uint8 (N, H, W).

    Raises:
        InputError: the file cannot be read, is no IDX file of 8-bit pictures, or ends too early.
    """
    pixels = _read(path, 3, "pictures")
    if 0 in pixels.shape:
        raise InputError(f"{shown(path)} holds no pictures: {' x '.join(map(str, pixels.shape))}.", hint=_HINT)
    return pixels


def read_labels(path: Path) -> np.ndarray:
    """The labels of a file, uint8 (N,).

    Raises:
        InputError: the file cannot be read, is no IDX file of 8-bit labels, or ends too early.
    """
    return _read(path, 1, "labels")


def labelled(files: IdxFiles) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (N, H, W) and their labels (N,).

    Raises:
        InputError: a file is damaged, the labels are missing, or there are not as many of them.
    """
    if files.labels is None:
        raise LayoutError(
            f"{shown(files.images)} has no labels.",
            have=f"Beside it there is no {_expected_labels(files.images)}, with or without .gz.",
            hint="Put the file of labels beside it; a model that needs none can be trained without.",
        )
    images, labels = read_images(files.images), read_labels(files.labels)
    if len(images) != len(labels):
        raise InputError(
            f"{shown(files.labels)} holds {len(labels)} labels for {len(images)} pictures.",
            have=f"The pictures are those of {shown(files.images)}.",
            hint=_HINT,
        )
    return images, labels


def _expected_labels(images: Path) -> str:
    head, _, tail = images.name.removesuffix(".gz").rpartition("images")
    return shown(f"{head}labels{tail.replace('idx3', 'idx1')}")


def _read(path: Path, dimensions: int, what: str) -> np.ndarray:
    try:
        with _opened(path) as stream:
            shape = _shape(stream, path, dimensions, what)
            size = int(np.prod(shape, dtype=object))
            if size > MAX_BYTES:
                raise InputError(f"{shown(path)} claims {size / 1e9:.0f} GB of {what}, more than is read.", hint=_HINT)
            values = stream.read(size)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or "it is damaged or ends too early"
        raise InputError(f"{shown(path)} cannot be read: {reason}.", hint=_HINT) from error
    if len(values) < size:
        raise InputError(
            f"{shown(path)} ends too early (truncated): {len(values):,} bytes of {what} instead of {size:,}.",
            have=f"Its header promises {' x '.join(map(str, shape))}.",
            hint=_HINT,
        )
    return np.frombuffer(values, dtype=np.uint8).reshape(shape)


def _opened(path: Path) -> IO[bytes]:
    # The content decides, not the name: browsers unpack archives and leave their names alone.
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    return cast(IO[bytes], gzip.open(path, "rb")) if packed else path.open("rb")


def _shape(stream: IO[bytes], path: Path, dimensions: int, what: str) -> tuple[int, ...]:
    header = stream.read(4)
    if len(header) < 4 or header[:2] != b"\0\0" or header[2] != _UNSIGNED_BYTES or header[3] != dimensions:
        raise InputError(
            f"{shown(path)} is no IDX file of {what}.",
            have=f"Such a file begins with the bytes 0 0 8 {dimensions}; this one with {' '.join(map(str, header))}.",
            hint=_HINT,
        )
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise InputError(f"{shown(path)} ends too early (truncated), in its header.", hint=_HINT)
    return struct.unpack(f">{dimensions}I", sizes)
