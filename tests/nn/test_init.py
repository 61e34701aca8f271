"""Initial weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from imtrans.nn.init import init_normal


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize(
    "layer", [nn.Conv2d(64, 64, 5), nn.ConvTranspose2d(64, 64, 5), nn.Linear(300, 300), nn.Conv1d(100, 300, 3)]
)
@pytest.mark.parametrize("std", [0.02, 0.1])
def test_weights_are_normal(layer: nn.Module, std: float) -> None:
    init_normal(layer, std)
    weight = layer.weight.detach().flatten()
    # Of n draws, the mean has standard deviation std / sqrt(n), the standard deviation std / sqrt(2n); 5 of each.
    count = weight.numel()
    assert abs(weight.mean()) < 5 * std / count**0.5
    assert weight.std() == pytest.approx(std, rel=5 / (2 * count) ** 0.5)
    within = (weight.abs() < std).float().mean()
    assert within == pytest.approx(0.6827, abs=0.01)  # a normal distribution, not a uniform one of that deviation
    assert not layer.bias.any()


def test_batch_norm_starts_near_one() -> None:
    norm = nn.BatchNorm2d(4096)
    init_normal(nn.Sequential(norm))
    weight = norm.weight.detach()
    assert weight.mean() == pytest.approx(1, abs=5 * 0.02 / 64)
    assert weight.std() == pytest.approx(0.02, rel=0.1)
    assert not norm.bias.any()


def test_layers_without_weights_are_left_alone() -> None:
    network = nn.Sequential(nn.Conv2d(3, 3, 1, bias=False), nn.InstanceNorm2d(3), nn.BatchNorm2d(3, affine=False))
    init_normal(network)
    assert network[0].bias is None


def test_cyclegan_is_drawn_so() -> None:
    from imtrans import registry
    from imtrans.config import override

    card = registry.find("cyclegan")
    assert card.method is not None
    assert card.method_config is not None
    settings = ["generator.ngf=16", "generator.blocks=2", "discriminator.ndf=16"]
    method = card.method.load()(override(card.method_config.load()(), settings))
    for name, parameter in method.networks.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any(), name
        else:
            deviations = 5 / (2 * parameter.numel()) ** 0.5
            assert parameter.detach().std() == pytest.approx(0.02, rel=deviations), name
