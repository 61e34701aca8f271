"""A folder of small pictures, and a training run over it that takes a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from .toys import CARD, SMALL, make_trainer


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small compute faster alone, and tests run side by side."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        yield
    torch.set_num_threads(before)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """``trainA`` with five random pictures and ``trainB`` with three."""
    root = tmp_path / "data"
    random = np.random.default_rng(0)
    for domain, count in (("trainA", 5), ("trainB", 3)):
        (root / domain).mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(256, size=(12, 10, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / domain / f"{number}.png")
    return root


@pytest.fixture
def trainer(data: Path, tmp_path: Path) -> Callable[..., object]:
    """``trainer("key=value", ..., name="run", resume=False)``: a trainer over a new or resumed run folder.

    Further options are those of :func:`make_trainer`.
    """

    def make(*settings: str, name: str = "run", card: object = CARD, **options: object) -> object:
        return make_trainer(card, data, tmp_path / name, (*SMALL, *settings), **options)

    return make
