"""Pictures in pairs: two folders with equal names, or one file that holds both side by side."""

from __future__ import annotations

import functools
from pathlib import Path

from PIL import Image

from imtrans.data.aligned import AlignedData, Shelf
from imtrans.data.augmentation import Size
from imtrans.data.folders import LayoutError, all_pictures, domain_folder, first_folder, split_folder
from imtrans.data.header import Header, headers
from imtrans.data.matching import match_all
from imtrans.data.names import shown
from imtrans.data.stock import FileStock, read_colour
from imtrans.errors import InputError

_LAYOUT = (
    "Put the pairs into trainA/ and trainB/ with equal names, or into train/ as files that hold both side by side."
)
_NAMED = 5


class PairedPictures(AlignedData):
    """A pair an item; both pictures get the same crop and mirroring.

    A batch holds ``"A"`` and ``"B"``, float (N, C, H, W) in the value range. The pairs lie in ``trainA`` and ``trainB``
    (``train/A``, ``A/train`` or ``A`` will do) under equal names; or in ``train``, or the folder itself, as the files
    of pix2pix's data sets, of which the left half is A and the right half B. Which of them is the input is the
    method's business.
    """

    def find(self, split: str) -> Shelf:
        if has_domains(self.root, split):
            paths = match_all({domain: domain_folder(self.root, domain, split) for domain in "AB"}).paths
            return Shelf({domain: FileStock(paths[domain]) for domain in "AB"})
        files = side_by_side_files(self.root, split)
        halves = Halves()
        return Shelf({"A": FileStock(files, halves.left), "B": FileStock(files, halves.right)})


class Halves:
    """Reads both halves of a file, and decodes it once for the two."""

    def __init__(self) -> None:
        self._decoded = functools.lru_cache(maxsize=1)(_decode)

    def left(self, path: Path, least: Size | None = None) -> Image.Image:
        """A: columns 0 to W/2."""
        image = self._decoded(path, least)
        return image.crop((0, 0, image.width // 2, image.height))

    def right(self, path: Path, least: Size | None = None) -> Image.Image:
        """B: columns W/2 to W."""
        image = self._decoded(path, least)
        return image.crop((image.width // 2, 0, image.width, image.height))


def _decode(path: Path, least: Size | None) -> Image.Image:
    # A fraction of an even width may be odd, so the halves of a draft could be shifted against each other.
    image = read_colour(path)
    if image.width % 2:
        raise InputError(f"{shown(path)}: its width of {image.width} is odd, so it cannot hold two pictures.")
    return image


def has_domains(root: Path, split: str = "train") -> bool:
    """Whether there is a folder of A or of B, so that pairs go by name."""
    names = [name for domain in "AB" for name in (f"{split}{domain}", f"{split}/{domain}", f"{domain}/{split}", domain)]
    return first_folder(root, names) is not None


def side_by_side_files(root: Path, split: str = "train") -> list[Path]:
    """The files that hold A on the left and B on the right.

    Raises:
        LayoutError: there are none, or they are higher than wide.
        InputError: some have an odd width.
    """
    try:
        folder = split_folder(root, split)
    except LayoutError as error:
        raise LayoutError(error.what, have=error.have, hint=_LAYOUT) from error
    files = all_pictures(folder, recursive=False)
    if not files:
        domain_folder(root, "A", split)  # raises, and says what lies there instead
    known = headers(files)
    if odd := [path for path, header in known.items() if header.width % 2]:
        raise InputError(
            f"{len(odd)} of {len(files)} files have an odd width, so they cannot hold two pictures side by side.",
            have=f"Such as {', '.join(f'{shown(path.name)} ({known[path].words})' for path in odd[:_NAMED])}.",
            hint="Cut one column off, or put the pictures into trainA/ and trainB/ with equal names.",
        )
    if high := [path for path, header in known.items() if header.width <= header.height]:
        raise LayoutError(
            f"{shown(folder)} holds single pictures, not pairs side by side.",
            have=f"{len(high)} of {len(files)} are no wider than high, such as {_described(high[0], known)}.",
            hint=_LAYOUT,
        )
    return files


def _described(path: Path, known: dict[Path, Header]) -> str:
    return f"{shown(path.name)} ({known[path].words})"


def recognise_paired(root: Path) -> str:
    """How the folder is laid out as pairs.

    Raises:
        InputError: it is not.
    """
    if has_domains(root):
        folders = {domain: domain_folder(root, domain) for domain in "AB"}
        match_all(folders)
        return " and ".join(f"{folder.relative_to(root)}/" for folder in folders.values()) + " with equal names"
    files = side_by_side_files(root)
    if not all(header.width == 2 * header.height for header in headers(files).values()):
        raise LayoutError(
            "its files are not twice as wide as high, so they are probably no pairs side by side.",
            have="A model that learns from pairs takes them all the same.",
            hint="Put the pictures into trainA/ and trainB/ with equal names.",
        )
    return "files that hold A on the left and B on the right"
