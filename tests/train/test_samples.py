"""Grids of samples and the pictures they start from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imtrans.data.augmentation import Augmentation
from imtrans.errors import InputError, OutputError
from imtrans.train.samples import make_grid, preview_batch, write_samples

from .toys import CARD

SQUARES = Augmentation(load_size=10, crop_size=8)


def test_columns_stand_side_by_side(tmp_path: Path) -> None:
    black, white = -torch.ones(2, 3, 4, 6), torch.ones(2, 3, 4, 4)
    grid = np.array(make_grid({"A": black, "B": white}, (-1.0, 1.0)))
    assert grid.shape == (4 + 2 + 4, 6 + 2 + 4, 3)
    assert (grid[:4, :6] == 0).all()
    assert (grid[6:, :6] == 0).all()
    assert (grid[:, 6:] == 255).all()
    assert (grid[4:6] == 255).all()


def test_columns_may_differ_in_size() -> None:
    grid = make_grid({"A": torch.zeros(1, 3, 4, 4), "x4": torch.zeros(1, 3, 16, 16)}, (0.0, 1.0))
    assert grid.size == (4 + 2 + 16, 16)


def test_a_grid_is_written_or_an_error(tmp_path: Path) -> None:
    columns = {"A": torch.zeros(1, 3, 4, 4)}
    write_samples(columns, (-1.0, 1.0), tmp_path / "grid.png")
    assert Image.open(tmp_path / "grid.png").size == (4, 4)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_samples(columns, (-1.0, 1.0), tmp_path / "file" / "grid.png")


def test_previews_are_training_pictures_where_there_are_no_others(data: Path) -> None:
    batch = preview_batch(data, SQUARES, CARD)
    assert {domain: tuple(pictures.shape) for domain, pictures in batch.items()} == {
        "A": (3, 3, 8, 8),
        "B": (3, 3, 8, 8),
    }
    assert -1 <= batch["A"].min() < batch["A"].max() <= 1


def test_previews_are_held_out_where_some_are(data: Path) -> None:
    for domain, colour in (("testA", "black"), ("testB", "white")):
        (data / domain).mkdir()
        Image.new("RGB", (5, 9), colour).save(data / domain / "0.png")
    batch = preview_batch(data, SQUARES, CARD)
    assert torch.equal(batch["A"], -torch.ones(1, 3, 8, 8))
    assert torch.equal(batch["B"], torch.ones(1, 3, 8, 8))


def test_one_held_out_folder_alone_does_not_count(data: Path) -> None:
    (data / "testA").mkdir()
    Image.new("RGB", (5, 9)).save(data / "testA" / "0.png")
    assert len(preview_batch(data, SQUARES, CARD)["A"]) == 3


def test_grey_networks_get_grey_previews(data: Path) -> None:
    assert preview_batch(data, SQUARES, replace(CARD, channels="L"))["A"].shape == (3, 1, 8, 8)


def test_no_pictures_at_all(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        preview_batch(tmp_path, SQUARES, CARD)
