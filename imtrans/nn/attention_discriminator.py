"""U-GAT-IT's discriminator, and photo2cartoon's: patches under spectral norm, with attention.

Keys are those of ``networks.py`` in either project; an ``nn.Identity`` holds the place of a padding in their count.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional

from imtrans.nn.cam import class_logits, weighted_maps
from imtrans.nn.reflect_conv2d import ReflectConv2d
from imtrans.nn.spectral_norm import spectral_norm

SLOPE = 0.2
"""Of every leaky ReLU."""


class Judgement(NamedTuple):
    """What a discriminator says of pictures."""

    score: Tensor
    """(N, 1, h, w): of every patch, without an activation."""
    cam_logit: Tensor
    """(N, 2): of the auxiliary classifier, by averages and by maxima."""


class AttentionDiscriminator(nn.Module):
    """Strided 4x4 convolutions, one that is not strided, attention, and a score for every patch.

    Kim et al., "U-GAT-IT", ICLR 2020, section 3.1.2.

    Takes (N, input_nc, H, W) in [-1, 1], H and W at least ``minimum``, which leaves one score. With 7 layers (global) a
    score sees all of a picture of 256 pixels, with 5 (local) 70x70 of it.

    Args:
        input_nc: channels of the pictures.
        ndf: filters of the first convolution; each further one has twice as many.
        layers: convolutions in all, from 3 up; all but the last two halve the size.
    """

    def __init__(self, input_nc: int, ndf: int, layers: int) -> None:
        super().__init__()
        widths = [input_nc, *(ndf * 2**depth for depth in range(layers - 1))]
        model: list[nn.Module] = []
        for depth in range(layers - 1):
            stride = 2 if depth < layers - 2 else 1
            convolution = ReflectConv2d(widths[depth], widths[depth + 1], 4, padding=1, stride=stride)
            model += [nn.Identity(), spectral_norm(convolution), nn.LeakyReLU(SLOPE)]
        width = widths[-1]
        self.model = nn.Sequential(*model)
        self.gap_fc = spectral_norm(nn.Linear(width, 1, bias=False))
        self.gmp_fc = spectral_norm(nn.Linear(width, 1, bias=False))
        self.conv1x1 = nn.Conv2d(2 * width, width, 1)
        self.conv = spectral_norm(ReflectConv2d(width, 1, 4, padding=1, bias=False))
        # The two convolutions that are not strided take a row and a column away each.
        self.minimum = 3 * 2 ** (layers - 2)

    def forward(self, x: Tensor) -> Judgement:
        """Judge pictures; see the class for shapes."""
        features = self.model(x)
        logits = class_logits(features, self.gap_fc, self.gmp_fc)
        maps = functional.leaky_relu(weighted_maps(features, self.gap_fc, self.gmp_fc, self.conv1x1), SLOPE)
        return Judgement(self.conv(maps), logits)
