"""NVIDIA's pickles of whole networks, read as records: the source code inside them is never run.

``torch_utils.persistence`` of StyleGAN2-ADA and its successors pickles a module as a call of
``_reconstruct_persistent_obj`` with the source of its class, the class's name and the module's ``__dict__``. Here that
call gives a :class:`Module`, which holds the same as plain data; tensors are found in it by their places, and nothing
that the file names is looked up anywhere but in the table below.
"""

from __future__ import annotations

import collections
import io
import pickle
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import torch
from torch import Tensor

from imtrans.errors import UnsafeCheckpointError, WeightsError
from imtrans.weights import pickles

RECONSTRUCT = "torch_utils.persistence._reconstruct_persistent_obj"
"""By this import a file shows that it is one of these pickles."""

SETTINGS = "init_kwargs."
"""Prefix of the settings that a network was built with, where they are numbers; they stand beside its tensors."""

DEPTH = 32
"""Modules inside modules; the deepest that are known have six."""


def load(path: Path) -> dict[str, dict[str, Tensor]] | None:
    """The networks in the pickle at ``path``, or None where it is another kind of pickle.

    Returns:
        State dicts by the networks' names (``G``, ``D``, ``G_ema``), as the modules themselves would give them; and in
        each the numbers among the settings that it was built with, as tensors under ``init_kwargs.`` and their name.

    Raises:
        UnsafeCheckpointError: it wants more than the table has; the message names what.
        WeightsError: it is damaged.
    """
    with path.open("rb") as file:
        wanted = set(pickles.imports(file, path))
        if RECONSTRUCT not in wanted:
            return None
        _refuse(sorted(name for name in wanted if name not in _TABLE), path)
        file.seek(0)
        loaded = _unpickle(file, path)
    modules = loaded.items() if isinstance(loaded, Mapping) else [("", loaded)]
    networks = {str(name): _state(module, path) for name, module in modules if isinstance(module, Module)}
    if not any(networks.values()):
        raise WeightsError(f"{path} holds no network with tensors.")
    return {name: tensors for name, tensors in networks.items() if tensors}


def _refuse(names: list[str], path: Path) -> None:
    if names:
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        raise UnsafeCheckpointError(
            f"{path} wants to run code while it is read: {shown}. Nothing of it was run.",
            have="NVIDIA's pickles of networks hold modules of their own, tensors and plain values, and nothing else.",
            hint="Fetch the file from its authors again, or have them save its tensors as safetensors.",
        )


# --- what a pickle may build ----------------------------------------------------------------------------------------


class _Sealed(type):
    """Classes that a pickle can make objects of, and cannot change."""

    def __setattr__(cls, name: str, value: object) -> None:
        raise AttributeError(f"{cls.__name__}.{name} is fixed")


class Module(metaclass=_Sealed):
    """A module as its pickle describes it: its ``__dict__`` as plain data."""

    def __init__(self, about: Mapping[str, Any]) -> None:
        state = about["state"]
        self.state: Mapping[str, Any] = state if isinstance(state, Mapping) else {}

    def part(self, name: str) -> Mapping[str, Any]:
        """``_modules``, ``_parameters``, ``_buffers`` or ``_init_kwargs``."""
        part = self.state.get(name)
        return part if isinstance(part, Mapping) else {}


class Settings(dict[str, Any], metaclass=_Sealed):
    """``EasyDict``: a dictionary whose items NVIDIA's code reads as attributes."""

    __slots__ = ()


class Inert(metaclass=_Sealed):
    """What is of no consequence here, such as the type of a NumPy number."""

    def __init__(self, *arguments: object) -> None:
        """Take whatever there is."""

    def __setstate__(self, state: object) -> None:
        """Likewise."""


def _tensor(storage: Any, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object) -> Tensor:
    return torch.empty(0, dtype=storage.dtype).set_(storage._untyped_storage, offset, size, stride)


def _parameter(data: Tensor, *_: object) -> Tensor:
    return data


def _bytes(text: str, *_: object) -> bytes:
    """Bytes as pickles of protocol 2 hold them: as text, a character a byte."""
    return text.encode("latin1")


def _storage(data: bytes) -> Any:
    """Numbers in torch's own format, which is a pickle again."""
    pickles.check(io.BytesIO(data), "a tensor in the file")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)


_TABLE: dict[str, Callable[..., Any]] = {
    RECONSTRUCT: Module,
    "dnnlib.util.EasyDict": Settings,
    "collections.OrderedDict": collections.OrderedDict,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch.storage._load_from_bytes": _storage,
    "_codecs.encode": _bytes,
    "numpy.dtype": Inert,
    "numpy.core.multiarray.scalar": Inert,
    "numpy._core.multiarray.scalar": Inert,
}
"""Everything that such a pickle may import, and what it gets instead."""


class _Unpickler(pickle.Unpickler):
    """Looks names up in the table alone."""

    table: ClassVar[Mapping[str, Callable[..., Any]]] = _TABLE

    def find_class(self, module: str, name: str) -> Any:
        found = self.table.get(f"{module}.{name}")
        if found is None:
            raise UnsafeCheckpointError(f"the file wants to run code while it is read: {module}.{name}.")
        return found


def _unpickle(file: BinaryIO, path: Path) -> object:
    try:
        return _Unpickler(file).load()
    except WeightsError:
        raise
    except Exception as error:  # a hostile or cut pickle can make the machine below raise anything
        reason = str(error).strip().splitlines()
        raise WeightsError(
            f"{path} cannot be read as a pickle of networks: {reason[0][:200] if reason else type(error).__name__}.",
            hint="It is damaged or incomplete; compare its size with the original's and fetch it again.",
        ) from error


# --- what of it counts ----------------------------------------------------------------------------------------------


def _state(module: Module, path: Path) -> dict[str, Tensor]:
    """The module's state dict, and the numbers among its settings."""
    tensors: dict[str, Tensor] = {}
    _collect(module, "", tensors, DEPTH, path)
    if tensors:
        tensors |= _numbers(module.part("_init_kwargs"), SETTINGS, DEPTH)
    return tensors


def _collect(module: Module, prefix: str, into: dict[str, Tensor], depth: int, path: Path) -> None:
    if depth == 0:
        raise WeightsError(f"{path} holds modules inside modules more than {DEPTH} deep, so no network.")
    for part in ("_parameters", "_buffers"):
        for name, value in module.part(part).items():
            if isinstance(value, Tensor):
                into[f"{prefix}{name}"] = value
    for name, inner in module.part("_modules").items():
        if isinstance(inner, Module):
            _collect(inner, f"{prefix}{name}.", into, depth - 1, path)


def _numbers(settings: Mapping[str, Any], prefix: str, depth: int) -> dict[str, Tensor]:
    """By dotted name."""
    found: dict[str, Tensor] = {}
    for name, value in settings.items() if depth else ():
        if isinstance(value, int | float):
            found[f"{prefix}{name}"] = torch.tensor(float(value))
        elif isinstance(value, Mapping):
            found |= _numbers(value, f"{prefix}{name}.", depth - 1)
    return found
