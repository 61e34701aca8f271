"""Distances of pixels against Python's own arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from imtrans.errors import UsageError
from imtrans.train.losses import charbonnier_loss, l1_loss, l2_loss, total_variation

DISTANCES = (l1_loss, l2_loss, charbonnier_loss)
rows = st.lists(st.tuples(st.floats(-3, 3), st.floats(-3, 3)), min_size=1, max_size=12)


@given(rows)
def test_values(pairs: list[tuple[float, float]]) -> None:
    x, y = (torch.tensor(column, dtype=torch.float64) for column in zip(*pairs, strict=True))
    differences = [a - b for a, b in pairs]
    count = len(pairs)
    assert l1_loss(x, y).item() == pytest.approx(sum(map(abs, differences)) / count, rel=1e-12)
    assert l2_loss(x, y).item() == pytest.approx(sum(d * d for d in differences) / count, rel=1e-12)
    wanted = sum(math.sqrt(d * d + 1e-6) for d in differences) / count
    assert charbonnier_loss(x, y).item() == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("distance", DISTANCES)
def test_gradients(distance: Callable[[Tensor, Tensor], Tensor]) -> None:
    x, y = (torch.randn(2, 3, 2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert gradcheck(distance, (x, y))
    assert gradgradcheck(distance, (x, y))


def test_charbonnier_is_smooth_where_l1_is_not() -> None:
    x = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda a: charbonnier_loss(a, torch.zeros(3)), (x,))
    assert charbonnier_loss(x, x).item() == pytest.approx(1e-3)


@pytest.mark.parametrize("distance", DISTANCES)
def test_half_precision_and_nan(distance: Callable[[Tensor, Tensor], Tensor]) -> None:
    x, y = torch.rand(1, 3, 64, 64).bfloat16(), torch.rand(1, 3, 64, 64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = distance(x, y)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(distance(x.double(), y.double()).item(), rel=1e-5)
    assert distance(x, torch.full_like(x, math.nan)).isnan()


def test_total_variation_by_hand() -> None:
    x = torch.tensor([[0.0, 1.0, 3.0], [5.0, 5.0, 5.0]], dtype=torch.float64).view(1, 1, 2, 3)
    assert total_variation(x).item() == pytest.approx((5 + 4 + 2) / 3 + (1 + 2) / 4)
    assert total_variation(x, power=2).item() == pytest.approx((25 + 16 + 4) / 3 + (1 + 4) / 4)


@given(st.floats(-2, 2))
def test_a_flat_picture_has_no_variation(value: float) -> None:
    assert total_variation(torch.full((2, 3, 4, 5), value)).item() == 0


@pytest.mark.parametrize("power", [1, 2])
def test_total_variation_gradients(power: int) -> None:
    x = torch.randn(1, 2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda a: total_variation(a, power), (x,))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: l1_loss(torch.ones(1, 3, 4, 4), torch.ones(1, 1, 4, 4)), r"\(1, 3, 4, 4\) and \(1, 1, 4, 4\)"),
        (lambda: l2_loss(torch.ones(0, 3), torch.ones(0, 3)), "no pixels"),
        (lambda: charbonnier_loss(torch.ones(1), torch.ones(1), 0), "epsilon above 0"),
        (lambda: total_variation(torch.ones(1, 3, 1, 4)), "have none"),
        (lambda: total_variation(torch.ones(4)), "have none"),
        (lambda: total_variation(torch.ones(0, 3, 4, 4)), "have none"),
    ],
)
def test_what_cannot_be_meant_is_said_in_words(call: Callable[[], object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        call()
