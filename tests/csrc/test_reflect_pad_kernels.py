"""Padding and folding without torch, on the CPU and with the CUDA kernels as run on the host, against numpy."""

from __future__ import annotations

import itertools
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.csrc.norm_cases import Array, decode, encode, unaligned

TOLERANCE = {"float64": 1e-14, "float32": 1e-6, "float16": 2e-3, "bfloat16": 1e-2}
"""Largest error of a sum of at most nine numbers, relative to the largest sum: one rounding to the type."""


@pytest.fixture(params=["cpu", "cuda"])
def device(request: pytest.FixtureRequest, kernels: ModuleType) -> Any:
    """The functions that run one kind of kernel."""
    return getattr(kernels, request.param)


def random(shape: tuple[int, ...], dtype: str, seed: int = 0) -> Array:
    return encode(np.random.default_rng(seed).normal(size=shape), dtype)


def padded(x: Array, pad: int, channels_last: bool) -> Array:
    beside, around = (0, 0), (pad, pad)
    widths = (beside, around, around, beside) if channels_last else (beside, beside, around, around)
    return np.pad(x, widths, mode="reflect")


def folded(y: Array, pad: int, channels_last: bool) -> NDArray[np.float64]:
    """In float64, by scattering: which places show a pixel is read off a padded map of numbers of pixels."""
    values = np.moveaxis(decode(y), 3, 1) if channels_last else decode(y)
    height, width = (side - 2 * pad for side in values.shape[2:])
    shown = np.pad(np.arange(height * width).reshape(height, width), pad, mode="reflect")
    sums = np.zeros((*values.shape[:2], height * width))
    for row, column in itertools.product(range(height + 2 * pad), range(width + 2 * pad)):
        sums[:, :, shown[row, column]] += values[:, :, row, column]
    planes = sums.reshape(*values.shape[:2], height, width)
    return np.moveaxis(planes, 1, 3) if channels_last else planes


def shape_of(batch: int, channels: int, height: int, width: int, channels_last: bool) -> tuple[int, ...]:
    return (batch, height, width, channels) if channels_last else (batch, channels, height, width)


def check(device: Any, sizes: tuple[int, int, int, int], pad: int, dtype: str, channels_last: bool) -> None:
    x = random(shape_of(*sizes, channels_last), dtype)
    y = device.reflect_pad(x, pad, channels_last)
    np.testing.assert_array_equal(y, padded(x, pad, channels_last))
    if dtype == "float16" and device.__name__.endswith("cpu"):
        with pytest.raises(ValueError, match="no CPU kernel for float16"):
            device.reflect_fold(y, pad, channels_last)
        return
    dy = random(y.shape, dtype, seed=1)
    found, wanted = decode(device.reflect_fold(dy, pad, channels_last)), folded(dy, pad, channels_last)
    assert found.shape == wanted.shape == x.shape
    assert np.abs(found - wanted).max() <= TOLERANCE[dtype] * np.abs(wanted).max()


@pytest.mark.parametrize("channels_last", [True, False], ids=["nhwc", "nchw"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "float64"])
@pytest.mark.parametrize(
    ("sizes", "pad"),
    [
        pytest.param((2, 16, 5, 7), 1, id="whole vectors"),
        pytest.param((2, 13, 7, 5), 3, id="odd channels"),
        pytest.param((1, 8, 4, 4), 3, id="the widest border"),
        pytest.param((3, 3, 2, 9), 1, id="a pixel that three rows show"),
        pytest.param((1, 72, 3, 60), 2, id="rows of several segments"),
        pytest.param((1, 1, 6, 300), 1, id="one channel, long rows"),
        pytest.param((1, 24, 3, 2), 0, id="no border"),
    ],
)
def test_agrees_with_numpy(
    device: Any, sizes: tuple[int, int, int, int], pad: int, dtype: str, channels_last: bool
) -> None:
    check(device, sizes, pad, dtype, channels_last)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_sizes(kernels: ModuleType, data: st.DataObject) -> None:
    pad = data.draw(st.integers(0, 4))
    side = st.integers(pad + 1, pad + 30)
    sizes = (
        data.draw(st.integers(1, 3)),
        data.draw(st.one_of(st.integers(1, 9), st.sampled_from([16, 40, 65]))),
        data.draw(side),
        data.draw(side),
    )
    dtype, channels_last = data.draw(st.sampled_from(["float32", "bfloat16"])), data.draw(st.booleans())
    check(kernels.cpu, sizes, pad, dtype, channels_last)
    check(kernels.cuda, sizes, pad, dtype, channels_last)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_maps_that_begin_anywhere(device: Any, dtype: str) -> None:
    x, y = random((2, 4, 5, 16), dtype), random((2, 6, 7, 16), dtype)
    np.testing.assert_array_equal(device.reflect_pad(unaligned(x), 1, True), device.reflect_pad(x, 1, True))
    np.testing.assert_array_equal(device.reflect_fold(unaligned(y), 1, True), device.reflect_fold(y, 1, True))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
@pytest.mark.parametrize("channels_last", [True, False], ids=["nhwc", "nchw"])
def test_both_devices_give_the_same_bits(kernels: ModuleType, dtype: str, channels_last: bool) -> None:
    """The order of the summands is the same, and there is nothing else to differ."""
    dy = random(shape_of(2, 24, 9, 8, channels_last), dtype)
    one, other = (device.reflect_fold(dy, 2, channels_last) for device in (kernels.cpu, kernels.cuda))
    np.testing.assert_array_equal(one.view(np.uint8), other.view(np.uint8))


@pytest.mark.parametrize("channels_last", [True, False], ids=["nhwc", "nchw"])
def test_folding_is_the_transpose_of_padding(device: Any, channels_last: bool) -> None:
    x = random(shape_of(2, 5, 4, 11, channels_last), "float64")
    y = device.reflect_pad(x, 3, channels_last)
    dy = random(y.shape, "float64", seed=1)
    np.testing.assert_allclose((y * dy).sum(), (x * device.reflect_fold(dy, 3, channels_last)).sum(), rtol=1e-12)


def test_nan_reaches_the_pixel_that_it_shows_and_no_other(device: Any) -> None:
    dy = random((1, 7, 8, 16), "float32")
    dy[0, 0, 3, 5] = np.nan  # shows row 1, column 2
    spoiled = np.argwhere(np.isnan(device.reflect_fold(dy, 1, True)))
    np.testing.assert_array_equal(spoiled, [[0, 1, 2, 5]])
