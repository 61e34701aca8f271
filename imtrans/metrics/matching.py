"""Which result belongs to which target: by name, and whatever has no partner is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imtrans.data.names import FORMATS, list_pictures, shown
from imtrans.errors import InputError, UsageError


@dataclass(frozen=True)
class Matched:
    """Pictures brought together by their names.

    Attributes:
        together: {name: {role: file}} for the names that every folder has, in natural order.
        alone: {role: files} that lack a partner in another folder.
    """

    together: dict[str, dict[str, Path]]
    alone: dict[str, list[Path]]


def pictures_in(folder: Path, *, option: str, recursive: bool = False) -> list[Path]:
    """The pictures of a folder in natural order.

    Args:
        folder: where to look.
        option: what the folder was given as, for the message.
        recursive: look into folders of folders.

    Raises:
        InputError: it is missing or forbidden, or holds no pictures.
    """
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise InputError(f"the folder {shown(folder)} {what}.", hint=f"Give {option} a folder of pictures.")
    try:
        found = list_pictures(folder, recursive=recursive)
    except OSError as error:
        raise InputError(f"the folder {shown(folder)} cannot be listed: {error.strerror or error}.") from error
    if not found:
        below = not recursive and any(entry.is_dir() for entry in folder.iterdir())
        raise InputError(
            f"there is no picture in the folder {shown(folder)}.",
            have=f"Readable are {FORMATS}.",
            hint="There are folders in it: --recursive looks into them." if below else "",
        )
    return found


def by_name(folder: Path, pictures: Sequence[Path]) -> dict[str, Path]:
    """Pictures by their place below the folder without suffix: a result may be a PNG where the target is a JPEG.

    Raises:
        UsageError: two of them share a name.
    """
    named: dict[str, Path] = {}
    for path in pictures:
        name = str(path.relative_to(folder).with_suffix(""))
        if name in named:
            raise UsageError(
                f"{shown(named[name])} and {shown(path)} have one name, so it cannot be told which is meant.",
                hint="Keep one of them in that folder.",
            )
        named[name] = path
    return named


def match(folders: Mapping[str, Mapping[str, Path]]) -> Matched:
    """Bring the files of several folders together.

    Args:
        folders: {role: {name: file}}, as :func:`by_name` gives them.
    """
    common = set.intersection(*(set(files) for files in folders.values()))
    first = next(iter(folders.values()))
    together = {name: {role: files[name] for role, files in folders.items()} for name in first if name in common}
    alone = {role: [path for name, path in files.items() if name not in common] for role, files in folders.items()}
    return Matched(together, {role: files for role, files in alone.items() if files})
