"""Checkpoints of a run: one folder each, written whole or not at all.

A folder ``step-00001000`` holds one safetensors file a network, under the network's name, and ``state.pt`` with all
else that the next step depends on. It is written under a temporary name, brought to the disk and renamed, so a killed
process, a full disk or a power cut leaves either the whole checkpoint or none.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Container, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from imtrans.errors import OutputError, TrainingError
from imtrans.weights.writer import save

Modules = nn.ModuleDict | Mapping[str, nn.Module]
STATE = "state.pt"
_NAME = re.compile(r"step-(\d{8,})")


def checkpoints(folder: Path) -> list[Path]:
    """The whole checkpoints in ``folder``, oldest first."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if _NAME.fullmatch(path.name) and (path / STATE).is_file()]
    return sorted(found, key=step_of)


def step_of(checkpoint: Path) -> int:
    """The number of steps that ``checkpoint`` has behind it, from its name."""
    match = _NAME.fullmatch(checkpoint.name)
    assert match is not None, checkpoint
    return int(match.group(1))


def write_checkpoint(
    folder: Path,
    step: int,
    networks: Modules,
    metadata: Mapping[str, Mapping[str, str]],
    state: Mapping[str, Any],
    keep: int,
    protected: Container[int] = (),
) -> Path:
    """Write ``folder/step-…`` and remove the oldest beyond ``keep``.

    Args:
        folder: the run's ``checkpoints`` folder.
        step: steps done.
        networks: every network of the method, and averages of some under names of their own.
        metadata: safetensors metadata by network.
        state: tensors, numbers and containers of them, as ``torch.load(weights_only=True)`` accepts.
        keep: how many checkpoints stay.
        protected: steps whose checkpoints stay as well, such as the best one's.

    Raises:
        OutputError: the disk is full or not writable; earlier checkpoints are untouched.
    """
    final = folder / f"step-{step:08d}"
    draft = folder / f".{final.name}.draft"
    try:
        _clear_drafts(folder)
        draft.mkdir(parents=True)
        for name, network in networks.items():
            save(draft / f"{name}.safetensors", _plain(network), metadata.get(name, {}))
        with (draft / STATE).open("wb") as file:
            torch.save(dict(state), file)
            file.flush()
            os.fsync(file.fileno())
        _sync(draft)
        _publish(draft, final)
    except (OSError, RuntimeError, OutputError) as error:  # torch.save reports a full disk as a RuntimeError
        shutil.rmtree(draft, ignore_errors=True)
        reason = error.what if isinstance(error, OutputError) else str(error).splitlines()[0]
        raise OutputError(
            f"the checkpoint {final} could not be written: {reason.rstrip('.')}.",
            have=f"Whole are: {', '.join(path.name for path in checkpoints(folder)[-3:]) or 'none'}.",
            hint="Make room on the disk, then go on with --resume.",
        ) from error
    for old in checkpoints(folder)[:-keep]:
        if step_of(old) not in protected:
            shutil.rmtree(old, ignore_errors=True)
    return final


def _plain(network: nn.Module) -> dict[str, Tensor]:
    return {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}


def _publish(draft: Path, final: Path) -> None:
    """Give the finished folder its name; an older one of that name goes out of the way first."""
    if final.exists():
        final.rename(draft.with_name(f".{final.name}.replaced.draft"))
    draft.rename(final)
    _sync(final.parent)
    _clear_drafts(final.parent)


def _sync(folder: Path) -> None:
    """Bring the names in ``folder`` to the disk; some file systems cannot, and need not."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _clear_drafts(folder: Path) -> None:
    """Remove what a killed process left half-written."""
    for draft in folder.glob(".step-*.draft"):
        shutil.rmtree(draft, ignore_errors=True)


def read_checkpoint(checkpoint: Path, networks: Modules) -> dict[str, Any]:
    """Load the ``networks`` from ``checkpoint`` in place and give back its state, on the CPU.

    Raises:
        TrainingError: a file is missing or damaged, or of networks with other settings.
    """
    weights = {name: _read(checkpoint / f"{name}.safetensors", load_file) for name in networks}
    state: dict[str, Any] = _read(checkpoint / STATE, _load_state)
    for name, network in networks.items():
        _check_fit(checkpoint, name, network.state_dict(), weights[name])
        network.load_state_dict(weights[name])
    return state


def _load_state(path: Path) -> Any:
    return torch.load(path, map_location="cpu", weights_only=True)


def _read(path: Path, load: Callable[[Path], Any]) -> Any:
    try:
        return load(path)
    except Exception as error:  # a damaged pickle can make its reader raise anything
        reason = (error.strerror if isinstance(error, OSError) else None) or f"it is damaged ({type(error).__name__})"
        others = [other.name for other in checkpoints(path.parent.parent) if other != path.parent]
        raise TrainingError(
            f"the checkpoint {path.parent} cannot be read: {path.name}: {reason}.",
            have=f"Other checkpoints: {', '.join(others) or 'none'}.",
            hint="Move that folder away, and --resume goes on from the one before it.",
        ) from error


def _check_fit(checkpoint: Path, name: str, expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    """Refuse weights of a network that was built with other settings."""
    shapes = {key: tuple(tensor.shape) for key, tensor in expected.items()}
    others = {key: tuple(tensor.shape) for key, tensor in found.items()}
    if shapes == others:
        return
    key = next(key for key in (*shapes, *others) if shapes.get(key) != others.get(key))
    was, is_now = (table.get(key, "missing") for table in (others, shapes))
    raise TrainingError(
        f"the checkpoint {checkpoint} holds another {name} than the settings describe.",
        have=f"{key} is {was} in the checkpoint and {is_now} by the settings.",
        hint="A run keeps its networks: leave their settings away, or start a new run in another --output.",
    )
