"""The adaptive instance norm as a layer."""

from __future__ import annotations

import torch
from torch.nn import functional

from imtrans.nn import AdaIN


def test_state_dict_is_that_of_starganv2() -> None:
    shapes = {name: tuple(each.shape) for name, each in AdaIN(4, 7).state_dict().items()}
    assert shapes == {"fc.weight": (8, 7), "fc.bias": (8,)}


def test_first_the_gammas_then_the_betas() -> None:
    torch.manual_seed(0)
    layer = AdaIN(4, 7, activation="leaky_relu", slope=0.1, pad=1)
    x, style = torch.randn(2, 4, 5, 5), torch.randn(2, 7)
    gamma, beta = layer.fc(style).view(2, 8, 1, 1).split(4, dim=1)
    want = functional.leaky_relu((1 + gamma) * functional.instance_norm(x) + beta, 0.1) + x
    torch.testing.assert_close(layer(x, style, x), functional.pad(want, (1, 1, 1, 1), mode="reflect"))


def test_shows_its_settings() -> None:
    assert repr(AdaIN(3, 2)).startswith("AdaIN(\n  3, eps=1e-05\n")
