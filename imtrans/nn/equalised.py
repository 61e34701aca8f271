"""Layers with an *equalised learning rate*, and the pixel norm: what progressive GANs are made of.

Karras, Aila, Laine, Lehtinen: Progressive Growing of GANs, 2018, section 4, https://arxiv.org/abs/1710.10196. Adam
moves every weight by about the same amount, so all of them are drawn from N(0, 1), and what He's initialisation would
have made them is multiplied in while the layer runs. The factor is multiplied with the bias too, and keys have
``module`` in them, both as in pytorch_GAN_zoo.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2
"""Of the leaky ReLU in these networks."""


class EqualisedConv2d(nn.Module):
    """y = (x * W + b) sqrt(2 / fan_in), padded so that the size stays; W from N(0, 1), b from 0.

    Args:
        channels_in: channels of x.
        channels_out: channels of y.
        kernel_size: an odd number.
    """

    def __init__(self, channels_in: int, channels_out: int, kernel_size: int) -> None:
        super().__init__()
        self.module = nn.Conv2d(channels_in, channels_out, kernel_size, padding=kernel_size // 2)
        self.gain = _equalise(self.module)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, H, W) -> (N, channels_out, H, W)."""
        layer = self.module
        # Scaling weights costs less than scaling what comes out, and is the same.
        return functional.conv2d(x, layer.weight * self.gain, _scaled(layer.bias, self.gain), padding=layer.padding)


class EqualisedLinear(nn.Module):
    """y = (W x + b) c sqrt(2 / fan_in); W from N(0, 1) / c, b from 0.

    Args:
        features_in: numbers in x.
        features_out: numbers in y.
        lr_multiplier: c, how fast the layer learns beside others; 0.01 in StyleGAN's mapping network.
    """

    def __init__(self, features_in: int, features_out: int, lr_multiplier: float = 1.0) -> None:
        super().__init__()
        self.module = nn.Linear(features_in, features_out)
        self.gain = _equalise(self.module, lr_multiplier)

    def forward(self, x: Tensor) -> Tensor:
        """(N, features_in) -> (N, features_out)."""
        layer = self.module
        return functional.linear(x, layer.weight * self.gain, _scaled(layer.bias, self.gain))


def pixel_norm(x: Tensor) -> Tensor:
    """Each pixel's channels (dimension 1) over the root of their mean square (section 4.2)."""
    return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()


def minibatch_stddev(x: Tensor, group: int = 4) -> Tensor:
    """One more channel: how much the pictures of a group of the batch differ, the same number everywhere (section 3).

    Args:
        x: (N, C, H, W).
        group: neighbouring pictures that are compared; all N where they cannot be parted so.

    Returns:
        (N, C + 1, H, W); the new channel is 0 where a group has one picture.
    """
    count, _, height, width = x.shape
    size = min(count, group)
    size = size if count % size == 0 else count
    if size == 1:
        return torch.cat([x, x.new_zeros(count, 1, height, width)], 1)
    deviation = (x.unflatten(0, (-1, size)).var(1) + 1e-8).sqrt()
    level = deviation.mean((1, 2, 3)).repeat_interleave(size)
    return torch.cat([x, level.view(-1, 1, 1, 1).expand(-1, 1, height, width)], 1)


def _equalise(layer: nn.Conv2d | nn.Linear, lr_multiplier: float = 1.0) -> float:
    """Draw the weights, and give the factor for them at run time."""
    nn.init.normal_(layer.weight, std=1 / lr_multiplier)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return math.sqrt(2 / layer.weight[0].numel()) * lr_multiplier


def _scaled(bias: Tensor | None, gain: float) -> Tensor | None:
    return None if bias is None else bias * gain
