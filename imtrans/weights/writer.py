"""Write tensors to a safetensors file: in one piece, or not at all."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from imtrans.errors import OutputError


def save(path: str | Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> Path:
    """Write ``tensors`` to ``path``, so that a reader finds the old file or the new one and never half of one.

    Args:
        path: where to; its folder is made if need be.
        tensors: by key, of any dtype and on any device. Those that share memory are written once each.
        metadata: text by key; :func:`imtrans.weights.identity.metadata_for` makes what ``load_network`` looks for.

    Raises:
        OutputError: the folder cannot be written to, or the disk is full; nothing is left behind.
    """
    path = Path(path)
    whole = {key: tensor.detach().cpu().contiguous().clone() for key, tensor in tensors.items()}
    temporary = path.parent / f".imtrans-{uuid.uuid4().hex}.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch()
        usual = temporary.stat().st_mode
        safetensors.torch.save_file(whole, temporary, metadata=dict(metadata or {}))
        temporary.chmod(usual)  # safetensors makes files that only their owner can read
        _publish(temporary, path)
    except (OSError, safetensors.SafetensorError) as error:
        raise _cannot_write(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return path


def _publish(temporary: Path, path: Path) -> None:
    """Give the finished file its name, once its bytes are on the disk."""
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
    with contextlib.suppress(OSError):  # a folder cannot be synced everywhere; the file itself is safe by now
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _cannot_write(path: Path, error: Exception) -> OutputError:
    reason = (error.strerror if isinstance(error, OSError) else None) or error
    return OutputError(f"{path} cannot be written: {reason}.", hint="Choose another folder, or make room.")
