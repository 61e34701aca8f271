"""Which of two numbers is better."""

from __future__ import annotations

from imtrans.metrics.evaluator import is_better


def test_higher_and_lower() -> None:
    assert is_better(2.0, 1.0, higher=True)
    assert not is_better(2.0, 1.0, higher=False)
    assert is_better(1.0, 2.0, higher=False)
    assert not is_better(1.0, 1.0, higher=True)


def test_the_first_number_beats_none_and_nan_beats_nothing() -> None:
    nan = float("nan")
    assert is_better(1.0, None, higher=True)
    assert is_better(1.0, nan, higher=True)
    assert not is_better(nan, None, higher=True)
    assert not is_better(nan, 1.0, higher=False)
