"""Weights that anyone can make again, in any framework: waves, scaled so that values neither fade nor explode."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def fill_with_waves(network: nn.Module) -> None:
    """Fill every tensor of the network, in the order of its keys' names."""
    state = network.state_dict()
    for index, key in enumerate(sorted(state)):
        state[key].copy_(_waves(key, state[key], index))


def _waves(key: str, tensor: Tensor, index: int) -> Tensor:
    if not tensor.is_floating_point():
        return torch.zeros_like(tensor)
    wave = torch.sin(torch.arange(tensor.numel(), dtype=torch.float64) * 1.7 + index).view(tensor.shape)
    if tensor.ndim > 1:
        return wave * (4 / tensor[0].numel()) ** 0.5
    if key.endswith(("running_var", "bn.weight")):
        return 1 + 0.5 * wave
    return 0.1 * wave


def picture(height: int, width: int) -> Tensor:
    """8-bit levels (1, 3, height, width), uint8, that change slowly and fast."""
    place = torch.arange(3 * height * width, dtype=torch.float64).view(1, 3, height, width)
    return ((torch.sin(place * 0.013) + torch.sin(place * 0.41)) * 60 + 128).round().to(torch.uint8)
