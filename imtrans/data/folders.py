"""Where the pictures of a domain lie: ``trainA``, ``trainB``, ``testA``, ``testB``, or just ``A`` and ``B``."""

from __future__ import annotations

from pathlib import Path

from imtrans.data.names import READABLE, list_pictures, shown
from imtrans.errors import InputError

_LAYOUT = "Put the pictures of the two domains into trainA/ and trainB/."


def domain_pictures(root: Path, domain: str, split: str = "train") -> list[Path]:
    """The picture files of a domain, at any depth, in natural order.

    Args:
        root: the folder given as ``--data``.
        domain: ``"A"`` or ``"B"``.
        split: ``"train"`` or ``"test"``.

    Raises:
        InputError: the folder is missing, forbidden or without pictures.
    """
    try:
        folder = _domain_folder(root, domain, split)
        found = [path for path in list_pictures(folder, recursive=True) if path.is_file()]
    except OSError as error:
        where = shown(error.filename or root)
        raise InputError(
            f"the folder {where} cannot be read: {error.strerror}.",
            have="Training reads every picture in it and in its folders.",
            hint=f"Make it readable (chmod -R u+rX {where}), or give another --data.",
        ) from error
    if not found:
        raise InputError(
            f"{shown(folder)} holds no pictures.",
            have=f"Pictures are files that end in {', '.join(READABLE)}.",
            hint=_LAYOUT,
        )
    return found


def _domain_folder(root: Path, domain: str, split: str) -> Path:
    candidates = [root / f"{split}{domain}", root / domain]
    for folder in candidates:
        if folder.is_dir():
            return folder
    if not root.is_dir():
        what = "is a file, not a folder" if root.exists() else "does not exist"
        raise InputError(
            f"the folder of pictures {shown(root)} {what}.",
            have=f"The folder above it holds {_contents(root.parent)}.",
            hint="Give the folder that holds trainA/ and trainB/ as --data.",
        )
    first, second = (folder.name for folder in candidates)
    raise InputError(
        f"{shown(root)} has no folder {first} (nor {second}) with the pictures of domain {domain}.",
        have=f"It holds {_contents(root)}.",
        hint=_LAYOUT,
    )


def _contents(folder: Path, most: int = 8) -> str:
    """The first names in a folder, for messages."""
    if not folder.is_dir():
        return "nothing, for it does not exist either"
    names = sorted(shown(path.name) + ("/" if path.is_dir() else "") for path in folder.iterdir())
    return ", ".join(names[:most]) + (" …" if len(names) > most else "") if names else "nothing"
