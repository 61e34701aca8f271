"""Where pictures lie: ``trainA`` and ``trainB``, ``train/A``, ``A/train`` or just ``A``, and so for every name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from imtrans.data.names import READABLE, list_pictures, shown
from imtrans.errors import InputError

SPLITS = ("train", "test", "val")
_DOMAINS_LAYOUT = "Put the pictures of the two domains into trainA/ and trainB/."
_MANY = 8


class LayoutError(InputError):
    """The folder holds something, but not in the way that the kind of data set asks for."""


def domain_pictures(root: Path, domain: str, split: str = "train") -> list[Path]:
    """The picture files of a domain, at any depth, in natural order.

    Args:
        root: the folder given as ``--data``.
        domain: ``"A"`` or ``"B"``.
        split: ``"train"``, ``"test"`` or ``"val"``.

    Raises:
        InputError: the folder is missing, forbidden or without pictures.
    """
    return pictures_in(domain_folder(root, domain, split))


def domain_folder(root: Path, domain: str, split: str = "train") -> Path:
    """The folder of a domain: ``trainA``, ``train/A``, ``A/train`` or ``A``, the first that exists.

    Raises:
        LayoutError: there is none.
        InputError: ``root`` is no folder.
    """
    names = [f"{split}{domain}", f"{split}/{domain}", f"{domain}/{split}", domain]
    folder = first_folder(root, names)
    if folder is not None:
        return folder
    check_folder(root)
    raise LayoutError(
        f"{shown(root)} has no folder {names[0]} (nor {domain}) with the pictures of domain {domain}.",
        have=f"It holds {contents(root)}.{_other_splits(root, domain, split)}",
        hint=_DOMAINS_LAYOUT,
    )


def first_folder(root: Path, names: Sequence[str]) -> Path | None:
    """The first of the folders inside ``root`` that exists."""
    return next((root / name for name in names if (root / name).is_dir()), None)


def check_folder(root: Path) -> None:
    """Refuse what is no folder.

    Raises:
        InputError: ``root`` is missing, a file, or may not be listed.
    """
    if not root.is_dir():
        what = "is a file, not a folder" if root.exists() else "does not exist"
        raise InputError(
            f"the folder of pictures {shown(root)} {what}.",
            have=f"The folder above it holds {contents(root.parent)}.",
            hint="Give the folder that holds the data set (for most models trainA/ and trainB/) as --data.",
        )
    try:
        next(root.iterdir(), None)
    except OSError as error:
        raise _forbidden(root, error) from error


def pictures_in(folder: Path, *, recursive: bool = True, hint: str = _DOMAINS_LAYOUT) -> list[Path]:
    """The picture files in a folder, at any depth unless told otherwise, in natural order.

    Raises:
        InputError: the folder is forbidden or without pictures.
    """
    found = all_pictures(folder, recursive=recursive)
    if not found:
        raise InputError(
            f"{shown(folder)} holds no pictures.",
            have=f"Pictures are files that end in {', '.join(READABLE)}.",
            hint=hint,
        )
    return found


def all_pictures(folder: Path, *, recursive: bool = True) -> list[Path]:
    """The same, and an empty list where there are none.

    Raises:
        InputError: the folder is forbidden.
    """
    try:
        return [path for path in list_pictures(folder, recursive=recursive) if path.is_file()]
    except OSError as error:
        raise _forbidden(folder, error) from error


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, sorted by name, without hidden ones.

    Raises:
        InputError: the folder is forbidden.
    """
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as error:
        raise _forbidden(folder, error) from error


def split_folder(root: Path, split: str) -> Path:
    """``root/train`` where there is one; else ``root`` itself, which then holds training pictures only.

    Raises:
        LayoutError: there is no such split.
        InputError: ``root`` is no folder.
    """
    check_folder(root)
    if (root / split).is_dir():
        return root / split
    others = [f"{other}/" for other in SPLITS if (root / other).is_dir()]
    if split == "train" and not others:
        return root
    raise LayoutError(
        f"{shown(root)} has no folder {split}.",
        have=f"It holds {contents(root)}." + (f" Found {', '.join(others)} but no {split}/." if others else ""),
        hint=f"Put the pictures to train on into {split}/, or give a folder that holds nothing else as --data.",
    )


def refuse_domains(folder: Path, wanted: str, hint: str) -> None:
    """Refuse ``trainA``, ``testB`` and the like, where they would be taken for something else.

    Raises:
        LayoutError: there is one.
    """
    domains = [f"{split}{domain}" for split in SPLITS for domain in "AB" if (folder / f"{split}{domain}").is_dir()]
    if domains:
        raise LayoutError(
            f"{shown(folder)} holds the two domains of a translation ({', '.join(domains)}), not {wanted}.",
            hint=hint,
        )


def contents(folder: Path) -> str:
    """The first names in a folder, for messages."""
    if not folder.is_dir():
        return "nothing, for it does not exist either"
    try:
        names = sorted(shown(path.name) + ("/" if path.is_dir() else "") for path in folder.iterdir())
    except OSError:
        return "what may not be listed"
    return ", ".join(names[:_MANY]) + (" …" if len(names) > _MANY else "") if names else "nothing"


def _other_splits(root: Path, domain: str, split: str) -> str:
    """A sentence on folders of the same domain that are kept for testing."""
    others = [
        name
        for other in SPLITS
        if other != split
        for name in (f"{other}{domain}", f"{other}/{domain}")
        if (root / name).is_dir()
    ]
    return f" Found {others[0]} but no {split}{domain}." if others else ""


def _forbidden(folder: Path, error: OSError) -> InputError:
    where = shown(error.filename or folder)
    return InputError(
        f"the folder {where} cannot be read: {error.strerror}.",
        have="Training reads every picture in it and in its folders.",
        hint=f"Make it readable (chmod -R u+rX {where}), or give another --data.",
    )
