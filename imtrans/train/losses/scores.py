"""What discriminators give: one score a picture, a map of scores a picture, or such maps at several scales."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from torch import Tensor

from imtrans.errors import UsageError

Scores: TypeAlias = "Tensor | Sequence[Tensor]"
"""Raw outputs without an activation, of any shape: one tensor, or one a scale (pix2pixHD, SPADE)."""


def by_scale(scores: Scores, whose: str = "the discriminator") -> list[Tensor]:
    """The scores of each scale, none of them empty.

    Args:
        scores: one tensor, or one for each scale.
        whose: for the message.

    Raises:
        UsageError: there is no scale, a scale is no tensor, or it holds no score.
    """
    scales = [scores] if isinstance(scores, Tensor) else list(scores)
    if not scales:
        raise UsageError(f"{whose} gave an empty list of scores.", have="A loss needs the scores of one scale or more.")
    for place, scale in enumerate(scales):
        if not isinstance(scale, Tensor):
            raise UsageError(
                f"scale {place} of {whose} is no tensor of scores but a {type(scale).__name__}.",
                hint="A discriminator that gives its inner maps as well goes through predictions() first.",
            )
        if scale.numel() == 0:
            raise UsageError(f"{whose} gave no score: a tensor of shape {tuple(scale.shape)}.")
    return scales


def in_pairs(one: Scores, other: Scores) -> list[tuple[Tensor, Tensor]]:
    """Scores of real and of fake pictures, scale by scale.

    Raises:
        UsageError: as :func:`by_scale`, or the numbers of scales differ.
    """
    first, second = by_scale(one), by_scale(other)
    if len(first) != len(second):
        raise UsageError(f"real pictures were judged at {len(first)} scales and fake ones at {len(second)}.")
    return list(zip(first, second, strict=True))


def predictions(outputs: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    """The last map of each scale, of a discriminator that gives its inner maps too ([[map, ..., scores], ...]).

    Raises:
        UsageError: a scale is empty.
    """
    if not outputs or any(len(maps) == 0 for maps in outputs):
        raise UsageError(
            "a discriminator without any map has no scores.", have=f"Maps by scale: {[len(m) for m in outputs]}."
        )
    return [maps[-1] for maps in outputs]
