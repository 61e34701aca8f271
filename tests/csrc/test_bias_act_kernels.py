"""The pointwise pass without torch, on the CPU and with the CUDA kernels as run on the host, against float64."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from imtrans.ops import bias_act, use_backend
from tests.csrc.norm_cases import Array, decode, encode, unaligned

TOLERANCE = {"float64": 1e-12, "float32": 3e-6, "float16": 2e-3, "bfloat16": 1e-2}
"""Largest error of a map, relative to its largest value."""
SUMS_TOLERANCE = 1e-5
PARTS = ("scale", "bias", "noise", "strength", "style")


@pytest.fixture(params=["cpu", "cuda"])
def device(request: pytest.FixtureRequest, kernels: ModuleType) -> Any:
    """The functions that run one kind of kernel."""
    return getattr(kernels, request.param)


@dataclass(frozen=True)
class Case:
    """One call of the three kernels with random inputs."""

    batch: int = 2
    channels: int = 16
    height: int = 6
    width: int = 7
    channels_last: bool = True
    dtype: str = "float32"
    parts: tuple[str, ...] = PARTS
    shared_noise: bool = False
    slope: float = 0.2
    clamp: float = 2.0
    with_sums: bool = True

    @property
    def real(self) -> type:
        """The type of parameters and sums."""
        return np.float64 if self.dtype == "float64" else np.float32

    def map(self, seed: int) -> Array:
        """Random numbers, as the kernels take them."""
        nchw = self.batch, self.channels, self.height, self.width
        shape = tuple(nchw[i] for i in (0, 2, 3, 1)) if self.channels_last else nchw
        return encode(np.random.default_rng(seed).normal(size=shape), self.dtype)

    @cached_property
    def numbers(self) -> dict[str, Any]:
        """Parameters, by name; None for those that are absent."""
        noises = 1 if self.shared_noise else self.batch
        shapes: dict[str, tuple[int, ...]] = {
            "scale": (self.batch, self.channels),
            "bias": (self.channels,),
            "noise": (noises, self.height, self.width),
            "strength": (1,),
            "style": (self.batch, self.channels),
        }
        random = np.random.default_rng(9)
        drawn = {name: random.normal(size=shape).astype(self.real) for name, shape in shapes.items()}
        return {name: numbers if name in self.parts else None for name, numbers in drawn.items()}

    @property
    def dsums(self) -> Any:
        """What stands against the sums of the backward."""
        shape = (4, self.batch, self.channels)
        return np.random.default_rng(8).normal(size=shape).astype(self.real) if self.with_sums else None

    def settings(self) -> tuple[Any, ...]:
        """The arguments that all three share, after the maps."""
        return *self.numbers.values(), self.slope, 1.5, self.clamp, self.channels_last

    def nchw(self, array: Array) -> Tensor:
        """A map in float64."""
        wide = torch.from_numpy(np.ascontiguousarray(decode(array)).astype(np.float64))
        return wide.movedim(3, 1) if self.channels_last else wide


def outputs(device: Any, case: Case, place: Any = lambda array: array) -> list[tuple[str, Array]]:
    """Everything that the three kernels give, by name."""
    x, dy, ddx = (place(case.map(seed)) for seed in (1, 2, 3))
    y = device.bias_act(x, *case.settings())
    dx, sums = device.bias_act_backward(dy, x, *case.settings())
    grad_dy, grad_x, more = device.bias_act_backward_backward(ddx, case.dsums, dy, x, *case.settings())
    named = [("y", y), ("dx", dx), ("sums", sums), ("grad_dy", grad_dy), ("more sums", more)]
    return [*named, ("grad_x", grad_x)] if case.with_sums else named


def expected(case: Case) -> dict[str, Tensor]:
    """The same in float64, by automatic differentiation and by summing as the header says."""
    x, dy, ddx = (case.nchw(case.map(seed)) for seed in (1, 2, 3))
    own = {name: None if part is None else torch.from_numpy(part).double() for name, part in case.numbers.items()}
    noise = None if own["noise"] is None else own["noise"][:, None]
    noises = torch.zeros(()) if noise is None else noise
    x, dy = x.requires_grad_(), dy.requires_grad_()

    def activated(style: Tensor | None, gain: float = 1.5) -> Tensor:
        return bias_act(
            x,
            own["bias"],
            scale=own["scale"],
            noise=noise,
            noise_strength=None if noise is None else own["strength"],
            next_style=style,
            activation="lrelu",
            alpha=case.slope,
            gain=gain,
            clamp=None if math.isinf(case.clamp) else case.clamp,
        )

    with use_backend("reference"):
        y, u = activated(own["style"]), activated(None)
    (dx,) = torch.autograd.grad(y, x, dy, create_graph=True)
    ones = torch.ones_like(own["scale"]) if own["scale"] is not None else None
    scale = torch.ones(case.batch, case.channels) if ones is None else own["scale"]
    (scaled,) = torch.autograd.grad(u, x, dy, create_graph=True)
    e = scaled / scale[:, :, None, None]
    sums = torch.stack([e.sum((2, 3)), (e * x).sum((2, 3)), (e * noises).sum((2, 3)), (u * dy).sum((2, 3))])
    through = (dx * ddx).sum()
    if case.with_sums:
        through = through + (sums * torch.from_numpy(case.dsums).double()).sum()
    grad_dy, grad_x = torch.autograd.grad(through, [dy, x], allow_unused=True)
    more = torch.stack([*sums[:3], (e * ddx).sum((2, 3))])
    found = {"y": y, "dx": dx, "sums": sums, "grad_dy": grad_dy, "more sums": more}
    return found | ({"grad_x": grad_x} if case.with_sums else {})


def check(device: Any, case: Case, place: Any = lambda array: array) -> None:
    """Compare all outputs."""
    wanted = expected(case)
    for name, array in outputs(device, case, place):
        want = wanted[name].detach()
        got = case.nchw(array) if array.ndim == 4 else torch.from_numpy(array).double()
        tolerance = TOLERANCE[case.dtype] if array.ndim == 4 else min(SUMS_TOLERANCE, 1e3 * TOLERANCE[case.dtype])
        largest = max(1.0, float(want.abs().max()))
        assert (got - want).abs().max() <= tolerance * largest, name


CASES = [
    pytest.param(Case(), id="whole vectors"),
    pytest.param(Case(channels=13, height=7, width=5), id="odd channels"),
    pytest.param(Case(channels=3, height=9, width=31), id="few channels"),
    pytest.param(Case(channels=3, height=9, width=31, parts=("bias",)), id="few channels without noise"),
    pytest.param(Case(batch=1, channels=1, height=1, width=1), id="one number"),
    pytest.param(Case(channels=40, height=1, width=1, parts=("bias", "scale")), id="as after a dense layer"),
    pytest.param(Case(channels=72, height=20, width=21, shared_noise=True), id="several chunks, one noise for all"),
    pytest.param(Case(batch=1, channels=5, height=70, width=64), id="several chunks of a plane"),
    pytest.param(Case(parts=()), id="no parts"),
    pytest.param(Case(clamp=math.inf, slope=1.0, with_sums=False), id="linear, no sums against"),
    pytest.param(Case(slope=0.0, clamp=1.0), id="relu"),
]


@pytest.mark.parametrize("channels_last", [True, False], ids=["nhwc", "nchw"])
@pytest.mark.parametrize("case", CASES)
def test_agrees_with_float64(device: Any, case: Case, channels_last: bool) -> None:
    check(device, replace(case, channels_last=channels_last))


@pytest.mark.parametrize("channels_last", [True, False], ids=["nhwc", "nchw"])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
def test_other_types(device: Any, dtype: str, channels_last: bool) -> None:
    case = Case(channels=24, height=8, dtype=dtype, channels_last=channels_last)
    if dtype == "float16" and device.__name__.endswith("cpu"):
        with pytest.raises(ValueError, match="no CPU kernel for float16"):
            outputs(device, case)
        return
    check(device, case)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_maps_that_begin_anywhere(device: Any, dtype: str) -> None:
    check(device, Case(dtype=dtype), unaligned)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_sizes(kernels: ModuleType, data: st.DataObject) -> None:
    case = Case(
        batch=data.draw(st.integers(1, 3)),
        channels=data.draw(st.one_of(st.integers(1, 9), st.sampled_from([16, 31, 65]))),
        height=data.draw(st.integers(1, 20)),
        width=data.draw(st.integers(1, 20)),
        channels_last=data.draw(st.booleans()),
        parts=tuple(data.draw(st.lists(st.sampled_from(PARTS), unique=True))),
        shared_noise=data.draw(st.booleans()),
        with_sums=data.draw(st.booleans()),
    )
    check(kernels.cpu, case)
    check(kernels.cuda, case)


def test_nan_reaches_its_own_pixel_and_the_sums_of_its_channel(device: Any) -> None:
    for channels_last in (True, False):
        case = Case(channels_last=channels_last)
        x = case.map(1)
        place = (0, 3, 4, 5) if channels_last else (0, 5, 3, 4)
        x[place] = np.nan
        y = device.bias_act(x, *case.settings())
        np.testing.assert_array_equal(np.argwhere(np.isnan(y)), [place])
        _, sums = device.bias_act_backward(case.map(2), x, *case.settings())
        spoiled = {(int(image), int(channel)) for _, image, channel in np.argwhere(np.isnan(sums))}
        assert spoiled == {(0, 5)}
