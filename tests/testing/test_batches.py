"""The suite's random batches are laid out as those of the data sets."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from PIL import Image

from imtrans import registry
from imtrans.data.augmentation import Augmentation
from imtrans.data.kinds import KindName, open_data
from imtrans.testing.batches import random_batch
from imtrans.train.feed import batches


def picture(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def data_set(root: Path, kind: KindName) -> Path:
    """Two items of the kind, with everything that it may have."""
    folders = {
        "unpaired": ("trainA", "trainB"),
        "paired": ("trainA", "trainB"),
        "labels": ("train_img", "train_label", "train_inst"),
        "single": ("train",),
        "classes": ("train/cats", "train/dogs"),
    }
    random = np.random.default_rng(0)
    for folder in folders[kind]:
        for number in range(2):
            index_map = folder in ("train_label", "train_inst")
            shape, most = ((8, 8), 3) if index_map else ((8, 8, 3), 256)
            picture(root / folder / f"{number}.png", random.integers(most, size=shape, dtype=np.uint8))
    return root


@pytest.mark.parametrize("kind", get_args(KindName))
def test_names_shapes_types_and_ranges_are_those_of_the_kind(tmp_path: Path, kind: KindName) -> None:
    card = registry.find("cyclegan")
    data = open_data(kind, data_set(tmp_path, kind), Augmentation(8, 8), card.value_range, classes=3)
    real, _ = next(batches(data, range(2), 2, 0, pin=False))
    made = random_batch(kind, card, 8, classes=3, instance_maps=True)
    assert made.keys() == real.keys()
    for name, tensor in made.items():
        assert (tensor.shape, tensor.dtype) == (real[name].shape, real[name].dtype), name
        if tensor.is_floating_point():
            assert tensor.min() < -0.5
            assert tensor.max() > 0.5
    again = random_batch(kind, card, 8, classes=3, instance_maps=True)
    assert all(torch.equal(tensor, again[name]) for name, tensor in made.items())


def test_seeds_and_instance_maps_make_a_difference() -> None:
    card = registry.find("cyclegan")
    one, other = (random_batch("labels", card, 8, seed=seed) for seed in (0, 1))
    assert "edges" not in one
    assert not torch.equal(one["image"], other["image"])
    assert int(random_batch("labels", card, 32, classes=5)["label"].max()) == 5
