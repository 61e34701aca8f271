"""8-bit pictures <-> the numbers that networks compute with."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in luma (ITU-R BT.601), which Pillow and the networks' authors take for grey."""


def luma(pictures: Tensor) -> Tensor:
    """Float RGB pictures (N, 3, H, W), in any value range, as grey ones (N, 1, H, W) in the same."""
    return (pictures * pictures.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)


def to_tensor(image: Image.Image, value_range: tuple[float, float], channels: str = "RGB") -> Tensor:
    """An RGB image as float (C, H, W).

    Args:
        image: mode RGB.
        value_range: what black and white become.
        channels: ``"RGB"``, ``"BGR"``, or ``"L"`` for one channel of luma (ITU-R BT.601).
    """
    low, high = value_range
    if channels == "L":
        pixels = torch.from_numpy(np.array(image.convert("L")))[None]
    else:
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)
    if channels == "BGR":
        pixels = pixels.flip(0)
    return pixels.float() * ((high - low) / 255.0) + low


def to_images(pictures: Tensor, value_range: tuple[float, float], channels: str = "RGB") -> list[Image.Image]:
    """The way back: (N, C, H, W) as N RGB images, rounded to the nearest level; values out of range are clamped."""
    low, high = value_range
    pixels = ((pictures.detach().float() - low) * (255.0 / (high - low))).round().clamp(0, 255).to(torch.uint8)
    if channels == "BGR":
        pixels = pixels.flip(1)
    if channels == "L":
        pixels = pixels.expand(-1, 3, -1, -1)
    return [Image.fromarray(array) for array in pixels.permute(0, 2, 3, 1).contiguous().cpu().numpy()]
