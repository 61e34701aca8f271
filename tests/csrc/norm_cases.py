"""Inputs for the kernels of the norms, and what float64 and automatic differentiation say about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from tests.csrc.instance_norm_cases import EPS, TOLERANCE, Array, decode, encode, unaligned

__all__ = ["EPS", "TOLERANCE", "Array", "Case", "Problem", "decode", "encode", "unaligned"]

PARAMETERS = {"instance_norm": ("weight", "bias"), "adalin": ("rho", "gamma", "beta")}
STATISTICS = {"instance_norm": ("mean", "rstd"), "adalin": ("statistics",)}


def instance_norm(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Z before the activation; parameters (N, C, 1, 1) or (1, C, 1, 1)."""
    centred = x - x.mean((2, 3), keepdim=True)
    return centred * (centred.square().mean((2, 3), keepdim=True) + EPS).rsqrt() * weight + bias


def adalin(x: Tensor, rho: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """Z before the activation, with unbiased variances (those of one element are 0)."""

    def normalised(over: tuple[int, ...]) -> Tensor:
        centred = x - x.mean(over, keepdim=True)
        freedom = max(1, centred[0].numel() // (1 if 1 in over else x.shape[1]) - 1)
        return centred * (centred.square().sum(over, keepdim=True) / freedom + EPS).rsqrt()

    return (rho * normalised((2, 3)) + (1 - rho) * normalised((1, 2, 3))) * gamma + beta


NORMS: dict[str, Callable[..., Tensor]] = {"instance_norm": instance_norm, "adalin": adalin}


@dataclass(frozen=True)
class Case:
    """One call of the three kernels of a norm with random inputs."""

    op: str
    batch: int = 2
    channels: int = 16
    height: int = 6
    width: int = 7
    channels_last: bool = True
    dtype: str = "float32"
    pad: int = 0
    per_image: bool = False
    residual: int | None = None
    """Pixels around the residual, which no kernel may read; None for no residual."""
    slope: float = 0.2
    affine: bool = True
    """Whether the parameters that may be absent are there."""
    second_residual: bool = True
    moved: bool = False
    """Whether maps begin one element past an aligned address."""
    seed: int = 0


class Problem:
    """The tensors of a case, rounded to what the kernels are given and held in float64."""

    def __init__(self, case: Case) -> None:
        self.case = case
        random = torch.Generator().manual_seed(case.seed)
        sizes = (case.batch, case.channels, case.height, case.width)

        def normal(*shape: int) -> Tensor:
            return torch.randn(shape, generator=random, dtype=torch.float64)

        def border(tensor: Tensor, pad: int) -> Tensor:
            return functional.pad(tensor, (pad,) * 4, value=torch.nan)

        padded = (*sizes[:2], case.height + 2 * case.pad, case.width + 2 * case.pad)
        self.x = self._map(2 + normal(*sizes))
        self.residual = None if case.residual is None else self._map(normal(*sizes))
        self.bordered_residual = None if self.residual is None else border(self.residual, case.residual or 0)
        self.ddx, self.vresidual = self._map(normal(*sizes)), self._map(normal(*sizes))
        each = case.batch if case.per_image else 1
        self.parameters: dict[str, Tensor | None] = {}
        self.directions: dict[str, Tensor | None] = {}
        for name in PARAMETERS[case.op]:
            # A rho belongs to a channel of all images, and no layer has none.
            shape, given = (1 if name == "rho" else each, case.channels), case.affine or case.op == "adalin"
            values = torch.rand(shape, generator=random) if name == "rho" else normal(*shape).float()
            self.parameters[name] = values.double() if given else None
            self.directions[name] = normal(*shape).float().double() if given and case.affine else None
        self.away = (self.z(self.x, *self.arguments).abs() > TOLERANCE[case.dtype]) | (case.slope == 1)
        self.dy = self._map(normal(*padded)) * self.reflected(self.away.double())

    def _map(self, values: Tensor) -> Tensor:
        return torch.from_numpy(decode(encode(values.numpy(), self.case.dtype)))

    @property
    def arguments(self) -> list[Tensor | None]:
        return list(self.parameters.values())

    def z(self, x: Tensor, *parameters: Tensor | None) -> Tensor:
        absent = (1.0, 0.0) if self.case.op == "instance_norm" else ()
        values = [
            torch.full((1, 1), absent[i], dtype=x.dtype) if each is None else each for i, each in enumerate(parameters)
        ]
        return NORMS[self.case.op](x, *(each[:, :, None, None] for each in values))

    def reflected(self, tensor: Tensor) -> Tensor:
        return functional.pad(tensor, (self.case.pad,) * 4, mode="reflect") if self.case.pad else tensor

    def y(self, x: Tensor, residual: Tensor | None, *parameters: Tensor | None) -> Tensor:
        z = self.z(x, *parameters)
        activated = torch.where(z > 0, z, self.case.slope * z)
        return self.reflected(activated if residual is None else activated + residual)

    # ------------------------------------------------------------------------------------------------ what is expected

    @cached_property
    def expected(self) -> dict[str, NDArray[np.float64]]:
        """All outputs of the three kernels by automatic differentiation."""
        inner = torch.zeros_like(self.x) if self.residual is None else self.residual
        given = {name: each for name, each in self.parameters.items() if each is not None}
        x, dy, residual, *rest = (each.detach().requires_grad_() for each in (self.x, self.dy, inner, *given.values()))
        learned = dict(zip(given, rest, strict=True))
        y = self.y(x, residual, *(learned.get(name) for name in self.parameters))
        first = torch.autograd.grad(y, [x, residual, *rest], dy, create_graph=True)
        probes = {name: each for name, each in self.directions.items() if each is not None}
        scalar = (first[0] * self.ddx).sum()
        if self.case.second_residual:
            scalar = scalar + (first[1] * self.vresidual).sum()
        for name, gradient in zip(given, first[2:], strict=True):
            if name in probes:
                scalar = scalar + (gradient * probes[name]).sum()
        second = torch.autograd.grad(scalar, [dy, x, *rest], allow_unused=True, materialize_grads=True)
        found = {"y": y, "dx": first[0], "dresidual": first[1], "grad_dy": second[0], "grad_x": second[1]}
        found |= {f"d{name}": each for name, each in zip(given, first[2:], strict=True)}
        found |= {f"grad_{name}": each for name, each in zip(given, second[2:], strict=True)}
        # The shift only moves the kink of the activation: no kernel computes its second gradient.
        found = {name: each for name, each in found.items() if name not in ("grad_bias", "grad_beta")}
        return {name: each.detach().numpy() for name, each in found.items()}

    # ------------------------------------------------------------------------------------------------ what is computed

    def given_map(self, tensor: Tensor | None) -> Array | None:
        """A map as the kernels take it."""
        if tensor is None:
            return None
        ordered = tensor.permute(0, 2, 3, 1) if self.case.channels_last else tensor
        array = encode(np.ascontiguousarray(ordered.numpy()), self.case.dtype)
        return unaligned(array) if self.case.moved else array

    def given_numbers(self, values: dict[str, Tensor | None], prefix: str = "") -> dict[str, Array | None]:
        """Parameters, or what stands against their gradients, as the kernels take them."""
        real = np.float64 if self.case.dtype == "float64" else np.float32
        shapes = {name: each if self.case.per_image and name != "rho" else None for name, each in values.items()}
        return {
            f"{prefix}{name}": None
            if each is None
            else (each if shapes[name] is not None else each[0]).numpy().astype(real)
            for name, each in values.items()
        }

    def run(self, device: Any) -> dict[str, Array]:
        """All outputs of the three kernels, in the kernels' types and order in memory."""
        case, op = self.case, self.case.op
        own = self.given_numbers(self.parameters)
        x, dy = self.given_map(self.x), self.given_map(self.dy)
        rest = {"slope": case.slope, "pad": case.pad, "channels_last": case.channels_last}
        y, *statistics = getattr(device, op)(
            x=x, residual=self.given_map(self.bordered_residual), eps=EPS, **own, **rest
        )
        rest |= dict(zip(STATISTICS[op], statistics, strict=True))
        first = getattr(device, f"{op}_backward")(dy=dy, x=x, wants_dresidual=case.pad > 0, **own, **rest)
        second = getattr(device, f"{op}_backward_backward")(
            ddx=self.given_map(self.ddx),
            vresidual=self.given_map(self.vresidual) if case.second_residual else None,
            dy=dy,
            x=x,
            **self.given_numbers(self.directions, "dd"),
            **own,
            **rest,
        )
        names = ["y", "dx", "dresidual", *(f"d{name}" for name in own), "grad_dy", "grad_x"]
        names += [f"grad_{name}" for name in own if name not in ("bias", "beta")]
        return dict(zip(names, (y, *first, *second), strict=True))

    def found(self, device: Any) -> dict[str, NDArray[np.float64]]:
        """The same in float64 and the order of ``expected``, without outputs that the case does not want."""
        outputs = {name: decode(each) for name, each in self.run(device).items() if name in self.expected}
        if self.case.pad == 0:
            assert outputs.pop("dresidual").size == 0
        for name, each in outputs.items():
            if each.ndim == 4 and self.case.channels_last:
                outputs[name] = each.transpose(0, 3, 1, 2)
        return outputs

    def errors(self, device: Any) -> dict[str, float]:
        """The largest error of each output over its own magnitude, in units of the tolerance of the type."""
        errors = {}
        for name, found in self.found(device).items():
            wanted = self.expected[name]
            if wanted.ndim == 2 and found.ndim == 1:
                found = found[None]
            assert found.shape == wanted.shape, name
            error = np.abs(found - wanted)
            if name == "grad_dy":
                error = np.where(self.reflected(self.away.double()).numpy() > 0, error, 0)
            assert not np.isnan(error).any(), name
            errors[name] = float(error.max() / max(1.0, np.abs(wanted).max()) / TOLERANCE[self.case.dtype])
        return errors

    def aligned(self) -> Problem:
        """The same problem with maps at aligned addresses."""
        return Problem(replace(self.case, moved=False))
