"""Weights files in a folder: a training run, one of its checkpoints, or any folder that files were put in."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from imtrans.errors import UsageError, WeightsError, did_you_mean
from imtrans.weights.identity import KEY

ENDINGS = (".safetensors", ".pth", ".pt", ".ckpt", ".bin", ".pkl", ".pdparams")
STATE = "state.pt"
"""What training goes on from, beside the networks of a checkpoint."""

_STEP = re.compile(r"step-(\d{8,})")


class AmbiguousWeightsError(WeightsError, UsageError):
    """Several models or networks could be meant, and neither the user nor the file says which."""


@dataclass(frozen=True)
class Folder:
    """The weights files that a folder stands for."""

    files: list[Path]
    """In alphabetical order; of a training, those that translate first."""
    what: str
    """``"run"``, ``"checkpoint"`` or ``"folder"``."""
    newest: str = ""
    """Of a run, the name of the checkpoint that the files are in."""
    steps: int = 0
    """Of a run, how many checkpoints it has."""


def weights_in(folder: Path) -> Folder:
    """The weights files in a folder; of a training run, those of its newest checkpoint.

    Raises:
        WeightsError: there are none, or the folder cannot be listed.
    """
    try:
        if (folder / "config.toml").is_file() and (folder / "checkpoints").is_dir():
            return _of_run(folder)
        files = sorted(path for path in folder.iterdir() if path.suffix in ENDINGS and path.name != STATE)
        what = "checkpoint" if (folder / STATE).is_file() else "folder"
        files = sorted(files, key=_is_beside) if what == "checkpoint" else files
    except OSError as error:
        raise WeightsError(f"the folder {folder} cannot be listed: {error.strerror or error}.") from error
    if not files:
        below = [path.name for path in sorted(folder.iterdir()) if path.is_dir()]
        raise WeightsError(
            f"there are no weights files in the folder {folder}.",
            have=f"Folders in it: {', '.join(below[:8])}." if below else "",
            hint=f"Weights files end in {', '.join(ENDINGS)}.",
        )
    return Folder(files, what)


def translators_in(folder: Path) -> dict[str, Path]:
    """The networks of a run or checkpoint that translate, by direction; the running average where there is one.

    Raises:
        WeightsError: see :func:`weights_in`.
    """
    found: dict[str, tuple[bool, Path]] = {}
    for path in weights_in(folder).files:
        identity = _identity(path)
        direction, averaged = identity.get("direction"), bool(identity.get("averaged"))
        if isinstance(direction, str) and (direction not in found or averaged):
            found[direction] = (averaged, path)
    return {direction: path for direction, (_, path) in sorted(found.items())}


def translator_in(folder: Path, direction: str | None) -> Path:
    """The file of the network in the folder of a run or a checkpoint that translates in this direction.

    Args:
        folder: of a run, whose newest checkpoint counts, or of a checkpoint.
        direction: None takes the only one there is.

    Raises:
        AmbiguousWeightsError: there are several and none is named, or none of this name, or it is another folder.
        WeightsError: see :func:`weights_in`.
    """
    found = translators_in(folder)
    if direction is None and len(found) == 1:
        return next(iter(found.values()))
    if direction in found:
        return found[direction]
    if not found:
        files = weights_in(folder).files
        raise AmbiguousWeightsError(
            f"{folder} is a folder with {_counted(len(files))}, and no checkpoint of imtrans.",
            have=f"Files: {', '.join(path.name for path in files[:8])}.",
            hint=f"Name one: --weights {shlex.quote(str(files[0]))}",
        )
    raise AmbiguousWeightsError(
        f"{folder} holds no network that translates {direction!r}."
        if direction
        else f"{folder} holds {len(found)} networks that translate.",
        have=f"Directions: {', '.join(found)}. {did_you_mean(direction or '', found)}".strip(),
        hint=f"Name one after a '#': --weights {shlex.quote(f'{folder}#{next(iter(found))}')}",
    )


def _counted(files: int) -> str:
    return "1 weights file" if files == 1 else f"{files} weights files"


def _of_run(folder: Path) -> Folder:
    steps = {
        int(match[1]): path
        for path in (folder / "checkpoints").iterdir()
        if (match := _STEP.fullmatch(path.name)) and (path / STATE).is_file()
    }
    if not steps:
        raise WeightsError(f"the training run {folder} has no checkpoint yet.", hint="Wait for its first one.")
    newest = steps[max(steps)]
    return Folder(sorted(sorted(newest.glob("*.safetensors")), key=_is_beside), "run", newest.name, len(steps))


def _is_beside(path: Path) -> bool:
    """Whether a file of a training is there only to learn from, as a discriminator is."""
    return "direction" not in _identity(path)


def _identity(path: Path) -> dict[str, object]:
    """What a file's own header says of it; only the header is read."""
    import safetensors

    try:
        with safetensors.safe_open(path, framework="pt") as file:
            found = json.loads((file.metadata() or {}).get(KEY, "{}"))
    except (OSError, ValueError, RecursionError, safetensors.SafetensorError):
        return {}
    return found if isinstance(found, dict) else {}
