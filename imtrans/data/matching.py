"""Which files belong together: those of one name, but for the suffix, in folders side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from imtrans.data.folders import pictures_in
from imtrans.data.names import shown
from imtrans.errors import InputError

_NAMED = 5
"""Names without a partner that an error lists on each side."""
_CITYSCAPES = ("_leftImg8bit", "_gtFine_labelIds", "_gtFine_instanceIds", "_gtCoarse_labelIds", "_gtCoarse_instanceIds")


@dataclass(frozen=True)
class Matched:
    """Files by the name of their folder's role, as far as they have partners, and the names that have none.

    Attributes:
        paths: by role; equal places belong together, in natural order.
        alone: by role, names (relative, without suffix) that another role lacks.
        doubled: by role, names that two files bear.
    """

    paths: dict[str, list[Path]]
    alone: dict[str, list[str]]
    doubled: dict[str, list[str]]

    @property
    def count(self) -> int:
        """How many places have a file in every role."""
        return len(next(iter(self.paths.values())))


def match(folders: Mapping[str, Path]) -> Matched:
    """Bring the pictures of several folders together by their paths inside them, without suffixes.

    Where no name fits so, the endings by which Cityscapes tells photos and label maps apart are left away too.

    Raises:
        InputError: a folder has no pictures.
    """
    files = {role: pictures_in(folder, hint=f"It is the folder of {role}.") for role, folder in folders.items()}
    matched = _match(folders, files, _plain_name)
    return matched if matched.count else _match(folders, files, _cityscapes_name)


def match_all(folders: Mapping[str, Path]) -> Matched:
    """The same, where every file has its partner.

    Raises:
        InputError: some have none, or two files bear one name; the message names the first on every side.
    """
    matched = match(folders)
    for role, names in matched.doubled.items():
        if names:
            raise InputError(
                f"{shown(folders[role])} holds two files of one name: {_listed(names)}.",
                have="Pairs go by name without the suffix, so each name may be there once.",
                hint="Remove or rename one of each two.",
            )
    if any(matched.alone.values()):
        raise InputError(
            f"{sum(map(len, matched.alone.values()))} pictures have no partner; {matched.count} have one.",
            have=" ".join(_alone(folders[role], names) for role, names in matched.alone.items() if names),
            hint="Partners have the same name in each folder (001.jpg, 001.png). Rename, add or remove files; "
            "'imtrans data check' lists all of them.",
        )
    return matched


def _match(folders: Mapping[str, Path], files: Mapping[str, list[Path]], name_of: Callable[[Path], str]) -> Matched:
    by_name: dict[str, dict[str, Path]] = {}
    doubled: dict[str, list[str]] = {role: [] for role in folders}
    for role, paths in files.items():
        by_name[role] = {}
        for path in paths:
            name = name_of(path.relative_to(folders[role]))
            if name in by_name[role]:
                doubled[role].append(name)
            by_name[role].setdefault(name, path)
    common = set.intersection(*(set(names) for names in by_name.values()))
    leader = next(iter(by_name.values()))
    order = [name for name in leader if name in common]  # the natural order that the files are listed in
    return Matched(
        paths={role: [names[name] for name in order] for role, names in by_name.items()},
        alone={role: [name for name in names if name not in common] for role, names in by_name.items()},
        doubled=doubled,
    )


def _plain_name(path: Path) -> str:
    return path.with_suffix("").as_posix()


def _cityscapes_name(path: Path) -> str:
    name = _plain_name(path)
    return next((name.removesuffix(ending) for ending in _CITYSCAPES if name.endswith(ending)), name)


def _alone(folder: Path, names: list[str]) -> str:
    return f"Only in {shown(folder.name)}/ ({len(names)}): {_listed(names)}."


def _listed(names: list[str]) -> str:
    return ", ".join(shown(name) for name in names[:_NAMED]) + (" …" if len(names) > _NAMED else "")
