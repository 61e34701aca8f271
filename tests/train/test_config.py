"""Settings that every training has."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imtrans.config import override
from imtrans.errors import ConfigError
from imtrans.train.config import TrainConfig


@given(
    total=st.integers(1, 5000),
    decay_from=st.floats(0, 1),
)
def test_the_rate_is_constant_and_then_falls_in_equal_steps(total: int, decay_from: float) -> None:
    config = TrainConfig(decay_from=decay_from)
    factors = [config.learning_rate.factor(step, total) for step in range(total)]
    constant = round(decay_from * total)
    # At the step before the fall begins the authors' rule gives 1 as well, or one step less where all of it decays.
    assert factors[:constant] == [1.0] * constant
    falls = [a - b for a, b in zip([1.0, *factors[constant:]], factors[constant:], strict=False)]
    assert falls == pytest.approx([1 / (total - constant + 1)] * len(falls))
    assert all(0 < factor <= 1 for factor in factors)


def test_the_schedule_is_the_authors() -> None:
    """100 constant and 100 decaying epochs; lambda_rule: 1 - max(0, epoch + 1 - 100) / 101."""
    config = TrainConfig()
    for epoch in range(200):
        assert config.learning_rate.factor(epoch, 200) == 1 - max(0, epoch + 1 - 100) / 101


@pytest.mark.parametrize(("settings", "expected"), [({}, 200 * 7), ({"batch_size": 3}, 467), ({"epochs": 1}, 7)])
def test_batches_of_a_run(settings: dict[str, int], expected: int) -> None:
    assert TrainConfig(**settings).total_batches(7) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("epochs=0", "epochs must be at least 1, not 0"),
        ("steps=0", "steps must be at least 1"),
        ("batch_size=-1", "batch_size must be at least 1"),
        ("log_every=0", "log_every must be at least 1"),
        ("keep=0", "keep must be at least 1"),
        ("workers=-1", "workers must not be negative"),
        ("decay_from=1.5", "decay_from must lie in 0..1"),
        ("decay_from=nan", "decay_from must be a number, not nan"),
        ("seed=-1", "seed must lie in"),
        ("seed=99999999999999999999", "seed must lie in"),
        ("precision=fp8", "precision must be 'auto', 'fp32', 'bf16' or 'fp16'"),
        ("backend=fast", "backend must be 'auto', 'fused' or 'reference'"),
        ("accumulate=2", r"batch_size (1) must be a multiple of accumulate (2)"),
        ("warmup=-1", "warmup must not be negative"),
        ("clip_norm=-1", "clip_norm must be 0 or a positive number"),
        ("ema=1", "ema must lie in 0..1 without 1"),
        ("ema_half_life=-1", "ema_half_life must be 0 or a positive number"),
        ("ema_ramp_up=0.1", "ema_ramp_up bounds ema_half_life"),
        ("evaluate_every=-1", "evaluate_every must not be negative"),
        ("schedule=step", "schedule must be 'linear', 'cosine' or 'constant'"),
        ("steps=many", "steps must be a whole number or none"),
    ],
)
def test_values_out_of_range(setting: str, words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        override(TrainConfig(), [setting])


@pytest.mark.parametrize(("cache", "expected"), [("0", 0), ("2GB", 2_000_000_000)])
def test_the_cache_in_bytes(cache: str, expected: int) -> None:
    assert TrainConfig(cache=cache).cache_bytes == expected


def test_a_cache_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="written like 2GB"):
        TrainConfig(cache="plenty")
    with pytest.raises(ValueError, match="prefetch must be at least 1"):
        TrainConfig(prefetch=0)
