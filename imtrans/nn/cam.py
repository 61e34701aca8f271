"""The class activation map (CAM): which feature maps tell two domains apart, and so where to look.

Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016, as U-GAT-IT puts it into the middle of
its generators and discriminators (Kim et al., ICLR 2020, sections 3.1.1 and 3.1.2): an auxiliary classifier looks at
the averages and at the maxima of the feature maps, by a linear head each, and the heads' weights then say how much each
map counts.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize


class Attended(NamedTuple):
    """Everything that a generator with attention gives."""

    image: Tensor
    """The translation, (N, C, H, W) in [-1, 1]."""
    cam_logit: Tensor
    """Whether the picture is of the domain that the generator translates from: (N, 2), by averages and by maxima."""
    heatmap: Tensor
    """Where it looked: (N, 1, h, w), over the picture, of no particular range."""


def class_logits(features: Tensor, average_head: nn.Linear, maximum_head: nn.Linear) -> Tensor:
    """What the auxiliary classifier says of the feature maps (N, C, H, W): logits (N, 2), by averages and by maxima."""
    return torch.cat([average_head(features.mean((2, 3))), maximum_head(features.amax((2, 3)))], dim=1)


def weighted_maps(features: Tensor, average_head: nn.Linear, maximum_head: nn.Linear, mix: nn.Conv2d) -> Tensor:
    """The feature maps weighted by either head, side by side, and mixed by a 1x1 convolution: (N, C, H, W).

    Equation 2 of U-GAT-IT: a = w * E(x). Weighting is linear, so it is done to the weights of ``mix``; the 2 C maps
    that the paper draws are never made.

    Args:
        features: maps (N, C, H, W).
        average_head: C to 1, as for :func:`class_logits`.
        maximum_head: likewise.
        mix: 2 C channels, those weighted by averages first, to any number.
    """
    by_average, by_maximum = mix.weight.chunk(2, dim=1)
    averages, maxima = (learnt_weight(head)[..., None, None] for head in (average_head, maximum_head))
    return functional.conv2d(features, by_average * averages + by_maximum * maxima, mix.bias)


def learnt_weight(head: nn.Linear) -> Tensor:
    """The weights (1, C) of a head as they are learnt: under spectral norm, those before their normalisation.

    The authors weigh the maps with the first of the layer's ``parameters()``, which under their spectral norm is
    ``weight_orig``, and take the normalised weight for the logits.
    """
    if parametrize.is_parametrized(head, "weight"):
        return head.get_parameter("parametrizations.weight.original")
    return head.weight


def heatmap_of(maps: Tensor) -> Tensor:
    """How much there is of the attended maps (N, C, H, W) at each place: (N, 1, H, W), of no particular range."""
    return maps.sum(dim=1, keepdim=True)
