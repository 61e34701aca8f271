"""Pictures through point spread functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from imtrans.data.prepare.blur.convolution import blur, convolve
from imtrans.data.prepare.blur.kernel import make_kernel
from imtrans.data.prepare.blur.trajectory import draw_trajectory

PIXELS = arrays.arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20), st.just(3)))


def some_kernel(seed: int, length: float = 12.0) -> Any:
    return make_kernel(draw_trajectory(np.random.default_rng(seed), anxiety=0.01, length=length, samples=200))


def by_definition(maps: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The sum over the kernel, pixel by pixel: what is at (y, x) went to (y + dy, x + dx)."""
    (height, width), (rows, columns) = maps.shape[:2], kernel.shape
    out = np.zeros((height - rows + 1, width - columns + 1, maps.shape[2]))
    for dy in range(rows):
        for dx in range(columns):
            y, x = rows - 1 - dy, columns - 1 - dx
            out += kernel[dy, dx] * maps[y : y + out.shape[0], x : x + out.shape[1]]
    return out


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_it_is_the_convolution(seed: int) -> None:
    maps, kernel = np.random.default_rng(seed).random((23, 27, 3)), some_kernel(seed)
    assert np.abs(convolve(maps, kernel) - by_definition(maps, kernel)).max() < 1e-12


@pytest.mark.parametrize("shape", [(2, 3), (5, 3), (3, 7)])
def test_kernels_that_do_not_fit(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        convolve(np.zeros((4, 5, 1)), np.ones(shape))


@settings(max_examples=30, deadline=None)
@given(PIXELS, st.sampled_from([1.0, 2.2]))
def test_a_camera_at_rest_leaves_every_level(pixels: np.ndarray, gamma: float) -> None:
    assert np.array_equal(blur(pixels, np.ones((1, 1)), gamma=gamma), pixels)


@settings(max_examples=30, deadline=None)
@given(PIXELS, st.integers(0, 2**32), st.sampled_from([1.0, 2.2]))
def test_nothing_leaves_the_range_of_the_picture(pixels: np.ndarray, seed: int, gamma: float) -> None:
    """Whatever its size: much smaller than the kernel too."""
    blurred = blur(pixels, some_kernel(seed), gamma=gamma)
    assert blurred.shape == pixels.shape
    for channel in range(3):
        assert pixels[..., channel].min() <= blurred[..., channel].min()
        assert blurred[..., channel].max() <= pixels[..., channel].max()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_brightness_is_kept(seed: int) -> None:
    """Of a picture whose border is even: light that left elsewhere would be replaced by the mirror's."""
    pixels = np.full((60, 60, 3), 90, np.uint8)
    pixels[25:35, 25:35] = np.random.default_rng(seed).integers(0, 256, (10, 10, 3))
    blurred = blur(pixels, some_kernel(seed))
    assert blurred.mean() == pytest.approx(pixels.mean(), abs=0.05)


def test_nothing_comes_in_from_the_other_side() -> None:
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[:, -3:] = 255
    kernel = np.ones((1, 21)) / 21
    assert not blur(pixels, kernel)[:, :15].any()


def test_light_adds_up_brighter_than_values() -> None:
    pixels = np.zeros((9, 9, 3), np.uint8)
    pixels[:, 4] = 255
    kernel = np.ones((1, 3)) / 3
    assert blur(pixels, kernel)[4, 4, 0] == 85
    assert blur(pixels, kernel, gamma=2.2)[4, 4, 0] == round(255 * (1 / 3) ** (1 / 2.2))


def test_a_gamma_of_nothing() -> None:
    with pytest.raises(ValueError, match="gamma must be above 0"):
        blur(np.zeros((2, 2, 3), np.uint8), np.ones((1, 1)), gamma=0.0)
