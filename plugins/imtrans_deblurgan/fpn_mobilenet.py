"""The generator of DeblurGAN-v2 on MobileNet: a pyramid of maps from 1/32 to 1/2 of the size, put together again.

Kupyn, Martyniuk, Wu, Wang: "DeblurGAN-v2: Deblurring (Orders-of-Magnitude) Faster and Better", ICCV 2019, section 3.2;
Sandler et al., "MobileNetV2", CVPR 2018. Keys of the state dict are those of the authors' ``models/fpn_mobilenet.py``,
who register the layers of MobileNet twice: by their place, and by the stage of the pyramid they belong to.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from imtrans.nn.generators import normalise
from imtrans_deblurgan.config import GeneratorConfig
from imtrans_deblurgan.residual import bounded

STAGES = ((6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""MobileNet-v2 behind its first block: expansion, channels, blocks, stride of the first (table 2 of its paper)."""
CUTS = ((0, 2), (2, 4), (4, 7), (7, 11), (11, 16))
"""Layers of MobileNet between the five maps of the pyramid. What comes after them is kept for its keys alone."""


class FPNMobileNet(nn.Module):
    """clamp(x + G(x), -1, 1) with a feature pyramid as G.

    Maps (N, 3, H, W) in [-1, 1] to the same; H and W are multiples of ``multiple`` and at least ``minimum``.
    """

    multiple = 32
    minimum = 64
    """Batch norms of one picture need two pixels at 1/32 of the size."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.learn_residual, self.bound = config.learn_residual, config.bound
        pyramid, width = 2 * config.ngf, config.ngf
        self.fpn = FeaturePyramid(config)
        self.head1, self.head2, self.head3, self.head4 = (Head(pyramid, width) for _ in range(4))
        self.smooth = convolved(4 * width, width, config)
        self.smooth2 = convolved(width, width // 2, config)
        self.final = nn.Conv2d(width // 2, config.output_nc, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Deblur pictures; see the class for shapes and ranges."""
        half, *maps = self.fpn(x)
        heads = (self.head1, self.head2, self.head3, self.head4)
        quarter = maps[0].shape[2:]
        seen = [functional.interpolate(head(each), size=quarter) for head, each in zip(heads, maps, strict=True)]
        smoothed = self.smooth(torch.cat(seen[::-1], dim=1))
        smoothed = self.smooth2(doubled(smoothed) + half)
        return bounded(x, torch.tanh(self.final(doubled(smoothed))), self.learn_residual, self.bound)


class FeaturePyramid(nn.Module):
    """MobileNet upwards, and from its deepest map down again, with a lateral way at each of five sizes.

    Gives maps of 1/2, 1/4, 1/8, 1/16 and 1/32 of the size; the first has ``ngf`` channels, the others twice as many.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        layers = mobilenet(config.backbone)
        # Both names for one layer, as in the authors' files.
        self.features = nn.Sequential(*layers)
        self.enc0, self.enc1, self.enc2, self.enc3, self.enc4 = (nn.Sequential(*layers[a:b]) for a, b in CUTS)
        pyramid = 2 * config.ngf
        self.td1, self.td2, self.td3 = (convolved(pyramid, pyramid, config) for _ in range(3))
        widths = [round_width(channels, config.backbone) for channels in (16, 24, 32, 64, 160)]
        leaving = [config.ngf, *[pyramid] * 4]
        self.lateral0, self.lateral1, self.lateral2, self.lateral3, self.lateral4 = (
            nn.Conv2d(a, b, 1, bias=False) for a, b in zip(widths, leaving, strict=True)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """(N, 3, H, W) to the five maps, large ones first."""
        enc0 = self.enc0(x)
        enc1 = self.enc1(enc0)
        enc2 = self.enc2(enc1)
        enc3 = self.enc3(enc2)
        map4 = self.lateral4(self.enc4(enc3))
        map3 = self.td1(self.lateral3(enc3) + doubled(map4))
        map2 = self.td2(self.lateral2(enc2) + doubled(map3))
        map1 = self.td3(self.lateral1(enc1) + doubled(map2))
        return self.lateral0(enc0), map1, map2, map3, map4


class Head(nn.Module):
    """Two convolutions, each with a ReLU, that read one map of the pyramid."""

    def __init__(self, entering: int, width: int) -> None:
        super().__init__()
        self.block0 = nn.Conv2d(entering, width, 3, padding=1, bias=False)
        self.block1 = nn.Conv2d(width, width, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, entering, H, W) to (N, width, H, W)."""
        return functional.relu(self.block1(functional.relu(self.block0(x))))


class InvertedResidual(nn.Module):
    """Widen, convolve each channel by itself, narrow; with a way round where shapes allow (MobileNet-v2, figure 3)."""

    def __init__(self, entering: int, leaving: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = entering * expansion
        self.has_way_round = stride == 1 and entering == leaving
        widen = (
            [] if expansion == 1 else [nn.Conv2d(entering, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6()]
        )
        self.conv = nn.Sequential(
            *widen,
            nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6(),
            nn.Conv2d(hidden, leaving, 1, bias=False), nn.BatchNorm2d(leaving),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """(N, entering, H, W) to (N, leaving, H / stride, W / stride)."""
        y = self.conv(x)
        return x + y if self.has_way_round else y


def mobilenet(backbone: float) -> list[nn.Module]:
    """The 19 layers of MobileNet-v2's ``features``, ``backbone`` times as wide as in its paper."""
    channels = round_width(32, backbone)
    layers: list[nn.Module] = [
        nn.Sequential(nn.Conv2d(3, channels, 3, 2, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU6())
    ]
    for expansion, wanted, count, stride in ((1, 16, 1, 1), *STAGES):
        leaving = round_width(wanted, backbone)
        for place in range(count):
            layers.append(InvertedResidual(channels, leaving, stride if place == 0 else 1, expansion))
            channels = leaving
    last = round_width(1280, max(1.0, backbone))
    layers.append(nn.Sequential(nn.Conv2d(channels, last, 1, bias=False), nn.BatchNorm2d(last), nn.ReLU6()))
    return layers


def round_width(channels: int, backbone: float) -> int:
    """Channels of a layer of MobileNet, ``backbone`` times as wide, as its code rounds them."""
    return int(channels * backbone)


def convolved(entering: int, leaving: int, config: GeneratorConfig) -> nn.Sequential:
    """A 3x3 convolution, a normalisation and a ReLU; the convolution has a bias whatever follows it."""
    return nn.Sequential(nn.Conv2d(entering, leaving, 3, padding=1), *normalise(config.norm, leaving, "relu"))


def doubled(x: Tensor) -> Tensor:
    """(N, C, H, W) to (N, C, 2H, 2W), by repeating pixels."""
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")
