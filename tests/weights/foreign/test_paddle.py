"""Paddle's names and habits, as PyTorch has them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from imtrans.errors import WeightsError
from imtrans.weights.foreign.paddle import convert


def instance_norm(scale: float = 1, bias: float = 0) -> dict[str, Tensor]:
    return {"model.2.scale": torch.full((4,), float(scale)), "model.2.bias": torch.full((4,), float(bias))}


def test_statistics_get_their_names_and_linear_layers_their_direction() -> None:
    linear = torch.arange(6.0).reshape(2, 3)
    given = {
        "norm.weight": torch.ones(3),
        "norm._mean": torch.zeros(3),
        "norm._variance": torch.ones(3),
        "fc.weight": linear,
        "rho": torch.ones(1),
    }
    found, notes = convert(given)
    assert list(found) == ["norm.weight", "norm.running_mean", "norm.running_var", "fc.weight", "rho"]
    assert torch.equal(found["fc.weight"], linear.t())
    assert any("1 linear layers" in note for note in notes)
    assert any("--norm train" in note for note in notes)


def test_frozen_instance_norms_are_dropped() -> None:
    found, notes = convert({"model.1.weight": torch.ones(4, 3, 7, 7), **instance_norm()})
    assert list(found) == ["model.1.weight"]
    assert "1 instance norms" in notes[0]


@pytest.mark.parametrize(("scale", "bias"), [(1.5, 0), (1, 0.1), (float("nan"), 0)])
def test_instance_norms_that_learned_something_are_refused(scale: float, bias: float) -> None:
    with pytest.raises(WeightsError, match=r"learned a scale or a bias \(model\.2\)") as caught:
        convert(instance_norm(scale, bias))
    assert "PaddleGAN freezes them" in caught.value.have


def test_a_scale_that_is_no_instance_norms_stays() -> None:
    given = {"up.scale": torch.ones(3, 3, 1), "up.bias": torch.ones(3), "x.scale": torch.ones(2)}
    assert convert(given)[0].keys() == given.keys()
