"""A pickle of NumPy arrays -> tensors, without NumPy's or anybody's code being called by it.

Paddle saves its parameters like this: dictionaries of arrays. Every name that such a pickle imports gets a stand-in
from :data:`STAND_INS`; a name without one is refused. The stand-ins only keep what they are given, and
tensors are made of that afterwards, with every length checked.
"""

from __future__ import annotations

import io
import math
import pickle
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, NamedTuple

import torch
from torch import Tensor

from imtrans.errors import UnsafeCheckpointError, WeightsError
from imtrans.weights import pickles

DTYPES = {
    "f2": torch.float16,
    "f4": torch.float32,
    "f8": torch.float64,
    "i1": torch.int8,
    "i2": torch.int16,
    "i4": torch.int32,
    "i8": torch.int64,
    "u1": torch.uint8,
    "b1": torch.bool,
}
"""By NumPy's codes; a number of any other kind is no weight."""

DEPTH = 6
"""How deep dictionaries and lists may lie in one another."""


class _Dtype:
    """Stands for ``numpy.dtype``: the code of the numbers, and the order of their bytes."""

    def __init__(self, code: object = "", *_: object) -> None:
        self.code, self.order = code, "<"

    def __setstate__(self, state: Any) -> None:
        self.order = state[1]


class _Array:
    """Stands for ``numpy.ndarray``: shape, dtype, whether the columns come first, and the bytes."""

    def __init__(self, *_: object) -> None:
        self.shape: Any = ()
        self.dtype: Any = None
        self.columns_first: Any = False
        self.content: Any = b""

    def __setstate__(self, state: Any) -> None:
        _, self.shape, self.dtype, self.columns_first, self.content = state


class _StandIn(NamedTuple):
    """What a pickle gets for a name: it can be called, and, being a tuple, neither changed nor subclassed."""

    make: Callable[..., object]

    def __call__(self, *arguments: object) -> object:
        return self.make(*arguments)


def _scalar(dtype: object, content: object = b"") -> _Array:
    array = _Array()
    array.__setstate__((1, (), dtype, False, content))
    return array


def _from_buffer(content: object, dtype: object, shape: object, order: object) -> _Array:
    array = _Array()
    array.__setstate__((1, shape, dtype, order == "F", content))
    return array


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """Bytes, which protocol 2 writes as text."""
    if encoding != "latin1":
        raise ValueError(f"bytes written in {encoding!r}")
    return text.encode("latin1")


STAND_INS: Mapping[str, _StandIn] = {
    "_reconstruct": _StandIn(_Array),
    "ndarray": _StandIn(_Array),
    "dtype": _StandIn(_Dtype),
    "scalar": _StandIn(_scalar),
    "_frombuffer": _StandIn(_from_buffer),
    "encode": _StandIn(_encode),
    "tuple": _StandIn(tuple),
    "OrderedDict": _StandIn(dict),
}
"""By the last part of the names in :data:`imtrans.weights.pickles.NUMPY`."""


class _Reader(pickle.Unpickler):
    """Python's unpickler with the one door to code closed."""

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for ``module.name``; no module is ever imported."""
        if f"{module}.{name}" not in pickles.NUMPY:
            raise UnsafeCheckpointError(f"the pickle wants {module}.{name}.")
        return STAND_INS[name]

    def persistent_load(self, pid: Any) -> Any:
        """Refuse: nothing lies outside the pickle."""
        raise pickle.UnpicklingError("it refers to something outside itself")


def read_arrays(stream: BinaryIO, where: object) -> dict[str, Any]:
    """The dictionary of tensors, numbers, text and dictionaries of these that a pickle of NumPy arrays holds.

    Args:
        stream: positioned at the start of the pickle.
        where: the file's name, for messages.

    Raises:
        UnsafeCheckpointError: it wants something else than arrays; the message names what.
        WeightsError: it is damaged, or holds no dictionary.
    """
    content = stream.read()
    pickles.check(io.BytesIO(content), where, pickles.NUMPY.__contains__)
    pickles.check_notes(io.BytesIO(content), where)
    try:
        # Nothing in a pickle is shorter than a byte, so an honest one stays below its own length.
        found = _Converter(len(content)).convert(_Reader(io.BytesIO(content), encoding="latin1").load())
    except UnsafeCheckpointError as error:
        raise UnsafeCheckpointError(f"{where} wants to run code while it is read: {error.what}") from error
    except Exception as error:  # a hostile pickle can make the machine above raise anything
        raise WeightsError(
            f"{where} cannot be read as a pickle of arrays: {str(error).splitlines()[0] if str(error) else error!r}.",
            hint="It is damaged, incomplete or of another kind; compare its size with the original's.",
        ) from error
    if not isinstance(found, dict):
        raise WeightsError(
            f"{where} is a pickle, but not one that PyTorch or Paddle wrote: it holds a {type(found).__name__}.",
            hint="Convert it to safetensors in the project that made it.",
        )
    return found


class _Converter:
    """Stand-ins -> tensors, counted, so that a pickle that refers to one thing a million times does not fill memory.

    Args:
        limit: bytes of arrays and containers' items that are converted at most.
    """

    def __init__(self, limit: int) -> None:
        self.left = limit

    def convert(self, value: object, depth: int = DEPTH) -> object:
        """The value with tensors for arrays; what has no place in a checkpoint is refused."""
        self._count(1)
        if depth < 0:
            raise ValueError("its dictionaries are nested too deep")
        if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], _Array):
            value = value[1]  # paddle.save writes a tensor as its name and its numbers
        if isinstance(value, _Array):
            self._count(len(value.content) if isinstance(value.content, str | bytes | bytearray) else 0)
            return _to_tensor(value)
        if isinstance(value, dict):
            return {key: self.convert(item, depth - 1) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.convert(item, depth - 1) for item in value]
        if value is None or isinstance(value, str | bytes | bool | int | float):
            return value
        raise ValueError(f"it holds a {type(value).__name__.lstrip('_')}")

    def _count(self, amount: int) -> None:
        self.left -= amount
        if self.left < 0:
            raise ValueError("it claims to hold more than the file does")


def _to_tensor(array: _Array) -> Tensor:
    """The tensor that the array describes, in memory of its own."""
    dtype, shape, content = array.dtype, array.shape, array.content
    if not isinstance(dtype, _Dtype) or dtype.code not in DTYPES or dtype.order not in ("<", "|", "="):
        raise ValueError(f"an array holds numbers of a kind that no weights have ({getattr(dtype, 'code', dtype)!r})")
    if isinstance(content, str):
        content = content.encode("latin1")  # as Python 2 wrote bytes
    if not isinstance(shape, tuple) or not all(isinstance(side, int) and side >= 0 for side in shape):
        raise ValueError(f"an array has the impossible shape {shape!r}")
    kind = DTYPES[str(dtype.code)]
    if not isinstance(content, bytes | bytearray) or len(content) != math.prod(shape) * kind.itemsize:
        raise ValueError(f"an array of shape {shape} does not come with its numbers")
    if not content:
        return torch.empty(shape, dtype=kind)
    flat = torch.frombuffer(bytearray(content), dtype=kind)
    if array.columns_first:
        return flat.reshape(shape[::-1]).permute(*reversed(range(len(shape)))).contiguous()
    return flat.reshape(shape)
