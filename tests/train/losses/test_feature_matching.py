"""pix2pixHD's feature matching."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from imtrans.errors import UsageError
from imtrans.train.losses import feature_matching_loss


def maps(*values: float) -> list[Tensor]:
    return [torch.full((1, 2, 3, 3), value, dtype=torch.float64, requires_grad=True) for value in values]


def test_weights_are_the_authors() -> None:
    """Two scales with two inner maps each: 4 / 2 a scale, 1 / 2 for two scales; the scores (9) do not count."""
    fake, real = [maps(1, 2, 9), maps(5, 5, 9)], [maps(0, 0, 0), maps(4, 3, 0)]
    assert feature_matching_loss(fake, real).item() == pytest.approx((2 * (1 + 2) + 2 * (1 + 2)) / 2)


def test_four_inner_maps_are_a_plain_sum() -> None:
    assert feature_matching_loss([maps(1, 2, 3, 4, 0)], [maps(0, 0, 0, 0, 0)]).item() == pytest.approx(10)


def test_only_the_fakes_learn() -> None:
    fake, real = maps(1, 9), maps(0, 9)
    feature_matching_loss([fake], [real]).backward()
    assert fake[0].grad is not None
    assert real[0].grad is None
    assert fake[1].grad is None


@pytest.mark.parametrize(
    ("fake", "real", "words"),
    [
        ([], [], "0 scales of fakes"),
        ([maps(1, 2)], [], "1 scales of fakes and 0"),
        ([maps(1, 2, 3)], [maps(1, 2)], "scale 0 has 3 maps of fakes and 2"),
        ([maps(1)], [maps(1)], "one inner map at least"),
        ([[torch.ones(1, 2), torch.ones(1)]], [[torch.ones(1, 3), torch.ones(1)]], "cannot be compared"),
    ],
)
def test_what_does_not_match_is_said_in_words(fake: list[list[Tensor]], real: list[list[Tensor]], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        feature_matching_loss(fake, real)
