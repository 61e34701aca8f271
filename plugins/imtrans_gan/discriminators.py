"""The two discriminators: fully connected with maxout units, and DCGAN's; both with or without classes.

The keys of DCGAN's are mmagic's: ``downsamples.i`` and ``output_layer``, each with ``conv`` and ``bn``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from imtrans_gan.config import (
    LEAST,
    ConvDiscriminatorConfig,
    ConvGeneratorConfig,
    DenseDiscriminatorConfig,
    DenseGeneratorConfig,
)
from imtrans_gan.generators import one_hot


class Maxout(nn.Module):
    """Units that each give the largest of several linear functions (Goodfellow et al., "Maxout Networks", 2013)."""

    def __init__(self, inputs: int, units: int, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces
        self.linear = nn.Linear(inputs, units * pieces)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs) -> (N, units)."""
        largest: Tensor = self.linear(x).unflatten(1, (-1, self.pieces)).amax(2)
        return largest


class DenseDiscriminator(nn.Module):
    """Two layers of maxout units with dropout; with classes, the label has a smaller first layer of its own."""

    def __init__(self, config: DenseDiscriminatorConfig, generator: DenseGeneratorConfig) -> None:
        super().__init__()
        self.classes = generator.classes
        for_label = config.hidden // 5 + 2 if generator.classes else 0  # 50 units beside 240 in Mirza and Osindero
        self.from_picture = Maxout(generator.channels * generator.size**2, config.hidden, config.pieces)
        self.from_label = Maxout(generator.classes, for_label, config.pieces) if generator.classes else None
        if self.from_label is not None:
            # Of a one-hot label one number counts, of a picture hundreds: with torch's weights nobody would hear it.
            nn.init.normal_(self.from_label.linear.weight)
        self.hidden = Maxout(config.hidden + for_label, config.hidden, config.pieces)
        self.output = nn.Linear(config.hidden, 1)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, pictures: Tensor, labels: Tensor | None = None) -> Tensor:
        """Raw scores (N, 1) of pictures (N, C, H, W)."""
        x = self.from_picture(pictures.flatten(1))
        if self.from_label is not None:
            x = torch.cat([x, self.from_label(one_hot(labels, self.classes, x))], dim=1)
        scores: Tensor = self.output(self.dropout(self.hidden(self.dropout(x))))
        return scores


class DownBlock(nn.Module):
    """A convolution that halves the size, a norm and a leaky ReLU."""

    def __init__(self, channels_in: int, channels_out: int, norm: str) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, 4, 2, 1, bias=norm == "none")
        self.bn = _norm(norm, channels_out)

    def forward(self, x: Tensor, added: Tensor | None = None) -> Tensor:
        """(N, channels_in, H, W) -> (N, channels_out, H / 2, W / 2); ``added`` joins the maps of the convolution."""
        x = self.conv(x) if added is None else self.conv(x) + added
        return functional.leaky_relu(x if self.bn is None else self.bn(x), 0.2)


class _Output(nn.Module):
    """The last convolution, which sees all of the 4 x 4 pixels that are left."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 1, LEAST)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.conv(x).flatten(1)
        return scores


class ConvDiscriminator(nn.Module):
    """The mirror image of DCGAN's generator.

    With classes, the label adds a value to each of the first feature maps: what the first convolution would make, but
    for the edges, of one-hot planes beside the picture.
    """

    def __init__(self, config: ConvDiscriminatorConfig, generator: ConvGeneratorConfig) -> None:
        super().__init__()
        self.classes = generator.classes
        channels, width = generator.channels, config.base_channels
        self.from_label = nn.Linear(generator.classes, width, bias=False) if generator.classes else None
        self.downsamples = nn.Sequential()
        for place in range((generator.size // LEAST).bit_length() - 1):
            self.downsamples.append(DownBlock(channels, width, config.norm if place else "none"))
            channels, width = width, 2 * width
        self.output_layer = _Output(channels)

    def forward(self, pictures: Tensor, labels: Tensor | None = None) -> Tensor:
        """Raw scores (N, 1) of pictures (N, C, H, W)."""
        of_label = None
        if self.from_label is not None:
            of_label = self.from_label(one_hot(labels, self.classes, pictures))[..., None, None]
        first, *others = self.downsamples
        x = first(pictures, of_label)
        for block in others:
            x = block(x)
        scores: Tensor = self.output_layer(x)
        return scores


def _norm(kind: str, channels: int) -> nn.Module | None:
    """Batch norm; layer norm over channels and pixels, with a scale a channel; or nothing."""
    if kind == "none":
        return None
    return nn.BatchNorm2d(channels) if kind == "batch" else nn.GroupNorm(1, channels)


def build_discriminator(
    config: DenseDiscriminatorConfig | ConvDiscriminatorConfig, generator: DenseGeneratorConfig | ConvGeneratorConfig
) -> nn.Module:
    """The discriminator for the pictures of a generator, with torch's initial weights."""
    if isinstance(config, DenseDiscriminatorConfig):
        assert isinstance(generator, DenseGeneratorConfig)
        return DenseDiscriminator(config, generator)
    assert isinstance(generator, ConvGeneratorConfig)
    return ConvDiscriminator(config, generator)
