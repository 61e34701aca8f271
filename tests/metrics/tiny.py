"""Folders of tiny pictures, and a small feature network, for the tests of evaluation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from imtrans.metrics.networks.features import FeatureNetwork


def photo(seed: int, height: int = 16, width: int = 16) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def save(path: Path, array: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return path


def folder(root: Path, name: str, seeds: list[int], *, suffix: str = ".png", **size: int) -> Path:
    """Pictures ``1.png``, ``2.png``, ... with noise from the seeds."""
    for number, seed in enumerate(seeds, 1):
        save(root / name / f"{number}{suffix}", photo(seed, **size))
    return root / name


def moments(pictures: Tensor) -> Tensor:
    """Six numbers for a picture."""
    return torch.cat([pictures.mean((2, 3)), pictures.std((2, 3))], 1)


FEATURES = FeatureNetwork(moments, "moments")


def negative(pictures: Tensor) -> Tensor:
    return 1 - pictures
