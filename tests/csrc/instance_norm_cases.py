"""Inputs for the instance norm kernels, and what float64 says about them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]
EPS = 1e-5
TOLERANCE = {"float64": 1e-10, "float32": 2e-4, "float16": 4e-3, "bfloat16": 2e-2}
"""Largest error against float64 of results whose magnitude is about 1."""


def encode(values: NDArray[np.float64], dtype: str) -> Array:
    """``values`` as a kernel takes them: bfloat16 travels as uint16."""
    if dtype == "bfloat16":
        return torch.from_numpy(values).bfloat16().view(torch.uint16).numpy()
    return values.astype(dtype)


def decode(array: Array) -> NDArray[np.float64]:
    """An array of a kernel as float64."""
    if array.dtype == np.uint16:
        return torch.from_numpy(array).view(torch.bfloat16).double().numpy()
    return array.astype(np.float64)


def unaligned(array: Array) -> Array:
    """A copy that begins one element past an aligned address."""
    room = np.empty(array.size + 1 + 64 // array.itemsize, array.dtype)
    first = (-room.ctypes.data // array.itemsize) % (64 // array.itemsize) + 1
    view = room[first : first + array.size].reshape(array.shape)
    view[...] = array
    assert view.ctypes.data % 16 != 0
    return view


@dataclass(frozen=True)
class Case:
    """One call of all three kernels with random inputs; the maps are one row of pixels."""

    batch: int = 2
    channels: int = 16
    pixels: int = 50
    channels_last: bool = True
    dtype: str = "float32"
    affine: bool = True
    residual: bool = True
    slope: float = 0.2
    seed: int = 0

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of a map."""
        if self.channels_last:
            return (self.batch, 1, self.pixels, self.channels)
        return (self.batch, self.channels, 1, self.pixels)

    @property
    def statistics(self) -> str:
        """Type of statistics and parameters."""
        return "float64" if self.dtype == "float64" else "float32"

    @cached_property
    def _random(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)

    def map(self) -> Array:
        """A random map."""
        return encode(self._random.normal(size=self.shape), self.dtype)

    def parameter(self, centre: float = 0.0) -> Array | None:
        """A random number for each channel, or None where the case has no scale and shift."""
        return self._random.normal(centre, 0.5, self.channels).astype(self.statistics) if self.affine else None


@dataclass
class Inputs:
    """The arguments of all three kernels but the statistics."""

    case: Case
    x: Array
    weight: Array | None
    bias: Array | None
    residual: Array | None
    dy: Array
    ddx: Array
    ddweight: Array | None
    ddbias: Array | None

    @classmethod
    def random(cls, case: Case, x: Array | None = None) -> Inputs:
        """Random arguments. ``dy`` is zero where rounding may choose the other side of the activation's kink."""
        made = cls(
            case,
            case.map() if x is None else x,
            case.parameter(1.0),
            case.parameter(),
            case.map() if case.residual else None,
            case.map(),
            case.map(),
            case.parameter(),
            case.parameter(),
        )
        made.dy = encode(np.where(made.away_from_kink, decode(made.dy), 0.0), case.dtype)
        return made

    def tensor(self, array: Array | None) -> Tensor | None:
        """A map as (N, C, pixels), or a parameter as (C, 1), in float64."""
        if array is None:
            return None
        values = torch.from_numpy(decode(array))
        if values.dim() == 1:
            return values[:, None]
        return values[:, 0].transpose(1, 2) if self.case.channels_last else values[:, :, 0]

    def array(self, tensor: Tensor) -> NDArray[np.float64]:
        """The inverse of :meth:`tensor`."""
        if tensor.dim() == 2:
            return tensor[:, 0].numpy()
        return (tensor.transpose(1, 2) if self.case.channels_last else tensor).numpy().reshape(self.case.shape)

    @property
    def away_from_kink(self) -> NDArray[np.bool_]:
        """Where z is far enough from zero for every precision to agree about its sign."""
        if self.case.slope == 1:
            return np.ones(self.case.shape, bool)
        z, _, _ = normalise(*(self.tensor(each) for each in (self.x, self.weight, self.bias)))
        return np.abs(self.array(z)) > TOLERANCE[self.case.dtype]

    def forward(self) -> tuple[NDArray[np.float64], ...]:
        """(y, mean, rstd) in float64."""
        z, mean, rstd = normalise(*(self.tensor(each) for each in (self.x, self.weight, self.bias)))
        y = torch.where(z > 0, z, self.case.slope * z)
        residual = self.tensor(self.residual)
        return self.array(y if residual is None else y + residual), mean[:, :, 0].numpy(), rstd[:, :, 0].numpy()

    def gradients(self) -> tuple[tuple[NDArray[np.float64], ...], tuple[NDArray[np.float64], ...]]:
        """((dx, dweight, dbias), (grad_dy, grad_x, grad_weight)) in float64, by automatic differentiation."""
        x, weight, bias, dy = (self.tensor(each) for each in (self.x, self.weight, self.bias, self.dy))
        learns = [each.requires_grad_() for each in (x, weight, bias) if each is not None]
        assert dy is not None
        z, _, _ = normalise(x, weight, bias)
        y = torch.where(z > 0, z, self.case.slope * z)
        first = torch.autograd.grad(y, learns, dy.requires_grad_(), create_graph=True)
        directions = [self.tensor(each) for each in (self.ddx, self.ddweight, self.ddbias) if each is not None]
        second = torch.autograd.grad(first, [dy, *learns[:2]], directions, materialize_grads=True)
        none = torch.empty(0, 1, dtype=torch.float64)
        return (
            tuple(self.array(each.detach()) for each in (*first, none, none)[:3]),
            tuple(self.array(each) for each in (*second, none)[:3]),
        )


def normalise(x: Tensor | None, weight: Tensor | None, bias: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """(z, mean, rstd) by the definition."""
    assert x is not None
    mean = x.mean(2, keepdim=True)
    rstd = ((x - mean).square().mean(2, keepdim=True) + EPS).rsqrt()
    z = (x - mean) * rstd
    if weight is not None and bias is not None:
        z = z * weight + bias
    return z, mean, rstd
