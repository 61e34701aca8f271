"""A file -> tensors by key. What is in the file is read as numbers and text; nothing of it is ever executed.

Safetensors is read by its own library. Torch's zip format (1.6 and later) and the one before it are read by
``torch.load(weights_only=True)``, after :mod:`imtrans.weights.pickles` has looked at what they would import. Any other
pickle is read as one of NumPy's arrays, as Paddle writes them, by :mod:`imtrans.weights.foreign.arrays`.
"""

from __future__ import annotations

import argparse
import io
import stat
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import torch
from torch import Tensor

from imtrans.errors import WeightsError
from imtrans.weights import nesting, persistent, pickles
from imtrans.weights.foreign.arrays import read_arrays
from imtrans.weights.sniff import Format, sniff, zip_without_pickle

MAX_RATIO = 4
"""A checkpoint that unpacks to more than this many times its size on disk is refused; an honest one is about 1."""


class _Settings:
    """Stands in for another project's record of settings, so that the tensors beside it can be read."""


@dataclass(frozen=True)
class Checkpoint:
    """What a weights file holds."""

    tensors: dict[str, Tensor]
    """Flat, by key, on the CPU, in the dtypes of the file."""
    metadata: dict[str, str]
    """Text by key; empty for formats that have none."""
    format: str
    """``"safetensors"``, ``"torch"`` (1.6 and later), ``"torch-legacy"``, ``"paddle"`` or ``"nvidia"``."""
    path: Path
    notes: tuple[str, ...] = ()
    """What had to be chosen or unwrapped to get at the tensors."""

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each tensor, by key, as recognisers want it."""
        return {key: tuple(tensor.shape) for key, tensor in self.tensors.items()}


@dataclass(frozen=True)
class Contents:
    """All that a weights file holds."""

    networks: dict[str, Mapping[str, Any]]
    """State dicts by their dotted path in the file; ``""`` for one that is not nested at all."""
    beside: dict[str, str]
    """Plain numbers and texts that stand beside the networks, such as ``epoch``, as text."""
    metadata: dict[str, str]
    """Text by key; empty for formats that have none."""
    format: str
    """As in :class:`Checkpoint`."""
    path: Path
    size: int
    """Bytes of the file."""

    def take(self, name: str, notes: tuple[str, ...] = ()) -> Checkpoint:
        """The network called ``name``.

        Raises:
            WeightsError: its tensors are not dense, or claim to be larger than the file.
        """
        return self.checkpoint(self.networks[name], notes)

    def checkpoint(self, network: Mapping[str, Any], notes: tuple[str, ...] = ()) -> Checkpoint:
        """Some of the file's tensors as a checkpoint of their own.

        Raises:
            WeightsError: they are not dense, or claim to be larger than the file.
        """
        tensors = nesting.dense(network)
        _check_claims(tensors, self.size, self.path)
        return Checkpoint(tensors, self.metadata, self.format, self.path, notes)


def read(path: str | Path, network: str | None = None, default: str | None = None) -> Checkpoint:
    """Read the weights file at ``path``, in whichever format its first bytes show, whatever its name says.

    Args:
        path: a file.
        network: which of several networks in the file to take.
        default: which to take where none is named, if the file has it.

    Raises:
        UnsafeCheckpointError: the file wants to run code; the message names what.
        WeightsError: no such file, or it is empty, truncated, no checkpoint, or claims more than it holds.
    """
    contents = read_all(path)
    tensors, notes = nesting.pick(contents.networks, network, contents.path, default)
    return contents.checkpoint(tensors, notes)


def read_all(path: str | Path) -> Contents:
    """Read the weights file at ``path`` whole, with every network in it.

    Raises:
        UnsafeCheckpointError: the file wants to run code; the message names what.
        WeightsError: no such file, or it is empty, truncated or no checkpoint.
    """
    path = Path(path)
    size = _size(path)
    found = _sniffed(path)
    if found is Format.SAFETENSORS:
        tensors, metadata = _read_safetensors(path)
        return Contents({"": tensors}, {}, metadata, found.value, path, size)
    if found is Format.TORCH:
        loaded: object = _load_zip(path, size)
    else:
        found, loaded = _load_pickle(path)
    networks = nesting.find_networks(loaded, path)
    return Contents(networks, _beside(loaded), {}, found.value, path, size)


def _beside(loaded: object) -> dict[str, str]:
    """Numbers and texts at the top of a checkpoint, or in the ``meta`` that the projects of OpenMMLab put there."""
    found: dict[str, str] = {}
    for table in (loaded, loaded.get("meta") if isinstance(loaded, Mapping) else None):
        if isinstance(table, Mapping):
            plain = {k: v for k, v in table.items() if isinstance(k, str) and isinstance(v, str | int | float)}
            found |= {key: str(value)[:200] for key, value in plain.items()}
    return found


def _size(path: Path) -> int:
    """Bytes in the regular file at ``path``; a pipe or a device could keep a reader for ever."""
    try:
        status = path.stat()
    except OSError as error:
        raise WeightsError(f"there is no weights file {path}: {error.strerror or error}.") from error
    except ValueError as error:
        raise WeightsError(f"{str(path)!r} is no name for a file: {error}.") from error
    if stat.S_ISDIR(status.st_mode):
        inside = [str(entry) for entry in _weights_in(path)]
        raise WeightsError(
            f"{path} is a folder, not a weights file.",
            have=f"Weights files in it: {', '.join(inside[:8])}." if inside else "",
        )
    if not stat.S_ISREG(status.st_mode):
        raise WeightsError(f"{path} is not a regular file.")
    if status.st_size == 0:
        raise WeightsError(f"{path} is empty.", hint="It was probably not copied or downloaded to its end.")
    return status.st_size


def _weights_in(folder: Path) -> list[Path]:
    """Weights files in a folder, or in the newest checkpoint of a run's folder, relative to it."""
    for place in (folder, *sorted(folder.glob("checkpoints/*"), reverse=True)):
        found = sorted(entry for entry in place.glob("*") if entry.suffix in (".safetensors", ".pth", ".pt"))
        if found:
            return [entry.relative_to(folder) for entry in found]
    return []


