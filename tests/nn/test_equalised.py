"""Layers with an equalised learning rate, the pixel norm and the minibatch standard deviation, by their formulas."""

from __future__ import annotations

import math

import pytest
import torch

from imtrans.nn.equalised import EqualisedConv2d, EqualisedLinear, minibatch_stddev, pixel_norm


def test_the_factor_is_multiplied_with_weights_and_biases() -> None:
    torch.manual_seed(0)
    layer, x = EqualisedConv2d(3, 5, 3), torch.randn(2, 3, 6, 6)
    torch.nn.init.normal_(layer.module.bias)
    torch.testing.assert_close(layer(x), layer.module(x) * math.sqrt(2 / 27))


def test_layers_that_learn_slowly_begin_with_the_same_outputs() -> None:
    torch.manual_seed(0)
    layer = EqualisedLinear(400, 300, lr_multiplier=0.01)
    assert layer.module.weight.std().item() == pytest.approx(100, rel=0.02)
    assert layer(torch.randn(64, 400)).std().item() == pytest.approx(math.sqrt(2), rel=0.05)


def test_pixels_have_mean_square_one() -> None:
    normed = pixel_norm(3 * torch.randn(2, 8, 4, 4, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(normed.square().mean(1), torch.ones(2, 4, 4))


@pytest.mark.parametrize(("count", "groups"), [(8, [range(4), range(4, 8)]), (6, [range(6)]), (2, [range(2)])])
def test_pictures_are_compared_within_their_group(count: int, groups: list[range]) -> None:
    x = torch.randn(count, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    added = minibatch_stddev(x)
    assert torch.equal(added[:, :3], x)
    for group in groups:
        expected = (x[list(group)].var(0) + 1e-8).sqrt().mean()
        torch.testing.assert_close(added[list(group), 3], expected.expand(len(group), 2, 2))


def test_one_picture_differs_from_none() -> None:
    assert not minibatch_stddev(torch.ones(1, 2, 4, 4))[:, 2].any()
