"""Soft-AdaLIN as a layer."""

from __future__ import annotations

import torch

from imtrans.nn import SoftAdaLIN
from imtrans.ops import adalin


def test_state_dict_is_that_of_photo2cartoon() -> None:
    shapes = {name: tuple(each.shape) for name, each in SoftAdaLIN(4).state_dict().items()}
    layers = {f"{name}.{i}": None for name in ("c_gamma", "c_beta") for i in (0, 2)} | {"s_gamma": None, "s_beta": None}
    want = {"norm.rho": (1, 4, 1, 1), "w_gamma": (1, 4), "w_beta": (1, 4)}
    want |= {f"{layer}.weight": (4, 4) for layer in layers} | {f"{layer}.bias": (4,) for layer in layers}
    assert shapes == want


def test_mixes_content_and_style() -> None:
    torch.manual_seed(0)
    layer = SoftAdaLIN(4, activation="relu", pad=1)
    torch.nn.init.uniform_(layer.w_gamma)
    torch.nn.init.uniform_(layer.w_beta)
    x, content, style = torch.randn(2, 4, 5, 5), torch.randn(2, 4), torch.randn(2, 4)
    gamma = (1 - layer.w_gamma) * layer.s_gamma(style) + layer.w_gamma * layer.c_gamma(content)
    beta = (1 - layer.w_beta) * layer.s_beta(style) + layer.w_beta * layer.c_beta(content)
    want = adalin(x, layer.norm.rho.flatten(), gamma, beta, x, activation="relu", pad=1)
    torch.testing.assert_close(layer(x, content, style, x), want)


def test_learns_under_autocast() -> None:
    layer = SoftAdaLIN(4)
    x, content, style = torch.randn(2, 4, 5, 5), torch.randn(2, 4), torch.randn(2, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = layer(x.bfloat16(), content, style)
    assert y.dtype == torch.bfloat16
    y.float().pow(3).sum().backward()
    assert layer.s_gamma.weight.grad.abs().max() > 0
    assert layer.w_gamma.grad.abs().max() > 0
