"""Any size of picture for networks that take only some sizes: pad by reflection, crop back."""

from __future__ import annotations

import torch
from torch import Tensor


def padded_length(length: int, multiple: int, minimum: int) -> int:
    """The smallest multiple of ``multiple`` that is at least ``length`` and at least ``minimum``."""
    return -(-max(length, minimum) // multiple) * multiple


def pad_up(images: Tensor, multiple: int, minimum: int) -> Tensor:
    """Pad (N, C, H, W) at the right and the bottom until the network takes it; a size that fits is returned as it is.

    The padding is the picture's mirror image without its edge pixel, mirrored again as often as it takes, so that a
    3-pixel picture fills 256 pixels too. One pixel has no mirror image and is repeated.
    """
    height, width = images.shape[-2:]
    for dim, length in ((-2, height), (-1, width)):
        target = padded_length(length, multiple, minimum)
        if target != length:
            images = images.index_select(dim, _mirrored(length, target, images.device))
    return images


def _mirrored(length: int, target: int, device: torch.device) -> Tensor:
    """Indices 0, 1, ..., length - 1, length - 2, ..., 1, 0, 1, ... of ``target`` elements."""
    period = max(2 * (length - 1), 1)
    phase = torch.arange(target, device=device) % period
    return torch.minimum(phase, period - phase) if length > 1 else torch.zeros_like(phase)
