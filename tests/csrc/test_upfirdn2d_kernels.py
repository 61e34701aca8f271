"""Resampling without torch, on the CPU and with the CUDA kernel as run on the host, against numpy."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.csrc.norm_cases import Array, decode, encode, unaligned

TOLERANCE = {"float64": 1e-14, "float32": 1e-6, "float16": 2e-3, "bfloat16": 1e-2}
"""Largest error, relative to what the filter could make of the largest pixel."""


@dataclass(frozen=True)
class Numbers:
    """What a resampling is given besides map and filter, in the kernels' order."""

    up_x: int = 1
    up_y: int = 1
    down_x: int = 1
    down_y: int = 1
    left: int = 0
    right: int = 0
    top: int = 0
    bottom: int = 0
    flip: bool = False
    gain: float = 1.0


@pytest.fixture(params=["cpu", "cuda"])
def device(request: pytest.FixtureRequest, kernels: ModuleType) -> Any:
    """The functions that run one kind of kernel."""
    return getattr(kernels, request.param)


def resampled(x: NDArray[np.float64], f: NDArray[np.float64], n: Numbers) -> NDArray[np.float64]:
    """The definition, for (N, C, H, W): zeros between pixels, zeros around, every tap in turn, every down-th pixel."""
    batch, channels, height, width = x.shape
    spread = np.zeros((batch, channels, height * n.up_y, width * n.up_x))
    spread[:, :, :: n.up_y, :: n.up_x] = x
    grow = [(max(before, 0), max(after, 0)) for before, after in ((n.top, n.bottom), (n.left, n.right))]
    padded = np.pad(spread, ((0, 0), (0, 0), *grow))
    crop = [
        slice(max(-before, 0), after if after < 0 else None) for before, after in ((n.top, n.bottom), (n.left, n.right))
    ]
    padded = padded[:, :, crop[0], crop[1]]
    taps = (f if n.flip else f[::-1, ::-1]) * n.gain
    rows, columns = (padded.shape[i + 2] - f.shape[i] + 1 for i in range(2))
    y = np.zeros((batch, channels, rows, columns))
    for (i, j), weight in np.ndenumerate(taps):
        y += weight * padded[:, :, i : i + rows, j : j + columns]
    return y[:, :, :: n.down_y, :: n.down_x]


def check(device: Any, x: Array, f: Array, numbers: Numbers, dtype: str, channels_last: bool) -> None:
    """Compare with the definition."""
    y = device.upfirdn2d(x, f, *astuple(numbers), channels_last)
    wide = decode(x).astype(np.float64)
    want = resampled(np.moveaxis(wide, 3, 1) if channels_last else wide, f.astype(np.float64), numbers)
    got = decode(y)
    got = np.moveaxis(got, 3, 1) if channels_last else got
    assert got.shape == want.shape
    most = np.abs(wide).max() * np.abs(f).sum() * numbers.gain
    assert np.abs(got - want).max() <= TOLERANCE[dtype] * most


def random_map(sizes: tuple[int, int, int, int], dtype: str, channels_last: bool) -> Array:
    """Normal numbers as the kernels take them; sizes are (N, C, H, W)."""
    shape = tuple(sizes[i] for i in (0, 2, 3, 1)) if channels_last else sizes
    return encode(np.random.default_rng(0).normal(size=shape), dtype)


def random_filter(rows: int, columns: int, dtype: str = "float32") -> Array:
    numbers: Array = np.random.default_rng(1).normal(size=(rows, columns))
    return numbers if dtype == "float64" else numbers.astype(np.float32)


