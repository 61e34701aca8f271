"""The adversarial losses against their formulas."""

from __future__ import annotations

import math

import pytest
import torch

from imtrans.train.losses import adversarial_loss

SCORES = [0.3, -1.2, 2.5, 0.0]


@pytest.mark.parametrize(("real", "target"), [(True, 1.0), (False, 0.0)])
def test_least_squares(real: bool, target: float) -> None:
    expected = sum((score - target) ** 2 for score in SCORES) / 4
    assert adversarial_loss("lsgan", torch.tensor(SCORES), real=real).item() == pytest.approx(expected)


@pytest.mark.parametrize("real", [True, False])
def test_cross_entropy(real: bool) -> None:
    chances = [1 / (1 + math.exp(-score)) for score in SCORES]
    expected = -sum(math.log(p if real else 1 - p) for p in chances) / 4
    assert adversarial_loss("vanilla", torch.tensor(SCORES), real=real).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("kind", ["lsgan", "vanilla"])
def test_half_precision_is_summed_in_full(kind: str) -> None:
    scores = torch.randn(2, 1, 30, 30, generator=torch.Generator().manual_seed(0)).bfloat16()
    loss = adversarial_loss(kind, scores, real=True)  # type: ignore[arg-type]
    assert loss.dtype == torch.float32
    assert torch.equal(loss, adversarial_loss(kind, scores.float(), real=True))  # type: ignore[arg-type]


def test_scores_far_off_do_not_overflow() -> None:
    assert math.isfinite(adversarial_loss("vanilla", torch.tensor([1e4, -1e4]), real=True))
