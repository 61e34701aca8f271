"""Names of metrics, and what a number says of itself."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imtrans.errors import UnknownNameError
from imtrans.metrics.scores import (
    METRICS,
    Score,
    chosen_metrics,
    json_number,
    mean_and_spread,
    shown_number,
    sizes_in_words,
)


def test_names() -> None:
    assert [metric.name for metric in chosen_metrics("PSNR, ms_ssim,psnr")] == ["psnr", "ms-ssim"]
    assert {metric.name for metric in METRICS.values() if metric.higher_is_better} == {
        "psnr",
        "ssim",
        "ms-ssim",
        "domain",
    }


def test_wrong_names() -> None:
    with pytest.raises(UnknownNameError, match="there is no metric called 'ssimm'") as raised:
        chosen_metrics("psnr,ssimm")
    assert "Did you mean 'ssim'?" in raised.value.have
    with pytest.raises(UnknownNameError, match="no metric is named"):
        chosen_metrics(" , ")


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_json_holds_every_number(value: float) -> None:
    text = json.dumps(json_number(value), allow_nan=False)
    back = float(json.loads(text))
    assert back == value or (math.isnan(back) and math.isnan(value))


def test_json_of_a_score() -> None:
    score = Score("psnr", "PSNR (dB)", math.inf, True, baseline=20.0, notes=("equal",))
    record = score.to_json()
    assert record["value"] == "Infinity"
    assert record["baseline"] == 20.0
    assert record["spread"] is None
    json.dumps(record, allow_nan=False)


def test_numbers_in_tables() -> None:
    assert [shown_number(value) for value in (None, math.inf, -math.inf, 21.456, 0.03156, -0.5)] == [
        "-",
        "∞",
        "-∞",
        "21.46",
        "0.0316",
        "-0.5000",
    ]


def test_mean_and_spread() -> None:
    assert mean_and_spread([]) == (None, None)
    assert mean_and_spread([3.0]) == (3.0, None)
    assert mean_and_spread([1.0, 3.0]) == (2.0, pytest.approx(2**0.5))
    assert mean_and_spread([1.0, math.inf]) == (math.inf, None)


def test_sizes() -> None:
    assert sizes_in_words([]) == ""
    assert sizes_in_words([(3, 4), (3, 4)]) == "3 x 4"
    assert sizes_in_words([(30, 40), (10, 2), (5, 5)]) == "3 sizes from 10 x 2 to 30 x 40"
