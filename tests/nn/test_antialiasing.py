"""Halving and doubling through a blur. CUT's own networks are compared in tests/plugins/test_foreign_checkpoints.py."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from imtrans.nn.antialiasing import BlurDown, BlurUp, binomial_filter


def test_filters_are_pascals_triangle() -> None:
    assert torch.equal(binomial_filter(2, 3)[1, 0] * 16, torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]))
    assert binomial_filter(1, 4)[0, 0, 0].mul(64).tolist() == [1, 3, 3, 1]


@pytest.mark.parametrize(("height", "width"), [(8, 6), (7, 5), (2, 2)])
def test_sizes(height: int, width: int) -> None:
    x = torch.randn(2, 3, height, width)
    assert BlurDown(3)(x).shape == (2, 3, (height + 1) // 2, (width + 1) // 2)
    assert BlurUp(3)(x).shape == (2, 3, 2 * height, 2 * width)


def test_a_flat_map_stays_flat() -> None:
    flat = torch.full((1, 2, 6, 6), 0.75)
    for layer in (BlurDown(2), BlurUp(2)):
        assert torch.allclose(layer(flat), torch.tensor(0.75))


def test_the_border_is_the_reflection_of_the_halved_map() -> None:
    x = torch.randn(1, 2, 8, 8)
    assert torch.equal(BlurDown(2, border=1)(x), functional.pad(BlurDown(2)(x), (1, 1, 1, 1), mode="reflect"))


def test_a_shift_by_two_shifts_the_halved_map_by_one() -> None:
    x = torch.randn(1, 1, 16, 16)
    shifted = torch.roll(x, 2, dims=3)
    inner, moved = BlurDown(1)(x)[..., 1:6], BlurDown(1)(shifted)[..., 2:7]
    assert torch.allclose(inner, moved, atol=1e-6)
