"""The way there and back."""

from __future__ import annotations

import torch

from imtrans.metrics.cycle import cycle_l1


def test_the_identity_comes_back_unchanged() -> None:
    pictures = torch.rand(3, 3, 8, 8)
    assert torch.equal(cycle_l1(pictures, lambda x: x, lambda x: x), torch.zeros(3))


def test_each_picture_has_its_own_mean_difference() -> None:
    pictures = torch.stack([torch.zeros(3, 4, 4), torch.full((3, 4, 4), 0.5)])
    differences = cycle_l1(pictures, lambda x: x * 0.5, lambda x: x + 0.1)
    torch.testing.assert_close(differences, torch.tensor([0.1, 0.15]))


def test_order_of_the_two_translators() -> None:
    """Negative, then cut off at half: there and back in this order only."""
    pictures = torch.full((1, 3, 2, 2), 0.25)
    assert cycle_l1(pictures, lambda x: 1 - x, lambda x: x.clamp(max=0.5)).item() == 0.25
    assert cycle_l1(pictures, lambda x: x.clamp(max=0.5), lambda x: 1 - x).item() == 0.5
