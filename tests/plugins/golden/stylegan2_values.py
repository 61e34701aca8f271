"""Values that StyleGAN2's networks are filled with, drawn by the keys of their state dicts.

The golden files hold no weights: whoever knows keys and shapes can draw them anew, in any project's layout.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor


def drawn(key: str, shape: tuple[int, ...]) -> Tensor:
    """Numbers from N(0, 1) by NumPy's legacy generator, whose numbers never change, seeded by the key."""
    values = np.random.RandomState(zlib.crc32(key.encode())).randn(*(shape or (1,)))
    return torch.from_numpy(values).float().reshape(shape)


def fill(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Values by NVIDIA's keys, such as a training would leave them; low-pass filters are left out."""
    return {key: _value(key, shape) for key, shape in shapes.items() if not key.endswith("resample_filter")}


def _value(key: str, shape: tuple[int, ...]) -> Tensor:
    value = drawn(key, shape)
    if key.endswith("affine.bias"):
        return 1 + 0.3 * value
    if key.startswith("mapping.fc") and key.endswith("weight"):
        return 100 * value
    if key.startswith("mapping.fc"):
        return 10 * value
    if key.endswith(("bias", "noise_strength", "w_avg")):
        return 0.3 * value
    return value


def faces(count: int, resolution: int) -> Tensor:
    """Pictures for a discriminator, (count, 3, resolution, resolution) from -1 to 1."""
    return drawn("pictures", (count, 3, resolution, resolution)).clamp(-1, 1)
