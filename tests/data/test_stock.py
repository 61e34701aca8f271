"""Files by their place: how much of a JPEG is decoded, and how near that comes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from imtrans.data.augmentation import Augmentation
from imtrans.data.picture import read_picture
from imtrans.data.stock import FileStock

from .making import noise


def scenery(path: Path, width: int = 640, height: int = 480) -> Path:
    """Something as smooth as a photo."""
    blobs = Image.fromarray(noise(0, width // 16, height // 16)).resize((width, height), Image.Resampling.BICUBIC)
    blobs.filter(ImageFilter.GaussianBlur(2)).save(path, quality=92)
    return path


def test_a_large_jpeg_is_decoded_at_a_fraction(tmp_path: Path) -> None:
    path = scenery(tmp_path / "a.jpg")
    assert read_picture(path).size == (640, 480)
    assert read_picture(path, least=(240, 240)).size == (320, 240)
    assert read_picture(path, least=(241, 241)).size == (640, 480)


def test_other_formats_are_decoded_whole(tmp_path: Path) -> None:
    assert read_picture(scenery(tmp_path / "a.bmp"), least=(10, 10)).size == (640, 480)


def test_a_fraction_looks_like_the_whole(tmp_path: Path) -> None:
    path = scenery(tmp_path / "a.jpg")
    augmentation = Augmentation(load_size=60, crop_size=60)
    quick = np.asarray(FileStock([path]).load(0, augmentation), dtype=int)
    whole = np.asarray(augmentation.resize(read_picture(path).image), dtype=int)
    assert quick.shape == (60, 60, 3)
    assert np.abs(quick - whole).mean() < 1


def test_samples_come_from_the_whole(tmp_path: Path) -> None:
    path = scenery(tmp_path / "a.jpg")
    augmentation = Augmentation(load_size=60, crop_size=60)
    sample = np.asarray(FileStock([path]).fit(0, augmentation))
    assert np.array_equal(sample, np.asarray(augmentation.fit(read_picture(path).image)))
