"""Feature matching: a fake should look to the discriminator's inner layers as the real picture does."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from imtrans.errors import UsageError
from imtrans.train.losses.reconstruction import l1_loss


def feature_matching_loss(fake: Sequence[Sequence[Tensor]], real: Sequence[Sequence[Tensor]]) -> Tensor:
    """The mean over scales k of 4 / T_k * sum over inner layers i of E |D_k^i(real) - D_k^i(fake)|.

    Wang et al., "High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs" (pix2pixHD), 2018,
    equation 4, with the authors' weights: 1 / number of scales, and 4 / T_k for T_k inner layers. Their discriminators
    have four, so the sum is plain, as in SPADE. The methods multiply by lambda_feat = 10.

    Args:
        fake: of each scale the inner maps of the fakes, the scores last; the scores do not take part.
        real: the same of the real pictures; they are detached.

    Returns:
        A scalar in float32 (float64 for float64 maps).

    Raises:
        UsageError: no scales, no inner maps, or maps that do not match.
    """
    if not fake or len(fake) != len(real):
        raise UsageError(
            f"feature matching compares scale by scale, and got {len(fake)} scales of fakes and {len(real)} of reals.",
            hint="Give what the discriminator makes of both: [[map, ..., scores], ...].",
        )
    return torch.stack([_of_scale(*maps, place) for place, maps in enumerate(zip(fake, real, strict=True))]).mean()


def _of_scale(fake: Sequence[Tensor], real: Sequence[Tensor], place: int) -> Tensor:
    if len(fake) != len(real) or len(fake) < 2:
        raise UsageError(
            f"scale {place} has {len(fake)} maps of fakes and {len(real)} of reals.",
            have="Feature matching needs as many of both, one inner map at least, and the scores last.",
        )
    inner = zip(fake[:-1], real[:-1], strict=True)
    return 4 / (len(fake) - 1) * torch.stack([l1_loss(one, other.detach()) for one, other in inner]).sum()