@pytest.mark.parametrize("channels_last", [True, False], ids=["nhwc", "nchw"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "float64"])
@pytest.mark.parametrize(
    ("sizes", "taps", "numbers"),
    [
        pytest.param((2, 16, 5, 7), (4, 4), Numbers(left=2, right=1, top=2, bottom=1), id="filtered"),
        pytest.param((2, 13, 5, 41), (4, 4), Numbers(2, 2, left=2, right=1, top=2, bottom=1, gain=4), id="enlarged"),
        pytest.param((2, 24, 9, 38), (4, 4), Numbers(1, 1, 2, 2, 1, 1, 1, 1), id="shrunk"),
        pytest.param((1, 3, 8, 5), (2, 6), Numbers(3, 1, 2, 3, 4, 0, 1, 3, flip=True), id="both, by axis"),
        pytest.param((1, 8, 6, 9), (3, 1), Numbers(2, 1, 1, 1, -3, -1, 2, -4), id="cropped"),
        pytest.param((1, 1, 1, 1), (5, 5), Numbers(1, 1, 1, 1, 4, 4, 4, 4), id="one pixel, spread out"),
        pytest.param((1, 2, 3, 70), (1, 1), Numbers(5, 1), id="zeros between the pixels alone"),
    ],
)
def test_agrees_with_numpy(
    device: Any,
    sizes: tuple[int, int, int, int],
    taps: tuple[int, int],
    numbers: Numbers,
    dtype: str,
    channels_last: bool,
) -> None:
    x, f = random_map(sizes, dtype, channels_last), random_filter(*taps, dtype)
    if dtype == "float16" and device.__name__.endswith("cpu"):
        with pytest.raises(ValueError, match="no CPU kernel for float16"):
            device.upfirdn2d(x, f, *astuple(numbers), channels_last)
        return
    check(device, x, f, numbers, dtype, channels_last)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_sizes(kernels: ModuleType, data: st.DataObject) -> None:
    factor, taps, side = st.integers(1, 4), st.integers(1, 7), st.integers(1, 20)
    channels = data.draw(st.one_of(st.integers(1, 5), st.sampled_from([16, 33])))
    sizes = (data.draw(st.integers(1, 2)), channels, data.draw(side), data.draw(side))
    rows, columns, up_x, up_y = data.draw(taps), data.draw(taps), data.draw(factor), data.draw(factor)
    paddings: list[int] = []
    for size, up, length in ((sizes[3], up_x, columns), (sizes[2], up_y, rows)):
        before = data.draw(st.integers(-3, 5))
        least = max(-3, length - size * up - before)
        paddings += [before, data.draw(st.integers(least, least + 6))]
    numbers = Numbers(up_x, up_y, data.draw(factor), data.draw(factor), *paddings, data.draw(st.booleans()), 0.5)
    dtype, channels_last = data.draw(st.sampled_from(["float32", "bfloat16"])), data.draw(st.booleans())
    x, f = random_map(sizes, dtype, channels_last), random_filter(rows, columns)
    check(kernels.cpu, x, f, numbers, dtype, channels_last)
    check(kernels.cuda, x, f, numbers, dtype, channels_last)


FACTORED = [Numbers(1, 1, 1, 1, 2, 1, 2, 1, True), Numbers(1, 1, 2, 2, 1, 1, 1, 1), Numbers(2, 2, 1, 1, 2, 1, 2, 1)]
"""Resamplings that have a kernel of their own where the filter is a product of four taps down and four across."""


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_sizes_with_a_filter_that_is_a_product(kernels: ModuleType, data: st.DataObject) -> None:
    before, after, side = st.integers(-3, 6), st.integers(0, 6), st.integers(1, 19)
    dtype = data.draw(st.sampled_from(["float32", "bfloat16", "float64"]))
    sizes = (
        data.draw(st.integers(1, 2)),
        data.draw(st.sampled_from([8, 16, 17, 33, 70])),
        data.draw(side),
        data.draw(side),
    )
    numbers = data.draw(st.sampled_from(FACTORED))
    paddings: dict[str, int] = {}
    for size, names in ((sizes[3], ("left", "right")), (sizes[2], ("top", "bottom"))):
        first = data.draw(before)
        paddings |= {names[0]: first, names[1]: max(4 - size * numbers.up_x - first, 0) + data.draw(after)}
    f = product_filter(data.draw(st.integers(0, 99)), dtype)
    check(kernels.cpu, random_map(sizes, dtype, True), f, replace(numbers, **paddings), dtype, True)


