"""The instance norm as a layer."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from imtrans.nn import InstanceNorm2d


@pytest.mark.parametrize("affine", [True, False])
def test_takes_the_place_of_torchs_layer(affine: bool) -> None:
    torch.manual_seed(0)
    ours, theirs = InstanceNorm2d(6, affine=affine), nn.InstanceNorm2d(6, affine=affine)
    if affine:
        nn.init.normal_(theirs.weight)
        nn.init.normal_(theirs.bias)
    ours.load_state_dict(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 6, 7, 8)
    torch.testing.assert_close(ours(x), theirs(x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("affine", [True, False])
def test_state_dict(affine: bool) -> None:
    layer = InstanceNorm2d(4, affine=affine)
    assert list(layer.state_dict()) == (["weight", "bias"] if affine else [])
    assert [parameter.shape for parameter in layer.parameters()] == ([(4,), (4,)] if affine else [])


def test_running_statistics_are_not_swallowed() -> None:
    old = nn.InstanceNorm2d(4, track_running_stats=True).state_dict()
    with pytest.raises(RuntimeError, match="running_mean"):
        InstanceNorm2d(4).load_state_dict(old)


def test_activation_then_residual() -> None:
    torch.manual_seed(0)
    x, residual = torch.randn(2, 3, 5, 5), torch.randn(2, 3, 5, 5)
    layer = InstanceNorm2d(3, activation="leaky_relu", slope=0.1)
    want = functional.leaky_relu(functional.instance_norm(x), 0.1) + residual
    torch.testing.assert_close(layer(x, residual), want, atol=1e-5, rtol=1e-5)


def test_border() -> None:
    x = torch.randn(2, 3, 5, 5)
    layer = InstanceNorm2d(3, activation="relu", pad=2)
    want = functional.pad(functional.instance_norm(x).relu(), (2, 2, 2, 2), mode="reflect")
    torch.testing.assert_close(layer(x), want, atol=1e-5, rtol=1e-5)


def test_training_and_evaluation_are_alike() -> None:
    layer, x = InstanceNorm2d(3), torch.randn(2, 3, 5, 5)
    assert torch.equal(layer.train()(x), layer.eval()(x))


def test_learns() -> None:
    layer = InstanceNorm2d(3, affine=True, activation="relu")
    layer(torch.randn(2, 3, 5, 5)).square().sum().backward()
    assert layer.weight.grad.abs().min() > 0
    assert layer.bias.grad.abs().min() > 0


def test_shows_its_settings() -> None:
    assert repr(InstanceNorm2d(3)) == "InstanceNorm2d(3, affine=False, eps=1e-05)"
    layer = InstanceNorm2d(3, affine=True, activation="leaky_relu")
    assert "activation=leaky_relu, slope=0.2" in repr(layer)
    assert repr(InstanceNorm2d(3, pad=1)) == "InstanceNorm2d(3, affine=False, eps=1e-05, pad=1)"
