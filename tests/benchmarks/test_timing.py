"""Taking times: turns, warm-up, spread, and candidates that fail."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from clocks import processor, wall
from timing import FEWEST_SAMPLES, WARM_UPS, Timing, clocks_for, compare, reason

from imtrans.errors import BackendError


def scripted(calls: list[str]) -> Callable[[Callable[[], object]], Callable[[], float]]:
    """A clock that calls the function, and counts seconds by the calls so far."""

    def clock(function: Callable[[], object]) -> Callable[[], float]:
        def sample() -> float:
            function()
            return float(len(calls))

        return sample

    return clock


def test_quartiles_of_known_numbers() -> None:
    assert Timing.of([5.0, 1.0, 3.0, 2.0, 4.0]) == Timing(median=3, lower=2, upper=4, fastest=1, samples=5)


def test_a_long_candidate_is_sampled_as_often_as_asked() -> None:
    calls: list[str] = []
    result = compare({"a": lambda: calls.append("a")}, scripted(calls), seconds=0, fewest=2)
    assert result.timings["a"].samples == 2
    assert len(calls) == WARM_UPS + 2


def test_candidates_take_turns_after_calls_that_do_not_count() -> None:
    calls: list[str] = []
    result = compare({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, scripted(calls), seconds=0)
    assert calls == ["a"] * WARM_UPS + ["b"] * WARM_UPS + ["a", "b"] * FEWEST_SAMPLES
    first = 2 * WARM_UPS + 1
    assert result.timings["a"].fastest == first
    assert result.timings["b"].fastest == first + 1
    assert result.timings["a"].samples == FEWEST_SAMPLES


def test_settling_calls_twice_and_counts_the_second() -> None:
    calls: list[str] = []
    result = compare({"a": lambda: calls.append("a")}, scripted(calls), seconds=0, settle=0)
    assert len(calls) == WARM_UPS + 2 * FEWEST_SAMPLES
    assert result.timings["a"].fastest == WARM_UPS + 2


def test_a_candidate_that_cannot_run_leaves_its_reason() -> None:
    def fails() -> None:
        raise RuntimeError("double backward is not there. Try something else.\nMore.")

    result = compare({"good": lambda: None, "bad": fails}, wall, seconds=0)
    assert set(result.timings) == {"good"}
    assert result.impossible == {"bad": "double backward is not there"}


def test_what_is_measured_may_not_fail() -> None:
    def fails() -> None:
        raise BackendError("no kernel.")

    with pytest.raises(BackendError, match="no kernel"):
        compare({"fused": fails}, wall, seconds=0)


def test_nothing_to_measure_ends() -> None:
    assert compare({}, wall, seconds=10).timings == {}


@pytest.mark.parametrize("clock", [wall, processor])
def test_clocks_give_the_time_of_a_call(clock: Callable[[Callable[[], object]], Callable[[], float]]) -> None:
    assert clock(lambda: sum(range(100_000)))() > 0


def test_an_exception_without_words_has_its_name() -> None:
    assert reason(KeyError()) == "KeyError"


def test_the_cpu_has_one_clock() -> None:
    assert list(clocks_for(torch.device("cpu"))) == ["wall"]
    assert list(clocks_for(torch.device("cpu"), cpu_time=True)) == ["processor"]
