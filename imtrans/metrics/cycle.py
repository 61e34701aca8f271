"""The way there and back: how much of a picture two translators preserve between them."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

Translate = Callable[[Tensor], Tensor]
"""Pictures (N, 3, H, W) from 0 to 1 in, pictures of the same shape and range out."""


def cycle_l1(pictures: Tensor, there: Translate, back: Translate) -> Tensor:
    """Mean absolute difference between each picture and its translation there and back.

    This is CycleGAN's cycle-consistency loss (Zhu et al., 2017, equation 2) on pictures in [0, 1], so half of what
    training on [-1, 1] reports before its weight. Low values alone prove little: the identity has 0.

    Args:
        pictures: (N, 3, H, W) from 0 to 1.
        there: the translator under test.
        back: its counterpart.

    Returns:
        (N,), 0 for pictures that came back unchanged and at most 1.
    """
    return (back(there(pictures)) - pictures).abs().mean(dim=(1, 2, 3))
