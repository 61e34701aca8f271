"""Inception-v3 as FID was defined with: the network of 2015-12-05, and how pictures get to its 299 pixels.

Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2016; its use as a yardstick: Heusel et
al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", 2017. The published TensorFlow
graph differs from the paper and from torchvision's network in three places, and every FID in the literature depends on
them: average pooling leaves the border's zeros out of the average, the last block pools by maximum instead, and there
are 1008 classes. Module names are those of the published PyTorch file, so that it loads with nothing renamed.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

SIDE = 299
FEATURES = 2048

Resize = Literal["original", "clean"]
"""``original``: the TensorFlow graph's own bilinear sampling, which aliases and shifts by up to half a pixel.
``clean``: bicubic with antialiasing, as Parmar et al., "On Aliased Resizing and Surprising Subtleties in GAN
Evaluation", 2022. Numbers by the two filters must not be compared."""


class ConvNormReLU(nn.Module):
    """Convolution without bias, batch normalisation and ReLU."""

    def __init__(
        self,
        entering: int,
        leaving: int,
        kernel: int | tuple[int, int] = 1,
        *,
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(entering, leaving, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(leaving, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.bn(self.conv(x)))


class Block35(nn.Module):
    """35 x 35 pixels: 1x1, 5x5, two 3x3 and a pooling beside one another (``InceptionA``)."""

    def __init__(self, entering: int, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = ConvNormReLU(entering, 64)
        self.branch5x5_1 = ConvNormReLU(entering, 48)
        self.branch5x5_2 = ConvNormReLU(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = ConvNormReLU(entering, 64)
        self.branch3x3dbl_2 = ConvNormReLU(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = ConvNormReLU(96, 96, 3, padding=1)
        self.branch_pool = ConvNormReLU(entering, pooled)

    def forward(self, x: Tensor) -> Tensor:
        five = self.branch5x5_2(self.branch5x5_1(x))
        three = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch1x1(x), five, three, self.branch_pool(_average(x))], 1)


class Reduce35(nn.Module):
    """35 x 35 to 17 x 17 pixels (``InceptionB``)."""

    def __init__(self, entering: int) -> None:
        super().__init__()
        self.branch3x3 = ConvNormReLU(entering, 384, 3, stride=2)
        self.branch3x3dbl_1 = ConvNormReLU(entering, 64)
        self.branch3x3dbl_2 = ConvNormReLU(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = ConvNormReLU(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), three, functional.max_pool2d(x, 3, 2)], 1)


class Block17(nn.Module):
    """17 x 17 pixels: 7x7 convolutions, each as a row and a column (``InceptionC``)."""

    def __init__(self, inner: int) -> None:
        super().__init__()
        row, column = (1, 7), (7, 1)
        along, across = (0, 3), (3, 0)
        self.branch1x1 = ConvNormReLU(768, 192)
        self.branch7x7_1 = ConvNormReLU(768, inner)
        self.branch7x7_2 = ConvNormReLU(inner, inner, row, padding=along)
        self.branch7x7_3 = ConvNormReLU(inner, 192, column, padding=across)
        self.branch7x7dbl_1 = ConvNormReLU(768, inner)
        self.branch7x7dbl_2 = ConvNormReLU(inner, inner, column, padding=across)
        self.branch7x7dbl_3 = ConvNormReLU(inner, inner, row, padding=along)
        self.branch7x7dbl_4 = ConvNormReLU(inner, inner, column, padding=across)
        self.branch7x7dbl_5 = ConvNormReLU(inner, 192, row, padding=along)
        self.branch_pool = ConvNormReLU(768, 192)

    def forward(self, x: Tensor) -> Tensor:
        once = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        twice = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        twice = self.branch7x7dbl_5(self.branch7x7dbl_4(twice))
        return torch.cat([self.branch1x1(x), once, twice, self.branch_pool(_average(x))], 1)


class Reduce17(nn.Module):
    """17 x 17 to 8 x 8 pixels (``InceptionD``)."""

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3_1 = ConvNormReLU(768, 192)
        self.branch3x3_2 = ConvNormReLU(192, 320, 3, stride=2)
        self.branch7x7x3_1 = ConvNormReLU(768, 192)
        self.branch7x7x3_2 = ConvNormReLU(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = ConvNormReLU(192, 192, (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = ConvNormReLU(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_2(self.branch3x3_1(x))
        seven = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([three, seven, functional.max_pool2d(x, 3, 2)], 1)


class Block8(nn.Module):
    """8 x 8 pixels: rows and columns beside one another (``InceptionE``)."""

    def __init__(self, entering: int, pooling: Literal["average", "maximum"]) -> None:
        super().__init__()
        self.pooling = pooling
        self.branch1x1 = ConvNormReLU(entering, 320)
        self.branch3x3_1 = ConvNormReLU(entering, 384)
        self.branch3x3_2a = ConvNormReLU(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = ConvNormReLU(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = ConvNormReLU(entering, 448)
        self.branch3x3dbl_2 = ConvNormReLU(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = ConvNormReLU(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = ConvNormReLU(384, 384, (3, 1), padding=(1, 0))
        self.branch_pool = ConvNormReLU(entering, 192)

    def forward(self, x: Tensor) -> Tensor:
        once = self.branch3x3_1(x)
        twice = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = _average(x) if self.pooling == "average" else functional.max_pool2d(x, 3, 1, 1)
        branches = [self.branch1x1(x), self.branch3x3_2a(once), self.branch3x3_2b(once)]
        branches += [self.branch3x3dbl_3a(twice), self.branch3x3dbl_3b(twice), self.branch_pool(pooled)]
        return torch.cat(branches, 1)


class Inception(nn.Module):
    """Pictures (N, 3, H, W) from 0 to 1 to the features (N, 2048) of the last average pooling.

    Args:
        resize: how pictures get to 299 x 299 pixels.
    """

    def __init__(self, resize: Resize = "original") -> None:
        super().__init__()
        self.resize = resize
        self.Conv2d_1a_3x3 = ConvNormReLU(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = ConvNormReLU(32, 32, 3)
        self.Conv2d_2b_3x3 = ConvNormReLU(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = ConvNormReLU(64, 80)
        self.Conv2d_4a_3x3 = ConvNormReLU(80, 192, 3)
        self.Mixed_5b = Block35(192, 32)
        self.Mixed_5c = Block35(256, 64)
        self.Mixed_5d = Block35(288, 64)
        self.Mixed_6a = Reduce35(288)
        self.Mixed_6b = Block17(128)
        self.Mixed_6c = Block17(160)
        self.Mixed_6d = Block17(160)
        self.Mixed_6e = Block17(192)
        self.Mixed_7a = Reduce17()
        self.Mixed_7b = Block8(1280, "average")
        self.Mixed_7c = Block8(2048, "maximum")
        self.fc = nn.Linear(FEATURES, 1008)  # of no use here, but part of the file

    def forward(self, pictures: Tensor) -> Tensor:
        x = resized(pictures, self.resize)
        x = (x * 255 - 128) / 128
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = functional.max_pool2d(x, 3, 2)
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x))
        x = functional.max_pool2d(x, 3, 2)
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x)))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        return x.mean((2, 3))


def _average(x: Tensor) -> Tensor:
    return functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def resized(pictures: Tensor, how: Resize = "original", side: int = SIDE) -> Tensor:
    """Pictures (N, 3, H, W) from 0 to 1 at (N, 3, side, side), by one of the two filters of :data:`Resize`."""
    if how == "clean":
        return functional.interpolate(pictures, (side, side), mode="bicubic", antialias=True).clamp(0, 1)
    return _sampled(_sampled(pictures, 2, side), 3, side)


def _sampled(pictures: Tensor, dim: int, side: int) -> Tensor:
    """TensorFlow 1's bilinear sampling: pixel i comes from place i * length / side, and not from half a pixel on."""
    length = pictures.shape[dim]
    place = torch.arange(side, device=pictures.device, dtype=torch.float64) * (length / side)
    low = place.long()
    high = (low + 1).clamp_max(length - 1)
    shape = [1, 1, 1, 1]
    shape[dim] = side
    weight = (place - low).to(pictures.dtype).view(shape)
    return torch.lerp(pictures.index_select(dim, low), pictures.index_select(dim, high), weight)
