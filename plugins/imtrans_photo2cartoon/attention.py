"""Class activation maps: a classifier over averages and maxima, whose weights say which maps of a picture matter.

Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016, as U-GAT-IT puts them into generators
and discriminators (Kim et al., 2020, sections 3.1.1 and 3.1.2).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize


def attend(x: Tensor, by_average: nn.Linear, by_maximum: nn.Linear) -> tuple[Tensor, Tensor]:
    """What two classifiers say of the maps, and the maps weighted as each of them weighs channels.

    Args:
        x: maps (N, C, H, W).
        by_average: C to 1, sees the average of every map.
        by_maximum: C to 1, sees the maximum of every map.

    Returns:
        Logits (N, 2), by averages and by maxima, and maps (N, 2 C, H, W) in this order.
    """
    average, maximum = (
        pool(x, 1).flatten(1) for pool in (functional.adaptive_avg_pool2d, functional.adaptive_max_pool2d)
    )
    logits = torch.cat([by_average(average), by_maximum(maximum)], dim=1)
    weighted = [x * learnt_weight(classifier)[..., None, None] for classifier in (by_average, by_maximum)]
    return logits, torch.cat(weighted, dim=1)


def learnt_weight(classifier: nn.Linear) -> Tensor:
    """The parameter (1, C) of a classifier.

    Under spectral norm this is the weight before its normalisation: U-GAT-IT's authors, and photo2cartoon's after them,
    weigh the maps with the first of ``parameters()``, which in their discriminators is ``weight_orig``.
    """
    if parametrize.is_parametrized(classifier, "weight"):
        return classifier.get_parameter("parametrizations.weight.original")
    return classifier.weight
