"""Point spread functions: the authors' own, and what holds for all of them."""

from __future__ import annotations

import json
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from imtrans.data.prepare.blur.kernel import EXPOSURES, exposed, make_kernel, splat
from imtrans.data.prepare.blur.trajectory import Positions, draw_trajectory
from tests.data.prepare.blur.test_trajectory import GOLDEN


def ways() -> st.SearchStrategy[Positions]:
    """Short ways, some of them straight or of no length."""
    return st.builds(
        lambda seed, anxiety, length: draw_trajectory(
            np.random.default_rng(seed), anxiety=anxiety, length=length, samples=200
        ),
        st.integers(0, 2**32),
        st.sampled_from([0.0, 0.005, 0.05]),
        st.floats(0, 40),
    )


@pytest.mark.parametrize("place", range(3))
def test_light_is_spread_as_by_the_authors(place: int) -> None:
    """Where their way lies in its canvas, each exposure leaves what it leaves there."""
    with safe_open(GOLDEN, "np") as file:
        seed, anxiety = json.loads(file.metadata()["case"])["shaken"][place]
        real, imaginary = file.get_tensor(f"way.{seed}")[:, 0]
        theirs = file.get_tensor(f"spread.{seed}")
    way = draw_trajectory(cast(np.random.Generator, np.random.RandomState(seed)), anxiety=anxiety, length=28)
    for exposure, spread in zip(EXPOSURES, theirs, strict=True):
        ours = splat(way + complex(real, imaginary), exposed(len(way), exposure), *spread.shape) / len(way)
        assert np.abs(ours - spread).max() < 1e-6


@settings(max_examples=50, deadline=None)
@given(ways(), st.floats(0.001, 1))
def test_a_kernel_spreads_all_light_about_its_middle(way: Positions, exposure: float) -> None:
    kernel = make_kernel(way, exposure)
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1)
    assert all(side % 2 for side in kernel.shape)
    for axis, side in enumerate(kernel.shape):
        centre = (kernel.sum(1 - axis) * np.arange(side)).sum()
        assert centre == pytest.approx(side // 2, abs=1e-6)


def test_a_camera_at_rest_changes_nothing() -> None:
    assert make_kernel(np.zeros(50, complex)).tolist() == [[1.0]]


def test_half_a_pixel_is_shared_by_two() -> None:
    kernel = make_kernel(np.array([0, 0.5, -0.5], complex))
    assert kernel == pytest.approx(np.array([[0.25, 0.5, 0.25]]))


def test_a_shorter_exposure_reaches_less_far() -> None:
    way = draw_trajectory(np.random.default_rng(0), anxiety=0.001)
    sizes = [sum(make_kernel(way, exposure).shape) for exposure in EXPOSURES]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 500), st.floats(0.01, 1))
def test_the_shutter_is_open_for_its_share(samples: int, exposure: float) -> None:
    shares = exposed(samples, exposure)
    assert shares.sum() == pytest.approx(min(exposure * samples, samples - 1))
    assert (np.diff(shares[1:]) <= 0).all()


@pytest.mark.parametrize("exposure", [0.0, -1.0, 1.1])
def test_impossible_exposures(exposure: float) -> None:
    with pytest.raises(ValueError, match="an exposure lies"):
        make_kernel(np.zeros(3, complex), exposure)
