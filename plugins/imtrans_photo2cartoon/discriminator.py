"""U-GAT-IT's discriminator, as photo2cartoon has it: patches under spectral norm, with attention of its own."""

from __future__ import annotations

import itertools

from torch import Tensor, nn
from torch.nn import functional

from imtrans.nn import ReflectConv2d
from imtrans.nn.spectral_norm import spectral_norm
from imtrans_photo2cartoon.attention import attend

SLOPE = 0.2
"""Of every leaky ReLU."""


class Discriminator(nn.Module):
    """Judges patches of pictures, and their maps as a whole.

    Maps (N, 3, H, W) in [-1, 1] to scores (N, 1, h, w) with h = H / 2^(layers - 2) - 2, and to logits (N, 2) of its
    classifiers. H and W are at least ``minimum``, which leaves one score.

    Args:
        ndf: filters of the first convolution.
        layers: all that the authors count: layers - 2 halvings, the convolutions before and behind the attention.
    """

    def __init__(self, ndf: int, layers: int) -> None:
        super().__init__()
        halvings = layers - 2
        widths = [3, *(ndf * 2**place for place in range(halvings + 1))]
        model: list[nn.Module] = []
        for place, (entering, leaving) in enumerate(itertools.pairwise(widths)):
            stride = 2 if place < halvings else 1
            convolution = spectral_norm(ReflectConv2d(entering, leaving, 4, padding=1, stride=stride))
            model += [nn.Identity(), convolution, nn.LeakyReLU(SLOPE)]
        self.model = nn.Sequential(*model)
        width = widths[-1]
        self.gap_fc = spectral_norm(nn.Linear(width, 1, bias=False))
        self.gmp_fc = spectral_norm(nn.Linear(width, 1, bias=False))
        self.conv1x1 = nn.Conv2d(2 * width, width, 1)
        self.conv = spectral_norm(ReflectConv2d(width, 1, 4, padding=1, bias=False))
        # The last two convolutions take a row and a column away each.
        self.minimum = 3 * 2**halvings

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scores and logits of pictures; see the class for shapes."""
        logits, weighted = attend(self.model(x), self.gap_fc, self.gmp_fc)
        scores: Tensor = self.conv(functional.leaky_relu(self.conv1x1(weighted), SLOPE))
        return scores, logits
