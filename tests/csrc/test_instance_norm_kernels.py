"""The CPU kernels, and the CUDA kernels as run on the host, against float64."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.csrc.instance_norm_cases import EPS, TOLERANCE, Array, Case, Inputs, decode, encode, unaligned

DEVICES = ("cpu", "cuda")


def forward(device: Any, inputs: Inputs) -> tuple[Array, Array, Array]:
    case = inputs.case
    y, mean, rstd = device.instance_norm(
        inputs.x, inputs.weight, inputs.bias, inputs.residual, case.slope, EPS, 0, case.channels_last
    )
    return y, mean, rstd


def run_all(device: Any, i: Inputs) -> list[Array]:
    """All nine outputs of the three kernels."""
    y, mean, rstd = forward(device, i)
    rest = (i.x, i.weight, i.bias, mean, rstd, i.case.slope, 0)
    first = backward(device, i.dy, *rest, i.case.channels_last)
    second = device.instance_norm_backward_backward(
        i.ddx, None, i.ddweight, i.ddbias, i.dy, *rest, i.case.channels_last
    )
    return [y, mean, rstd, *first, *second]


def backward(device: Any, *arguments: Any) -> tuple[Array, Array, Array]:
    """(dx, dweight, dbias); no gradient of a residual, which maps without a border do not have."""
    *rest, channels_last = arguments
    dx, dresidual, dweight, dbias = device.instance_norm_backward(*rest, False, channels_last)
    assert dresidual.size == 0
    return dx, dweight, dbias


def check(device: Any, inputs: Inputs, widen: float = 1.0) -> None:
    """Compare all outputs with float64, relative to the largest entry of each."""
    names = ("y", "mean", "rstd", "dx", "dweight", "dbias", "grad_dy", "grad_x", "grad_weight")
    first, second = inputs.gradients()
    for name, found, wanted in zip(names, run_all(device, inputs), (*inputs.forward(), *first, *second), strict=True):
        assert found.shape == wanted.shape, name
        error = np.abs(decode(found) - wanted)
        if name == "grad_dy":
            error = error[inputs.away_from_kink]
        scale = max(1.0, float(np.abs(wanted).max(initial=0)))
        assert error.max(initial=0) <= widen * TOLERANCE[inputs.case.dtype] * scale, name


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest, kernels: ModuleType) -> Any:
    """The functions that run one kind of kernel."""
    return getattr(kernels, request.param)


def skip_if_missing(device: Any, case: Case) -> None:
    if case.dtype == "float16" and device.__name__.endswith("cpu"):
        pytest.skip("the CPU kernels know no float16")


@pytest.mark.parametrize("channels_last", [True, False], ids=["nhwc", "nchw"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "float64"])
@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param((2, 16, 50), id="whole vectors, NHWC"),
        pytest.param((2, 5, 64), id="whole vectors, NCHW"),
        pytest.param((3, 13, 49), id="odd channels and pixels"),
        pytest.param((1, 136, 9), id="several slabs, the last one partly empty"),
        pytest.param((1, 8, 1541), id="splits of different sizes"),
        pytest.param((2, 3, 2), id="fewer pixels than rows of threads"),
    ],
)
def test_agrees_with_float64(device: Any, sizes: tuple[int, int, int], dtype: str, channels_last: bool) -> None:
    case = Case(*sizes, channels_last=channels_last, dtype=dtype)
    skip_if_missing(device, case)
    check(device, Inputs.random(case))


@pytest.mark.parametrize("slope", [1.0, 0.0, 0.2])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("residual", [True, False])
def test_every_combination_of_options(device: Any, slope: float, affine: bool, residual: bool) -> None:
    check(device, Inputs.random(Case(slope=slope, affine=affine, residual=residual)))


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    case=st.builds(
        Case,
        batch=st.integers(1, 2),
        channels=st.integers(1, 20),
        pixels=st.integers(2, 300),
        channels_last=st.booleans(),
        dtype=st.sampled_from(["float32", "bfloat16"]),
        affine=st.booleans(),
        residual=st.booleans(),
        slope=st.sampled_from([0.0, 0.2, 1.0]),
        seed=st.integers(0, 1000),
    )
)
def test_any_sizes(kernels: ModuleType, case: Case) -> None:
    # Two or three random pixels may lie so close together that rstd magnifies every rounding error.
    inputs = Inputs.random(case)
    widen = max(1.0, float(inputs.forward()[2].max()) ** 3)
    check(kernels.cpu, inputs, widen)
    check(kernels.cuda, inputs, widen)


@pytest.mark.parametrize("channels_last", [True, False], ids=["nhwc", "nchw"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_maps_that_begin_anywhere(device: Any, dtype: str, channels_last: bool) -> None:
    inputs = Inputs.random(Case(channels=16, pixels=64, channels_last=channels_last, dtype=dtype))
    aligned = run_all(device, inputs)
    moved = replace(inputs, x=unaligned(inputs.x), dy=unaligned(inputs.dy), ddx=unaligned(inputs.ddx))
    check(device, moved)
    for one, other in zip(aligned, run_all(device, moved), strict=True):
        np.testing.assert_allclose(decode(one), decode(other), atol=TOLERANCE[dtype], rtol=TOLERANCE[dtype])


@pytest.mark.parametrize("channels_last", [True, False], ids=["nhwc", "nchw"])
def test_one_pixel_maps_become_the_shift(device: Any, channels_last: bool) -> None:
    inputs = Inputs.random(Case(channels=9, pixels=1, channels_last=channels_last, slope=1.0, residual=False))
    y, mean, rstd = forward(device, inputs)
    assert inputs.bias is not None
    wanted = np.broadcast_to(inputs.bias, (2, 9)).reshape(inputs.case.shape)
    np.testing.assert_array_equal(y, wanted)
    np.testing.assert_array_equal(mean, inputs.x.reshape(2, 9))
    np.testing.assert_allclose(rstd, EPS**-0.5, rtol=1e-6)
    dx, _, _ = backward(device, inputs.dy, inputs.x, inputs.weight, inputs.bias, mean, rstd, 1.0, 0, channels_last)
    np.testing.assert_allclose(dx, 0, atol=2e-4)  # a rounding error times rstd


@pytest.mark.parametrize("channels_last", [True, False], ids=["nhwc", "nchw"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_large_mean(device: Any, dtype: str, channels_last: bool) -> None:
    """Mean 1000 and deviation 1 (16 for bfloat16, whose numbers lie 4 apart there)."""
    case = Case(channels=8, pixels=700, channels_last=channels_last, dtype=dtype)
    deviation = 1.0 if dtype == "float32" else 16.0
    x = encode(1000 + deviation * np.random.default_rng(1).normal(size=case.shape), dtype)
    check(device, Inputs.random(case, x), widen=5.0)


@pytest.mark.parametrize("channels_last", [True, False], ids=["nhwc", "nchw"])
@pytest.mark.parametrize("where", [0, 350, 699])
def test_one_pixel_that_stands_out(device: Any, where: int, channels_last: bool) -> None:
    case = Case(channels=8, pixels=700, channels_last=channels_last, affine=False, slope=1.0, residual=False)
    values = np.random.default_rng(1).normal(size=case.shape)
    np.moveaxis(values, 2 if channels_last else 3, 0)[where] += 1e4
    inputs = Inputs.random(case, encode(values, "float32"))
    wanted = inputs.forward()
    y, mean, rstd = forward(device, inputs)
    for found, expected in zip((y, mean, rstd), wanted, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("channels_last", [True, False], ids=["nhwc", "nchw"])
@pytest.mark.parametrize("constant", [0.0, 0.1, 12345.67])
def test_constant_channels_become_the_shift(device: Any, constant: float, channels_last: bool) -> None:
    case = Case(channels=9, pixels=777, channels_last=channels_last, slope=1.0, residual=False)
    inputs = Inputs.random(case, np.full(case.shape, constant, np.float32))
    y, mean, rstd = forward(device, inputs)
    assert inputs.bias is not None
    np.testing.assert_array_equal(
        y, np.broadcast_to(inputs.bias if channels_last else inputs.bias[:, None, None], case.shape)
    )
    np.testing.assert_array_equal(mean, np.float32(constant))
    np.testing.assert_allclose(rstd, EPS**-0.5, rtol=1e-6)


@pytest.mark.parametrize("channels_last", [True, False], ids=["nhwc", "nchw"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_nan_spoils_its_own_channel_only(device: Any, dtype: str, channels_last: bool) -> None:
    case = Case(channels=8, pixels=60, channels_last=channels_last, dtype=dtype, slope=0.0)
    values = np.random.default_rng(1).normal(size=case.shape)
    values[(1, 0, 37, 5) if channels_last else (1, 5, 0, 37)] = np.nan
    y, mean, rstd = forward(device, Inputs.random(case, encode(values, dtype)))
    spoiled = np.zeros((2, 8), bool)
    spoiled[1, 5] = True
    np.testing.assert_array_equal(np.isnan(mean), spoiled)
    np.testing.assert_array_equal(np.isnan(rstd), spoiled)
    nan: NDArray[np.bool_] = np.isnan(decode(y))
    by_channel = nan[:, 0].swapaxes(1, 2) if channels_last else nan[:, :, 0]
    np.testing.assert_array_equal(by_channel, np.repeat(spoiled[:, :, None], 60, 2))


def test_gradients_of_a_part(device: Any) -> None:
    """The gradients of weight and bias may come alone, and ddweight and ddbias may be absent."""
    both = Inputs.random(Case(slope=1.0))
    _, mean, rstd = forward(device, both)
    rest = (mean, rstd, 1.0, 0, True)
    dx, dweight, dbias = backward(device, both.dy, both.x, both.weight, both.bias, *rest)
    found = backward(device, both.dy, both.x, both.weight, None, *rest)
    for one, other in zip(found, (dx, dweight, dbias[:0]), strict=True):
        np.testing.assert_array_equal(one, other)
    found = backward(device, both.dy, both.x, None, both.bias, *rest)
    np.testing.assert_array_equal(found[1], dweight[:0])
    np.testing.assert_array_equal(found[2], dbias)
    zero = np.zeros_like(both.bias)
    args = (both.dy, both.x, both.weight, both.bias, *rest)
    without = device.instance_norm_backward_backward(both.ddx, None, None, None, *args)
    with_zeros = device.instance_norm_backward_backward(both.ddx, None, zero, zero, *args)
    for one, other in zip(without, with_zeros, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_same_bits_in_every_run(device: Any) -> None:
    inputs = Inputs.random(Case(channels=24, pixels=1000))
    for one, other in zip(run_all(device, inputs), run_all(device, inputs), strict=True):
        np.testing.assert_array_equal(one.view(np.uint8), other.view(np.uint8))
