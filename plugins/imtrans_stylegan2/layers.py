"""Layers with an *equalised learning rate*: weights are drawn from N(0, 1) and scaled while the layer runs.

Karras et al., "Progressive Growing of GANs", 2018, section 4.1: Adam moves every weight by about the same amount, so
they should all be of the same size; what a layer needs them to be is multiplied in at run time. Names of parameters
are those of NVIDIA's stylegan2-ada-pytorch.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from imtrans.ops.bias_act import StyleActivation, bias_act
from imtrans.ops.conv2d_resample import conv2d_resample


def low_pass() -> Tensor:
    """The filter of every change of resolution, (4, 4): a binomial one, whose sum is 1."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    return torch.outer(taps, taps)


def normalise_second_moment(x: Tensor) -> Tensor:
    """Each row (N, D) over the root of its mean square."""
    return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()


class FullyConnected(nn.Module):
    """y = act(x W^T lr / sqrt(D_in) + b lr), with W from N(0, 1) / lr.

    Args:
        in_features: D_in.
        out_features: D_out.
        activation: ``"linear"`` or ``"lrelu"``.
        lr_multiplier: how fast the layer learns beside others; 0.01 in mapping networks.
        bias_init: what the bias begins with; 1 where the output is to scale something.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        activation: StyleActivation = "linear",
        lr_multiplier: float = 1.0,
        bias_init: float = 0.0,
    ) -> None:
        super().__init__()
        self.activation, self.lr_multiplier = activation, lr_multiplier
        self.weight_gain = lr_multiplier / math.sqrt(in_features)
        self.weight = nn.Parameter(torch.randn(out_features, in_features) / lr_multiplier)
        self.bias = nn.Parameter(torch.full((out_features,), bias_init))

    def forward(self, x: Tensor) -> Tensor:
        """(N, D_in) -> (N, D_out)."""
        weight, bias = self.weight * self.weight_gain, self.bias * self.lr_multiplier
        if self.activation == "linear":
            return functional.linear(x, weight, bias)
        return bias_act(functional.linear(x, weight), bias, activation=self.activation)


class Convolution(nn.Module):
    """Low-pass filter and drop every second pixel (``down=2``), convolve, add a bias, activate, clamp.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        kernel_size: 1 or 3.
        bias: whether there is one.
        activation: ``"linear"`` or ``"lrelu"``.
        down: 1, or 2 for half the resolution.
        clamp: bound of the activations; 0 for none.
    """

    resample_filter: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        bias: bool = True,
        activation: StyleActivation = "lrelu",
        down: int = 1,
        clamp: float = 0.0,
    ) -> None:
        super().__init__()
        self.activation, self.down, self.clamp = activation, down, clamp
        self.padding = kernel_size // 2
        self.weight_gain = 1 / math.sqrt(in_channels * kernel_size**2)
        self.act_gain = math.sqrt(2) if activation == "lrelu" else 1.0
        self.register_buffer("resample_filter", low_pass())
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None

    def forward(self, x: Tensor, gain: float = 1.0) -> Tensor:
        """(N, C_in, H, W) -> (N, C_out, H / down, W / down), times ``gain``."""
        x = conv2d_resample(
            x,
            (self.weight * self.weight_gain).to(x.dtype),
            self.resample_filter,
            down=self.down,
            padding=self.padding,
        )
        clamp = self.clamp * gain if self.clamp else None
        return bias_act(x, self.bias, activation=self.activation, gain=self.act_gain * gain, clamp=clamp)
