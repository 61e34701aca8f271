"""U-GAT-IT's loss on class activation maps: the generator's own classifier learns where the domains differ."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from imtrans.errors import UsageError
from imtrans.train.losses.precision import widen


def cam_loss(translated: Tensor, kept: Tensor) -> Tensor:
    """-E log sigmoid(eta(x_source)) - E log(1 - sigmoid(eta(x_target))) for the classifier eta inside a generator.

    Kim et al., "U-GAT-IT: Unsupervised Generative Attentional Networks with Adaptive Layer-Instance Normalization for
    Image-to-Image Translation", 2020, equation 4; weight 1000 there. The discriminators' classifiers learn by
    ``discriminator_loss("lsgan", ...)`` and ``generator_loss("lsgan", ...)`` on their logits.

    Args:
        translated: logits (N, 2) (average and max pooling) while the generator translates its source domain.
        kept: logits while it is shown a picture of its target domain, for the identity loss.

    Returns:
        A scalar in float32 (float64 for float64 logits).

    Raises:
        UsageError: there are no logits.
    """
    for name, logits in (("translated", translated), ("kept", kept)):
        if logits.numel() == 0:
            raise UsageError(f"the CAM loss got no logits of {name} pictures: shape {tuple(logits.shape)}.")
    source, target = widen(translated), widen(kept)
    cross_entropy = functional.binary_cross_entropy_with_logits
    return cross_entropy(source, torch.ones_like(source)) + cross_entropy(target, torch.zeros_like(target))
