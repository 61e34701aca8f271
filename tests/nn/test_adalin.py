"""AdaLIN and LIN as layers."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from imtrans.nn import LIN, AdaLIN, clip_rho
from imtrans.ops import adalin, lin


def test_state_dicts_are_those_of_the_authors() -> None:
    assert {name: tuple(each.shape) for name, each in AdaLIN(6).state_dict().items()} == {"rho": (1, 6, 1, 1)}
    layer = LIN(6)
    assert {name: tuple(each.shape) for name, each in layer.state_dict().items()} == dict.fromkeys(
        ("rho", "gamma", "beta"), (1, 6, 1, 1)
    )
    assert [float(each.detach().unique()) for each in layer.parameters()] == [0.0, 1.0, 0.0]
    assert torch.equal(AdaLIN(6).rho, torch.full((1, 6, 1, 1), 0.9))


def test_adalin_computes_the_operator() -> None:
    x, gamma, beta = torch.randn(2, 6, 5, 5), torch.randn(2, 6), torch.randn(2, 6)
    layer = AdaLIN(6, activation="leaky_relu", slope=0.1, eps=1e-3, pad=2)
    want = adalin(x, torch.full((6,), 0.9), gamma, beta, x, activation="leaky_relu", slope=0.1, eps=1e-3, pad=2)
    assert torch.equal(layer(x, gamma, beta, x), want)


def test_lin_begins_as_a_layer_norm() -> None:
    x = torch.randn(2, 6, 5, 5)
    torch.testing.assert_close(LIN(6)(x), functional.layer_norm(x, (6, 5, 5)) * (149 / 150) ** 0.5)
    layer = LIN(6, activation="relu", pad=1)
    assert torch.equal(layer(x, x), lin(x, torch.zeros(6), torch.ones(6), torch.zeros(6), x, activation="relu", pad=1))


def test_all_of_it_learns() -> None:
    layer = LIN(3, activation="leaky_relu")
    layer(torch.randn(2, 3, 5, 5)).pow(3).sum().backward()
    assert all(parameter.grad.abs().min() > 0 for parameter in layer.parameters())


def test_rho_is_clipped_wherever_it_is() -> None:
    network = nn.Sequential(nn.Sequential(LIN(2)), AdaLIN(2), nn.Conv2d(1, 1, 1))
    with torch.no_grad():
        network[0][0].rho.copy_(torch.tensor([-0.5, 1.5]).view(1, 2, 1, 1))
        network[1].rho.fill_(3)
    clip_rho(network)
    assert network[0][0].rho.flatten().tolist() == [0, 1]
    assert network[1].rho.flatten().tolist() == [1, 1]


def test_shows_its_settings() -> None:
    assert repr(AdaLIN(3, activation="relu", pad=1)) == "AdaLIN(3, activation=relu, eps=1e-05, pad=1)"
