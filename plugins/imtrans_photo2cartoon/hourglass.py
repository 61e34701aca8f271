"""The hourglasses of photo2cartoon: a coarse-to-fine look at a whole map before the encoder and behind the decoder.

Newell, Yang and Deng, "Stacked Hourglass Networks for Human Pose Estimation", ECCV 2016, with the residual blocks of
Bulat and Tzimiropoulos, "Binarized Convolutional Landmark Localizers", ICCV 2017. Keys are those of photo2cartoon's
authors, whose ``nn.Sequential`` count paddings and activations too: an ``nn.Identity`` holds the place of one that a
fused normalisation sees to.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from imtrans.nn import InstanceNorm2d, ReflectConv2d

HALVINGS = 4
"""Of the map inside an hourglass."""


class Hourglass(nn.Module):
    """x + maps of an hourglass + what its three-channel sketch says, all (N, width, H, W).

    H and W are multiples of 16 and at least 32, so that the smallest map has a pixel to reflect.

    Args:
        width: channels of the maps, a multiple of 4.
        sketch_only: give the sketch (N, 3, H, W) itself, as the last hourglass of the generator does.
    """

    def __init__(self, width: int, *, sketch_only: bool = False) -> None:
        super().__init__()
        self.sketch_only = sketch_only
        self.HG = nn.Sequential(
            HourglassLevels(width), PyramidBlock(width), nn.Conv2d(width, width, 1, bias=False),
            InstanceNorm2d(width, activation="relu"), nn.Identity(),
        )  # fmt: skip
        self.Conv1 = nn.Conv2d(width, 3, 1)
        if not sketch_only:
            self.Conv2 = nn.Conv2d(width, width, 1)
            self.Conv3 = nn.Conv2d(3, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) to the same shape, or to (N, 3, H, W)."""
        maps = self.HG(x)
        sketch: Tensor = self.Conv1(maps)
        if self.sketch_only:
            return sketch
        refined: Tensor = x + self.Conv2(maps) + self.Conv3(sketch)
        return refined


class HourglassLevels(nn.Module):
    """Four halvings and four doublings, with a skip connection at each size."""

    def __init__(self, width: int) -> None:
        super().__init__()
        for level in range(1, HALVINGS + 1):
            self.add_module(f"ConvBlock{level}_1", PyramidBlock(width))
            self.add_module(f"ConvBlock{level}_2", PyramidBlock(width))
        for number in range(HALVINGS + 1, 2 * HALVINGS + 2):
            self.add_module(f"ConvBlock{number}", PyramidBlock(width))

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) to the same shape."""
        skips = []
        for level in range(1, HALVINGS + 1):
            skips.append(self._block(f"{level}_1", x))
            x = self._block(f"{level}_2", functional.avg_pool2d(x, 2))
        x = self._block(str(HALVINGS + 1), x)
        for number, skip in enumerate(reversed(skips), start=HALVINGS + 2):
            x = skip + functional.interpolate(self._block(str(number), x), scale_factor=2.0, mode="nearest")
        return x

    def _block(self, number: str, x: Tensor) -> Tensor:
        out: Tensor = self.get_submodule(f"ConvBlock{number}")(x)
        return out


class PyramidBlock(nn.Module):
    """x + three convolutions in a row, of a half, a quarter and a quarter of the width, side by side.

    The authors' block has a fourth one for inputs of another width. Theirs never meets any, but its weight is in their
    files, so it is here, is never used and never learns.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.ConvBlock1 = _normalised_convolution(width, width // 2)
        self.ConvBlock2 = _normalised_convolution(width // 2, width // 4)
        self.ConvBlock3 = _normalised_convolution(width // 4, width // 4)
        self.ConvBlock4 = nn.Sequential(nn.Identity(), nn.Identity(), nn.Conv2d(width, width, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) to the same shape."""
        half = self.ConvBlock1(x)
        quarter = self.ConvBlock2(half)
        return x + torch.cat([half, quarter, self.ConvBlock3(quarter)], dim=1)


def _normalised_convolution(entering: int, leaving: int) -> nn.Sequential:
    return nn.Sequential(
        InstanceNorm2d(entering, activation="relu", pad=1), nn.Identity(), nn.Identity(),
        ReflectConv2d(entering, leaving, 3, padding=1, padded=True, bias=False),
    )  # fmt: skip
