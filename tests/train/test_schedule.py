"""How the learning rate moves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imtrans.train.schedule import Schedule

SHAPES = st.sampled_from(["linear", "cosine", "constant"])


@given(SHAPES, st.integers(1, 500), st.floats(0, 1), st.integers(0, 100))
def test_the_rate_is_never_zero_and_never_above_its_own(shape: str, total: int, start: float, warmup: int) -> None:
    schedule = Schedule(shape, start, warmup)  # type: ignore[arg-type]
    factors = [schedule.factor(step, total) for step in range(total)]
    assert all(0 < factor <= 1 for factor in factors)
    after = factors[max(warmup, round(start * total)) :]
    assert after == sorted(after, reverse=True), "once it falls, it falls on"


def test_warm_up_rises_in_equal_steps() -> None:
    factors = [Schedule("constant", warmup=4).factor(step, 10) for step in range(6)]
    assert factors == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1])


def test_half_a_cosine() -> None:
    """Half-way through the fall it is one half, and the fall is symmetric about that."""
    schedule = Schedule("cosine", decay_from=0.0)
    factors = [schedule.factor(step, 99) for step in range(99)]
    assert factors[49] == pytest.approx(0.5)
    assert factors[20] + factors[78] == pytest.approx(1)
    assert factors[0] > 0.99


@pytest.mark.parametrize(("options", "words"), [({"decay_from": 2}, "decay_from"), ({"warmup": -1}, "warmup")])
def test_values_out_of_range(options: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Schedule(**options)  # type: ignore[arg-type]
