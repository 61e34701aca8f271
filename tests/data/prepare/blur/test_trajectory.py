"""Ways of a shaking camera: the authors' own, and what holds for all of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from imtrans.data.prepare.blur.trajectory import ANXIETIES, draw_trajectory

GOLDEN = Path(__file__).parents[3] / "plugins" / "golden" / "deblurgan-blur.safetensors"


def test_the_way_is_the_authors() -> None:
    """From the same random numbers; they move the finished way into the middle of a canvas, ours starts at 0."""
    with safe_open(GOLDEN, "np") as file:
        case: dict[str, Any] = json.loads(file.metadata()["case"])
        for seed, anxiety in case["shaken"]:
            drawn = cast(np.random.Generator, np.random.RandomState(seed))
            ours = draw_trajectory(drawn, anxiety=anxiety, length=28)[:: case["every"]]
            real, imaginary = file.get_tensor(f"way.{seed}")
            theirs = real + 1j * imaginary
            assert np.abs(ours - (theirs - theirs[0])).max() < 1e-9


@settings(max_examples=30, deadline=None)
@example(seed=0, anxiety=5e-324, length=1.0, samples=2)
@given(st.integers(0, 2**32), st.floats(0, 0.1), st.floats(0, 200), st.integers(2, 300))
def test_every_way_has_its_length_at_one_speed(seed: int, anxiety: float, length: float, samples: int) -> None:
    way = draw_trajectory(np.random.default_rng(seed), anxiety=anxiety, length=length, samples=samples)
    assert way.shape == (samples,)
    assert way[0] == 0
    assert np.abs(np.diff(way)) == pytest.approx(length / (samples - 1), rel=1e-6, abs=1e-9)


def test_a_calm_hand_moves_in_a_straight_line() -> None:
    way = draw_trajectory(np.random.default_rng(1), anxiety=0.0, length=10.0)
    assert abs(way[-1]) == pytest.approx(10.0)


def test_an_anxious_hand_ends_nearer_to_where_it_began() -> None:
    def mean_distance(anxiety: float) -> float:
        ways = (draw_trajectory(np.random.default_rng(seed), anxiety=anxiety) for seed in range(20))
        return float(np.mean([abs(way[-1]) for way in ways]))

    assert mean_distance(0.001) > mean_distance(max(ANXIETIES)) + 5


@pytest.mark.parametrize("wrong", [{"anxiety": -0.1}, {"length": -1.0}, {"samples": 1}, {"anxiety": float("nan")}])
def test_numbers_that_mean_no_way(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no way has"):
        draw_trajectory(np.random.default_rng(0), **wrong)