def _sniffed(path: Path) -> Format:
    try:
        with path.open("rb") as file:
            return sniff(file, path)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}.") from error


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safetensors.safe_open(path, framework="pt", device="cpu") as file:
            metadata = dict(file.metadata() or {})
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
    except (OSError, ValueError, RuntimeError, safetensors.SafetensorError) as error:
        raise _damaged(path, error) from error
    if not tensors:
        raise WeightsError(f"{path} holds no tensors.")
    return tensors, metadata


def _load_zip(path: Path, size: int) -> object:
    """What the one pickle inside torch's zip format holds."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = {entry.filename: entry.file_size for entry in archive.infolist()}
            if sum(entries.values()) > MAX_RATIO * size:
                raise _overclaiming(path, sum(entries.values()), size)
            inner = _pickle_in(entries, path)
            pickles.check(io.BytesIO(archive.read(inner)), path)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise _damaged(path, error) from error
    return _torch_load(path)


def _pickle_in(entries: Mapping[str, int], path: Path) -> str:
    names = [name for name in entries if name.rpartition("/")[2] == "data.pkl"]
    if not names:
        what, hint = zip_without_pickle(entries)
        raise WeightsError(f"{path} is a zip archive, but no checkpoint: {what}.", hint=hint)
    if any(name.rpartition("/")[2] == "constants.pkl" for name in entries):
        raise WeightsError(
            f"{path} is a TorchScript program, not weights alone.",
            hint="Save its weights by themselves: torch.save(torch.jit.load(path).state_dict(), 'weights.pth').",
        )
    return names[0]


def _load_pickle(path: Path) -> tuple[Format, object]:
    """What a bare pickle holds: NVIDIA's networks, torch's format before 1.6, or Paddle's arrays."""
    try:
        if (networks := persistent.load(path)) is not None:
            return Format.NVIDIA, networks
        with path.open("rb") as file:
            if not pickles.is_torch_legacy(file):
                file.seek(0)
                return Format.PADDLE, read_arrays(file, path)
            file.seek(0)
            pickles.check(file, path)
    except OSError as error:
        raise _damaged(path, error) from error
    return Format.LEGACY, _torch_load(path)


def _torch_load(path: Path) -> object:
    try:
        # A file object, not a name: torch would go by a name's ending where we go by what the file is.
        records = torch.serialization.safe_globals([argparse.Namespace, (_Settings, pickles.SETTINGS)])
        with path.open("rb") as file, warnings.catch_warnings(), records:
            warnings.simplefilter("ignore")
            return torch.load(file, map_location="cpu", weights_only=True, mmap=False)
    except WeightsError:
        raise
    except Exception as error:  # a hostile pickle can make the machine below raise anything
        raise _damaged(path, error) from error


def _check_claims(tensors: Mapping[str, Tensor], size: int, path: Path) -> None:
    """A few bytes can pose as a huge tensor (a stride of 0); copying such a one would take all memory."""
    claimed = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    if claimed > MAX_RATIO * size:
        raise _overclaiming(path, claimed, size)


def _overclaiming(path: Path, claimed: int, size: int) -> WeightsError:
    return WeightsError(
        f"{path} claims to hold {claimed:,} bytes of tensors, and the file has {size:,}.",
        hint="It is damaged or made to exhaust memory; fetch it again from its authors.",
    )


def _damaged(path: Path, error: Exception) -> WeightsError:
    if "Unsupported operand" in str(error):
        return WeightsError(
            f"{path} is a pickle of protocol 4 or later, which torch's safe reader does not know.",
            hint="Save it once more in the project that made it, without the setting pickle_protocol.",
        )
    return WeightsError(
        f"{path} cannot be read as a checkpoint: {_reason(error)}.",
        hint="It is damaged, incomplete or of another kind; compare its size with the original's and fetch it again.",
    )


def _reason(error: Exception) -> str:
    """One line of an error message, without a full stop."""
    if isinstance(error, zipfile.BadZipFile) and "not a zip file" in str(error):
        return "the zip archive that it begins has no end"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    # Torch leads up to the reason with a lecture on how to switch safe reading off.
    text = str(error).partition("WeightsUnpickler error:")[2] or str(error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0][:200].rstrip(".") if lines else type(error).__name__
