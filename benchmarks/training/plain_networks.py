"""The networks of pix2pix and DCGAN as anyone would write them in PyTorch, without a line of imtrans.

CycleGAN's generator is ``benchmarks/models/plain_generator.py``. Keys of the state dicts are those of the authors'
code, so that imtrans' networks can start from the same weights.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

NOISE = 100
"""Numbers from which DCGAN's generator makes a picture."""


class PlainDiscriminator(nn.Module):
    """A PatchGAN with three strided convolutions (Isola et al., 2017): (N, channels, H, W) to scores (N, 1, h, w)."""

    def __init__(self, channels: int, ndf: int, norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        bias = norm is nn.InstanceNorm2d  # a batch norm has a shift of its own
        layers: list[nn.Module] = [nn.Conv2d(channels, ndf, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True)]
        for width, stride in ((ndf, 2), (2 * ndf, 2), (4 * ndf, 1)):
            layers.append(nn.Conv2d(width, 2 * width, 4, stride=stride, padding=1, bias=bias))
            layers += [norm(2 * width), nn.LeakyReLU(0.2, inplace=True)]
        layers.append(nn.Conv2d(8 * ndf, 1, 4, padding=1))
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Score the patches of pictures."""
        return self.model(x)


class PlainUnet(nn.Module):
    """The U-Net of pix2pix with batch norm and without dropout; pictures of a side of 2**downs or a multiple of it."""

    def __init__(self, ngf: int, downs: int) -> None:
        super().__init__()
        block = PlainLevel(8 * ngf, 8 * ngf)
        for _ in range(downs - 5):
            block = PlainLevel(8 * ngf, 8 * ngf, block)
        for width in (4 * ngf, 2 * ngf, ngf):
            block = PlainLevel(width, 2 * width, block)
        down = nn.Conv2d(3, ngf, 4, stride=2, padding=1, bias=False)
        up = nn.ConvTranspose2d(2 * ngf, 3, 4, stride=2, padding=1)
        self.model = nn.ModuleDict({"model": nn.Sequential(down, block, nn.ReLU(inplace=True), up, nn.Tanh())})

    def forward(self, x: Tensor) -> Tensor:
        """Translate pictures (N, 3, H, W)."""
        return self.model["model"](x)


class PlainLevel(nn.Module):
    """One level: halve, hand to the inner level, double, and stand beside the input."""

    def __init__(self, outer: int, inner: int, inside: PlainLevel | None = None) -> None:
        super().__init__()
        down: list[nn.Module] = [
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(outer, inner, 4, stride=2, padding=1, bias=False),
        ]
        middle: list[nn.Module] = [] if inside is None else [nn.BatchNorm2d(inner), inside]
        rising = inner if inside is None else 2 * inner
        up: list[nn.Module] = [
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(rising, outer, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(outer),
        ]
        self.model = nn.Sequential(*down, *middle, *up)

    def forward(self, x: Tensor) -> Tensor:
        """(N, outer, H, W) to (N, 2 outer, H, W)."""
        return torch.cat([x, self.model(x)], dim=1)


class DcganGenerator(nn.Module):
    """Noise (N, 100, 1, 1) to pictures (N, 3, 64, 64) (Radford, Metz and Chintala, 2016)."""

    def __init__(self, ngf: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.ConvTranspose2d(NOISE, 8 * ngf, 4, bias=False)]
        layers += [nn.BatchNorm2d(8 * ngf), nn.ReLU(inplace=True)]
        for width in (4 * ngf, 2 * ngf, ngf):
            layers.append(nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1, bias=False))
            layers += [nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        layers += [nn.ConvTranspose2d(ngf, 3, 4, stride=2, padding=1, bias=False), nn.Tanh()]
        self.model = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        """Make pictures in [-1, 1]."""
        return self.model(z)


class DcganDiscriminator(nn.Module):
    """Pictures (N, 3, 64, 64) to scores (N, 1, 1, 1), before the sigmoid."""

    def __init__(self, ndf: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, ndf, 4, stride=2, padding=1, bias=False)]
        layers.append(nn.LeakyReLU(0.2, inplace=True))
        for width in (ndf, 2 * ndf, 4 * ndf):
            layers.append(nn.Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=False))
            layers += [nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2, inplace=True)]
        layers.append(nn.Conv2d(8 * ndf, 1, 4, bias=False))
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Score pictures."""
        return self.model(x)
