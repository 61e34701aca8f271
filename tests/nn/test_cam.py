"""Class activation maps: what is weighted, by what, and what the classifier says."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from imtrans.nn.cam import class_logits, heatmap_of, learnt_weight, weighted_maps
from imtrans.nn.spectral_norm import spectral_norm


@given(st.integers(1, 3), st.integers(1, 6), st.integers(1, 5), st.booleans(), st.booleans())
@settings(deadline=None, max_examples=20)
def test_weighting_first_and_mixing_then_is_the_same(count: int, width: int, side: int, bias: bool, norm: bool) -> None:
    """The paper weighs the maps twice, puts them side by side and mixes those."""
    torch.manual_seed(width)
    heads = [nn.Linear(width, 1, bias=bias).double() for _ in range(2)]
    if norm:
        heads = [spectral_norm(head) for head in heads]
    mix = nn.Conv2d(2 * width, width, 1).double()
    features = torch.randn(count, width, side, side + 1, dtype=torch.float64)
    drawn = torch.cat([features * learnt_weight(head)[..., None, None] for head in heads], dim=1)
    torch.testing.assert_close(weighted_maps(features, *heads, mix), mix(drawn))


@pytest.mark.parametrize("bias", [False, True])
def test_under_spectral_norm_maps_go_by_the_weight_before_it_and_logits_by_the_one_behind(bias: bool) -> None:
    head = spectral_norm(nn.Linear(8, 1, bias=bias)).eval()
    assert learnt_weight(head) is dict(head.named_parameters())["parametrizations.weight.original"]
    assert not learnt_weight(head).equal(head.weight)
    logits = class_logits(torch.ones(1, 8, 3, 3), head, head)
    expected = head(torch.ones(1, 8))
    torch.testing.assert_close(logits, torch.cat([expected, expected], dim=1))


def test_the_classifier_sees_averages_and_maxima() -> None:
    features = torch.tensor([[[[0.0, 4.0]], [[2.0, 2.0]]]])
    heads = [nn.Linear(2, 1, bias=False) for _ in range(2)]
    for head in heads:
        nn.init.constant_(head.weight, 1)
    assert class_logits(features, *heads).tolist() == [[4.0, 6.0]]


def test_the_heatmap_is_brightest_where_most_maps_are() -> None:
    maps = torch.zeros(1, 3, 2, 2)
    maps[0, :, 1, 0] = torch.tensor([1.0, 2.0, 3.0])
    assert heatmap_of(maps).tolist() == [[[[0.0, 0.0], [6.0, 0.0]]]]
