"""mmagic's keys and channels, as the authors have them. The golden files hold whole networks; here are the corners."""

from __future__ import annotations

import torch
from torch import Tensor

from imtrans.weights.foreign.mmagic import applies, convert


def resnet(**more: Tensor) -> dict[str, Tensor]:
    return {
        "model.0.conv.weight": torch.randn(4, 3, 7, 7),
        "model.0.bn.running_mean": torch.zeros(4),
        "model.1.conv.weight": torch.randn(8, 4, 3, 3),
        "model.2.conv.weight": torch.randn(16, 8, 3, 3),
        "model.3.conv.weight": torch.randn(16, 8, 3, 3),
        "model.4.conv.weight": torch.randn(8, 4, 3, 3),
        "model.5.conv.weight": torch.randn(3, 4, 7, 7),
        "model.5.conv.bias": torch.randn(3),
        **more,
    }


def test_only_its_own_keys_are_taken() -> None:
    assert applies(resnet())
    assert not applies({"model.1.weight": 0, "model.19.conv.weight": 0})
    assert not applies({"model.model.0.weight": 0, "model.model.3.conv.weight": 0})


def test_a_network_without_blocks_and_keys_that_are_strange() -> None:
    found, notes = convert(resnet(stranger=torch.ones(1)))
    assert list(found) == [
        "model.1.weight",
        "model.2.running_mean",
        *(f"model.{place}.weight" for place in (4, 7, 10, 13, 17)),
        "model.17.bias",
        "stranger",
    ]
    assert not any("padding" in note for note in notes)


def test_red_and_blue_are_exchanged_at_both_ends_unless_told_otherwise() -> None:
    given = resnet()
    turned, notes = convert(given)
    assert torch.equal(turned["model.1.weight"], given["model.0.conv.weight"].flip(1))
    assert torch.equal(turned["model.17.weight"], given["model.5.conv.weight"].flip(0))
    assert torch.equal(turned["model.17.bias"], given["model.5.conv.bias"].flip(0))
    assert any("BGR" in note for note in notes)
    kept, notes = convert(given, bgr=False)
    assert torch.equal(kept["model.17.weight"], given["model.5.conv.weight"])
    assert not any("BGR" in note for note in notes)


def test_grey_ends_have_nothing_to_exchange() -> None:
    grey = resnet() | {"model.0.conv.weight": torch.randn(4, 1, 7, 7), "model.5.conv.weight": torch.randn(1, 4, 7, 7)}
    grey.pop("model.5.conv.bias")
    found, notes = convert(grey)
    assert torch.equal(found["model.1.weight"], grey["model.0.conv.weight"])
    assert not any("BGR" in note for note in notes)
