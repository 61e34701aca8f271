"""Grids of samples and the pictures they start from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imtrans.errors import OutputError
from imtrans.train.samples import make_grid, write_samples


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