def product_filter(seed: int = 0, dtype: str = "float32") -> Array:
    down, across = (
        np.random.default_rng(seed).normal(size=(2, 4)).astype("float64" if dtype == "float64" else "float32")
    )
    return np.outer(down, across)


@pytest.mark.parametrize("numbers", FACTORED, ids=["filtered", "shrunk", "enlarged"])
@pytest.mark.parametrize("channels", [384, 400, 770])
def test_more_channels_than_are_walked_at_once(kernels: ModuleType, numbers: Numbers, channels: int) -> None:
    x = random_map((1, channels, 6, 5), "float32", True)
    check(kernels.cpu, x, product_filter(), numbers, "float32", True)


def almost_a_product() -> Array:
    f = product_filter()
    f[3, 3] *= 1.001
    return f


@pytest.mark.parametrize(
    "f",
    [
        pytest.param(almost_a_product(), id="but for a thousandth of one tap"),
        pytest.param(np.zeros((4, 4), np.float32), id="zeros"),
        pytest.param(np.eye(4, dtype=np.float32), id="the identity matrix"),
        pytest.param(np.outer([0, 1, 2, 0], [0, 3, 0, 0]).astype(np.float32), id="zeros around"),
        pytest.param(np.outer([1, 3, 3, 1], [1e-30, 1, 1, 1e30]).astype(np.float32), id="taps of all magnitudes"),
        pytest.param(np.outer([1, 3, 3, 1], [1, 3, 3, 1]).astype(np.float32) * 1e35, id="huge taps"),
    ],
)
@pytest.mark.parametrize("numbers", FACTORED, ids=["filtered", "shrunk", "enlarged"])
def test_filters_that_are_hardly_a_product(kernels: ModuleType, f: Array, numbers: Numbers) -> None:
    x = random_map((1, 16, 7, 6), "float32", True)
    check(kernels.cpu, x / np.float32(np.abs(x).max() * 16), f, numbers, "float32", True)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_filter_that_is_not_finite_spoils_what_it_reaches(kernels: ModuleType, bad: float) -> None:
    f = np.outer([1, 3, 3, 1], [1, 3, 3, 1]).astype(np.float32)
    f[0, 1] = bad
    y = kernels.cpu.upfirdn2d(random_map((1, 16, 6, 6), "float32", True), f, *astuple(Numbers()), True)
    assert not np.isfinite(y).any()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_maps_that_begin_anywhere(device: Any, dtype: str) -> None:
    x = random_map((2, 16, 5, 6), dtype, True)
    for f in (random_filter(4, 4), product_filter()):
        check(device, unaligned(x), f, Numbers(2, 2, left=2, top=2), dtype, True)


def test_the_transpose_is_a_resampling_too(device: Any) -> None:
    """With up and down exchanged, the filter turned, and the paddings that imtrans/ops/upfirdn2d.py computes."""
    f, n = random_filter(3, 4, "float64"), Numbers(2, 3, 3, 1, 2, 1, -1, 4, gain=0.5)
    x = random_map((1, 2, 6, 5), "float64", True)
    y = device.upfirdn2d(x, f, *astuple(n), True)
    dy = np.random.default_rng(2).normal(size=y.shape)
    (height, width), (rows, columns) = x.shape[1:3], y.shape[1:3]
    left, top = f.shape[1] - n.left - 1, f.shape[0] - n.top - 1
    right = width * n.up_x - columns * n.down_x + n.left - n.up_x + 1
    bottom = height * n.up_y - rows * n.down_y + n.top - n.up_y + 1
    turned = Numbers(n.down_x, n.down_y, n.up_x, n.up_y, left, right, top, bottom, True, n.gain)
    dx = device.upfirdn2d(dy, f, *astuple(turned), True)
    np.testing.assert_allclose((y * dy).sum(), (x * dx).sum(), rtol=1e-12)


def test_a_filter_beyond_what_a_block_holds_is_refused(kernels: ModuleType) -> None:
    x, f = random_map((1, 1, 40, 40), "float32", True), random_filter(33, 32)
    with pytest.raises(RuntimeError, match="more than 1024 taps"):
        kernels.cuda.upfirdn2d(x, f, *astuple(Numbers()), True)
