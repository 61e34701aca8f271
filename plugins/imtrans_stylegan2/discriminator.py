"""StyleGAN2's discriminator: residual blocks, and a look at how much the pictures of a batch differ."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from imtrans.errors import UsageError
from imtrans_stylegan2.config import DiscriminatorConfig, GeneratorConfig
from imtrans_stylegan2.layers import Convolution, FullyConnected, low_pass
from imtrans_stylegan2.mapping import MappingNetwork


class DiscriminatorBlock(nn.Module):
    """Half the resolution: two convolutions beside one of 1x1, each path over the root of two (figure 7c, residual)."""

    resample_filter: Tensor

    def __init__(self, first: bool, width: int, out_channels: int, clamp: float = 0.0) -> None:
        super().__init__()
        # Nothing is filtered by it; it is in NVIDIA's files.
        self.register_buffer("resample_filter", low_pass())
        self.first = first
        if first:
            self.fromrgb = Convolution(3, width, 1, clamp=clamp)
        self.conv0 = Convolution(width, width, 3, clamp=clamp)
        self.conv1 = Convolution(width, out_channels, 3, down=2, clamp=clamp)
        self.skip = Convolution(width, out_channels, 1, bias=False, activation="linear", down=2)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, R, R), a picture for the first block -> (N, C', R / 2, R / 2)."""
        if self.first:
            x = self.fromrgb(x)
        passed: Tensor = self.skip(x, gain=math.sqrt(0.5))
        return passed + self.conv1(self.conv0(x), gain=math.sqrt(0.5))


def minibatch_std(x: Tensor, group: int) -> Tensor:
    """One more channel: how much the pictures of a group of the batch differ, the same number everywhere.

    Karras et al., "Progressive Growing of GANs", 2018, section 3. Picture i is in one group with i + N / G, i + 2 N / G
    and so on, as in the authors' code.

    Args:
        x: (N, C, H, W).
        group: G, the size of a group; the largest divisor of N up to it is taken.
    """
    count, _, height, width = x.shape
    size = next(size for size in range(min(group, count), 0, -1) if count % size == 0)
    grouped = x.reshape(size, -1, *x.shape[1:])
    deviation = (grouped - grouped.mean(0)).square().mean(0).add(1e-8).sqrt()
    levels = deviation.mean((1, 2, 3)).reshape(-1, 1, 1, 1).repeat(size, 1, height, width)
    return torch.cat([x, levels], 1)


class DiscriminatorEpilogue(nn.Module):
    """4x4 features to a score, or, with classes, to the projection of the features on what the class maps to."""

    def __init__(self, width: int, cmap_dim: int, mbstd_group: int, clamp: float = 0.0) -> None:
        super().__init__()
        self.mbstd_group, self.cmap_dim = mbstd_group, cmap_dim
        self.conv = Convolution(width + 1, width, 3, clamp=clamp)
        self.fc = FullyConnected(width * 16, width, activation="lrelu")
        self.out = FullyConnected(width, cmap_dim or 1)

    def forward(self, x: Tensor, cmap: Tensor | None = None) -> Tensor:
        """(N, C, 4, 4) and mapped classes (N, cmap_dim) -> scores (N, 1)."""
        x = self.conv(minibatch_std(x, self.mbstd_group))
        scores: Tensor = self.out(self.fc(x.flatten(1)))
        if cmap is not None:
            scores = (scores * cmap).sum(1, keepdim=True) / math.sqrt(self.cmap_dim)
        return scores


class Discriminator(nn.Module):
    """Pictures to scores; state-dict keys are those of NVIDIA's stylegan2-ada-pytorch.

    Args:
        generator: of whose pictures, resolution and classes it is to judge.
        config: what differs from the generator.
    """

    def __init__(self, generator: GeneratorConfig, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.resolution, self.c_dim = generator.resolution, generator.c_dim
        base, most = config.channel_base or generator.channel_base, config.channel_max or generator.channel_max
        width = {resolution: min(base // resolution, most) for resolution in generator.resolutions}
        self.resolutions = tuple(reversed(generator.resolutions[1:]))
        for resolution in self.resolutions:
            first = resolution == generator.resolution
            block = DiscriminatorBlock(first, width[resolution], width[resolution // 2], config.conv_clamp)
            self.add_module(f"b{resolution}", block)
        cmap_dim = width[4] if self.c_dim > 0 else 0
        if self.c_dim > 0:
            self.mapping = MappingNetwork(0, self.c_dim, cmap_dim, num_ws=0)
        self.b4 = DiscriminatorEpilogue(width[4], cmap_dim, config.mbstd_group, config.conv_clamp)

    def forward(self, pictures: Tensor, labels: Tensor | None = None) -> Tensor:
        """Pictures (N, 3, R, R) and classes' numbers, int64 (N,) -> scores (N, 1), high for real ones.

        Raises:
            UsageError: pictures of another size.
        """
        if tuple(pictures.shape[1:]) != (3, self.resolution, self.resolution):
            raise UsageError(
                f"the discriminator judges RGB pictures of {self.resolution}x{self.resolution} pixels,"
                f" not {tuple(pictures.shape)}.",
                hint=f"Train with --set augmentation.crop_size={self.resolution}, or set generator.resolution.",
            )
        x = pictures
        for resolution in self.resolutions:
            x = self.get_submodule(f"b{resolution}")(x)
        cmap = self.mapping(None, labels) if self.c_dim > 0 else None
        scores: Tensor = self.b4(x, cmap)
        return scores
