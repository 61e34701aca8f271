"""The class activation map (CAM): which feature maps tell the domains apart, and so where to look.

Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016, as U-GAT-IT uses it in the middle of
its generators and discriminators: an auxiliary classifier looks at the averages and at the maxima of the feature maps,
and its weights then say how much each map counts.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def class_logits(features: Tensor, average_head: nn.Module, maximum_head: nn.Module) -> Tensor:
    """What the auxiliary classifier says of the feature maps (N, C, H, W): logits (N, 2), by averages and by maxima."""
    return torch.cat([average_head(features.mean((2, 3))), maximum_head(features.amax((2, 3)))], dim=1)


def weighted_maps(features: Tensor, average_head: nn.Module, maximum_head: nn.Module, mix: nn.Conv2d) -> Tensor:
    """The feature maps weighted by either head, side by side, and mixed by a 1x1 convolution: (N, C, H, W).

    Equation 2 of the paper: a = w * E(x). Weighting is linear, so it is done to the weights of ``mix``; the 2 C maps
    that the paper draws are never made.
    """
    by_average, by_maximum = mix.weight.chunk(2, dim=1)
    weight = by_average * _weights_of(average_head) + by_maximum * _weights_of(maximum_head)
    return functional.conv2d(features, weight, mix.bias)


def heatmap_of(maps: Tensor) -> Tensor:
    """How much there is of the attended maps (N, C, H, W) at each place: (N, 1, H, W), of no particular range."""
    return maps.sum(dim=1, keepdim=True)


def _weights_of(head: nn.Module) -> Tensor:
    """The head's weights (1, C) for a 1x1 convolution, as they are learnt: under spectral norm, before it.

    The authors take the first of the layer's parameters, which is the one before its normalisation, for the maps, and
    the normalised weight for the logits.
    """
    return next(head.parameters())[..., None, None]
