"""Tiny data sets for tests."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
from PIL import Image

from imtrans.data.augmentation import Augmentation

WHOLE = Augmentation(load_size=8, crop_size=8, flip=False)
SMALL = Augmentation(load_size=12, crop_size=8)


def noise(seed: int, width: int = 16, height: int = 8) -> np.ndarray:
    """Random pixels, uint8 (height, width, 3)."""
    return np.random.default_rng(seed).integers(256, size=(height, width, 3), dtype=np.uint8)


def picture(path: Path, seed: int = 0, width: int = 16, height: int = 8) -> Path:
    """A picture of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise(seed, width, height)).save(path)
    return path


def grey(path: Path, level: int, size: tuple[int, int] = (8, 8)) -> Path:
    """A picture of one level."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (level,) * 3).save(path)
    return path


def label_map(path: Path, indices: np.ndarray, *, palette: bool = False) -> Path:
    """An index map as a grey PNG, or one with a palette."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(indices)
    if palette:
        image = image.convert("P")
        image.putdata(indices.ravel().tolist())
        image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255] * 85)
    image.save(path)
    return path


def idx(path: Path, values: np.ndarray, *, kind: int = 8) -> Path:
    """An IDX file, packed where the name ends in .gz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = bytes([0, 0, kind, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def digits(root: Path, count: int = 6, name: str = "train") -> Path:
    """Pictures of 5 x 4 whose level is 20 times their number, and labels 0, 1, 2, 0, 1, 2, ..."""
    levels = 20 * np.arange(count, dtype=np.uint8)
    idx(root / f"{name}-images-idx3-ubyte.gz", np.broadcast_to(levels[:, None, None], (count, 4, 5)))
    idx(root / f"{name}-labels-idx1-ubyte", (np.arange(count) % 3).astype(np.uint8))
    return root
