"""Halving and doubling through a small blur, so that a shift of the input shifts the output and nothing flickers.

Zhang, "Making Convolutional Networks Shift-Invariant Again", ICML 2019. The layers are those of CUT's generator
(taesungp/contrastive-unpaired-translation, ``models/networks.py``), with the filter in the state dict as there.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def binomial_filter(channels: int, size: int) -> Tensor:
    """(channels, 1, size, size): the products of two rows of Pascal's triangle, summing to 1 in every channel."""
    row = torch.ones(1)
    for _ in range(size - 1):
        row = functional.pad(row, (0, 1)) + functional.pad(row, (1, 0))
    square = torch.outer(row, row)
    return (square / square.sum()).repeat(channels, 1, 1, 1)


class BlurDown(nn.Module):
    """Blur by 3 x 3 over a reflected border, and keep every second pixel of every second row.

    Args:
        channels: of the map.
        border: reflected pixels around the result, for a convolution without padding that comes next.
    """

    filt: Tensor

    def __init__(self, channels: int, border: int = 0) -> None:
        super().__init__()
        self.border = border
        self.register_buffer("filt", binomial_filter(channels, 3))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, ceil(H / 2), ceil(W / 2)), the border apart."""
        bordered = functional.pad(x, (1, 1, 1, 1), mode="reflect")
        halved = functional.conv2d(bordered, self.filt, stride=2, groups=len(self.filt))
        return functional.pad(halved, (self.border,) * 4, mode="reflect") if self.border else halved


class BlurUp(nn.Module):
    """Put zeros between the pixels and blur by 4 x 4 over a repeated border.

    Args:
        channels: of the map.
    """

    filt: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        # Three of four pixels are zeros, so the filter is four times as strong.
        self.register_buffer("filt", 4 * binomial_filter(channels, 4))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, 2H, 2W)."""
        bordered = functional.pad(x, (1, 1, 1, 1), mode="replicate")
        return functional.conv_transpose2d(bordered, self.filt, stride=2, padding=3, groups=len(self.filt))
