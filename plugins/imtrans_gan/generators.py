"""The two generators of the ladder: fully connected, and DCGAN's; both with or without classes.

The keys of DCGAN's are mmagic's: ``noise2feat``, ``upsampling.i`` and ``output_layer``, each with ``conv`` and ``bn``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from imtrans_gan.config import LEAST, ConvGeneratorConfig, DenseGeneratorConfig


class DenseGenerator(nn.Module):
    """Two hidden layers of rectified linear units (Goodfellow et al., 2014; with classes Mirza and Osindero, 2014).

    With classes, z and the label have hidden layers of their own, of one part and five parts in six of the first hidden
    layer (200 and 1000 units in the paper), which the second layer reads together.
    """

    def __init__(self, config: DenseGeneratorConfig) -> None:
        super().__init__()
        self.z_dim, self.classes = config.z_dim, config.classes
        self.output_size = (config.size, config.size)
        self.channels = config.channels
        for_label = 5 * config.hidden // 6 if config.classes else 0
        self.from_noise = nn.Linear(config.z_dim, config.hidden - for_label)
        self.from_label = nn.Linear(config.classes, for_label) if config.classes else None
        self.hidden = nn.Linear(config.hidden, config.hidden)
        self.output = nn.Linear(config.hidden, config.channels * config.size**2)
        for layer in (self.from_noise, self.hidden):
            # With torch's smaller weights hardly anything of z would reach the picture, and all pictures would be one.
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        if self.from_label is not None:
            nn.init.normal_(self.from_label.weight, std=2**0.5)  # the same for one-hot labels: one number counts

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Pictures (N, C, H, W) in [-1, 1] from latents (N, z_dim) and, with classes, their numbers (N,)."""
        x = self.from_noise(z)
        if self.from_label is not None:
            x = torch.cat([x, self.from_label(one_hot(labels, self.classes, z))], dim=1)
        x = functional.relu(self.hidden(functional.relu(x)))
        return torch.tanh(self.output(x)).view(-1, self.channels, *self.output_size)


class UpBlock(nn.Module):
    """A transposed convolution with batch norm and ReLU, or the last one, without them and with biases."""

    def __init__(self, channels_in: int, channels_out: int, *, stride: int, last: bool = False) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(channels_in, channels_out, 4, stride, stride - 1, bias=last)
        self.bn = None if last else nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor, added: Tensor | None = None) -> Tensor:
        """The block's feature maps; ``added`` joins those of the convolution."""
        x = self.conv(x) if added is None else self.conv(x) + added
        return x if self.bn is None else functional.relu(self.bn(x))


class ConvGenerator(nn.Module):
    """Radford, Metz, Chintala, "Unsupervised Representation Learning with Deep Convolutional GANs", 2016, figure 1.

    With classes, the label makes feature maps of 4 x 4 pixels beside those of z. Their sum is what one convolution
    would make of z and the one-hot label in one vector.
    """

    def __init__(self, config: ConvGeneratorConfig) -> None:
        super().__init__()
        self.z_dim, self.classes = config.z_dim, config.classes
        self.output_size = (config.size, config.size)
        self.order = config.order
        width = config.base_channels
        self.noise2feat = UpBlock(config.z_dim, width, stride=1)
        self.label2feat = nn.ConvTranspose2d(config.classes, width, 4, bias=False) if config.classes else None
        self.upsampling = nn.Sequential()
        for _ in range((config.size // LEAST).bit_length() - 2):
            self.upsampling.append(UpBlock(width, width // 2, stride=2))
            width //= 2
        self.output_layer = UpBlock(width, config.channels, stride=2, last=True)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Pictures (N, C, H, W) in [-1, 1] from latents (N, z_dim) and, with classes, their numbers (N,)."""
        of_label = None
        if self.label2feat is not None:
            of_label = self.label2feat(one_hot(labels, self.classes, z)[..., None, None])
        x = self.upsampling(self.noise2feat(z[..., None, None], of_label))
        pictures = torch.tanh(self.output_layer(x))
        return pictures.flip(1) if self.order == "BGR" else pictures


def one_hot(labels: Tensor | None, classes: int, like: Tensor) -> Tensor:
    """The labels (N,) as (N, classes), in the precision of ``like``."""
    assert labels is not None, "a network with classes needs labels"
    return functional.one_hot(labels, classes).to(like.dtype)


def build_generator(config: DenseGeneratorConfig | ConvGeneratorConfig) -> nn.Module:
    """The generator of a configuration, with fresh weights."""
    return DenseGenerator(config) if isinstance(config, DenseGeneratorConfig) else ConvGenerator(config)
