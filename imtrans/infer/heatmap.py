"""Where a network looked, as colours over the picture that it was given."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

OPACITY = 0.5
"""Share of the colours in a picture with its heatmap laid over."""

STOPS = (0.0, 0.25, 0.5, 0.75, 1.0)
COLOURS = ((0.02, 0.03, 0.25), (0.05, 0.40, 0.75), (0.35, 0.75, 0.45), (0.98, 0.80, 0.20), (0.85, 0.10, 0.10))
"""From cold to hot: deep blue, blue, green, yellow, red. RGB from 0 to 1 at the :data:`STOPS`, straight between."""


def levels_of(heatmap: Tensor) -> Tensor:
    """A heatmap of any range, (N, 1, H, W), as levels: 0 at the least value of each picture, 1 at its greatest.

    A map of one value says nothing of where, and becomes 0.
    """
    lowest, highest = (extreme(heatmap, dim=(1, 2, 3), keepdim=True) for extreme in (torch.amin, torch.amax))
    span = highest - lowest
    return (heatmap - lowest) / torch.where(span > 0, span, 1)


def colours_of(levels: np.ndarray) -> np.ndarray:
    """Levels from 0 to 1, of any shape (...), as RGB from 0 to 1, (..., 3)."""
    return np.stack([np.interp(levels, STOPS, channel) for channel in zip(*COLOURS, strict=True)], axis=-1)


def laid_over(pictures: Tensor, levels: Tensor) -> Tensor:
    """The colours of the levels over the pictures.

    Args:
        pictures: RGB, (N, 3, H, W), uint8 0..255 or float 0..1, on any device.
        levels: (N, 1, H', W') from 0 to 1; another size than the pictures' is brought to it.

    Returns:
        RGB, (N, 3, H, W), float32 0..1, on the pictures' device.
    """
    images = pictures.float() / 255 if pictures.dtype == torch.uint8 else pictures.float()
    if levels.shape[-2:] != images.shape[-2:]:
        levels = functional.interpolate(levels, images.shape[-2:], mode="bilinear")
    colours = torch.from_numpy(colours_of(levels[:, 0].cpu().numpy())).permute(0, 3, 1, 2)
    return torch.lerp(images, colours.to(images), OPACITY)
