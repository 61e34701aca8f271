"""When networks grow, and by how much."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imtrans.train.growth import Growth

SMALL = Growth(start=8, first=10, stage=20, fade=5)


@pytest.mark.parametrize(
    ("step", "level"),
    [(0, 1), (9, 1), (10, 1), (11, 1.2), (14, 1.8), (15, 2), (29, 2), (30, 2), (31, 2.2), (35, 3), (10_000, 3)],
)
def test_stages_and_fades(step: int, level: float) -> None:
    assert SMALL.level(step, top=3) == pytest.approx(level)


@given(st.integers(0, 200), st.integers(1, 6))
def test_networks_never_shrink_and_are_grown_when_told(step: int, top: int) -> None:
    assert SMALL.level(step, top) <= SMALL.level(step + 1, top) <= top
    assert (SMALL.level(step, top) == top) == (step >= SMALL.grown(top))


def test_the_sentence_names_the_step() -> None:
    assert "from 8 to 32 pixels, which they reach in full at step 35;" in SMALL.sentence(3)
    assert "from the first step on" in Growth(start=32).sentence(3)


def test_a_fade_of_no_steps_is_a_switch() -> None:
    growth = Growth(first=2, stage=3, fade=0)
    assert [growth.level(step, 2) for step in range(7)] == [0, 0, 1, 1, 1, 2, 2]


@pytest.mark.parametrize(
    "change", [{"start": 6}, {"start": 2}, {"first": -1}, {"fade": -1}, {"stage": 0}, {"stage": 3}]
)
def test_impossible_schedules_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        Growth(**{"fade": 4, "stage": 9, **change})
