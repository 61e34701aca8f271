"""Line drawings: what the filter promises, and the pairs that are made with it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imtrans.data.prepare.outlines import OutlineSettings, draw, gaussian, make_pairs, outlines
from imtrans.errors import ConfigError, InputError


def noise(seed: int, height: int = 14, width: int = 17) -> np.ndarray:
    return np.random.default_rng(seed).random((height, width), dtype=np.float32)


@given(st.floats(0, 1, width=32), st.floats(0.3, 4))
@settings(max_examples=20, deadline=None)
def test_a_flat_picture_gives_white(level: float, sigma: float) -> None:
    assert np.all(outlines(np.full((12, 9), level, np.float32), sigma) == 1)


@given(st.integers(0, 1000), st.floats(0.3, 3))
@settings(max_examples=20, deadline=None)
def test_a_mirrored_picture_gives_the_mirrored_drawing(seed: int, sigma: float) -> None:
    plane = noise(seed)
    assert np.allclose(outlines(plane[:, ::-1], sigma)[:, ::-1], outlines(plane, sigma), atol=1e-3)


@given(st.integers(0, 1000), st.floats(0, 0.2), st.floats(0, 0.2))
@settings(max_examples=20, deadline=None)
def test_a_higher_threshold_is_nowhere_darker(seed: int, one: float, other: float) -> None:
    low, high = (outlines(noise(seed), 1.0, threshold=threshold) for threshold in sorted((one, other)))
    assert np.all(high >= low - 1e-6)
    assert low.min() >= 0
    assert high.max() <= 1


def test_lines_lie_on_the_dark_side_of_an_edge() -> None:
    plane = np.repeat(np.float32([0.2, 0.8]), 20)[None].repeat(30, axis=0)
    drawn = outlines(plane, 1.0)
    assert drawn[:, 19].max() < 0.01
    assert drawn[:, 20:].min() == 1
    assert drawn[:, :10].min() == 1


def test_a_gaussian_has_its_sigma_and_its_sum() -> None:
    plane = np.zeros((41, 41), np.float32)
    plane[20, 20] = 1
    smooth = gaussian(plane, 3.0)
    assert smooth.sum() == pytest.approx(1, abs=1e-5)
    assert smooth[20, 23] / smooth[20, 20] == pytest.approx(np.exp(-0.5), abs=1e-5)


def test_pairs_are_parts_of_one_drawing() -> None:
    picture = Image.fromarray((noise(3, 40, 48)[..., None].repeat(3, 2) * 255).astype(np.uint8))
    wanted = OutlineSettings(width=0.05, crop=16, crops=3, seed=4)
    pairs = list(make_pairs(picture, "a.png", wanted))
    assert [pair[0].size for pair in pairs] == [(16, 16)] * 3
    whole, pixels = np.asarray(draw(picture, wanted)), np.asarray(picture)
    for drawn, part in pairs:
        places = [(y, x) for y in range(25) for x in range(33) if np.array_equal(pixels[y : y + 16, x : x + 16], part)]
        ((y, x),) = places
        assert np.array_equal(whole[y : y + 16, x : x + 16], drawn)
    with pytest.raises(InputError, match="too few for parts of 64 x 64"):
        list(make_pairs(picture, "a.png", OutlineSettings(crop=64)))


@pytest.mark.parametrize(
    ("name", "value"), [("width", 0), ("threshold", -1), ("steepness", 0), ("crops", 0), ("crops", 2), ("seed", -1)]
)
def test_numbers_that_cannot_be_meant(name: str, value: float) -> None:
    with pytest.raises(ConfigError):
        OutlineSettings(**{name: value})  # type: ignore[arg-type]
