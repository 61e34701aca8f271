"""Domain classifiers: trained once on a data set, kept, and trained anew for another one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import save

from imtrans.errors import InputError
from imtrans.metrics.domain import ClassifierConfig, share_taken_for
from imtrans.metrics.judges import obtain_judges

QUICK = [ClassifierConfig(sees, width=4, steps=100, batch_size=8) for sees in ("colour", "luminance")]  # type: ignore[arg-type]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A is red, B is blue; one file is damaged."""
    random = np.random.default_rng(0)
    for domain, channel in (("A", 0), ("B", 2)):
        for number in range(8):
            picture = random.integers(0, 60, (24, 24, 3), dtype=np.uint8)
            picture[..., channel] += 180
            save(tmp_path / "data" / f"train{domain}" / f"{number}.png", picture)
    (tmp_path / "data" / "trainA" / "bad.png").write_bytes(b"no picture")
    return tmp_path / "data"


def test_trained_once_and_kept(data: Path, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    cache = tmp_path / "cache"
    judges = obtain_judges(data, configs=QUICK, cache=cache, report=lambda *news: told.append(news))
    assert told == [("colour", 100, 100), ("luminance", 100, 100)]
    red = torch.tensor([0.8, 0.1, 0.1]).view(1, 3, 1, 1).expand(2, 3, 30, 30)
    assert share_taken_for(judges["colour"], red, "A") == 1
    assert share_taken_for(judges["colour"], red.flip(1), "B") == 1
    again = obtain_judges(data, configs=QUICK, cache=cache, report=lambda *news: told.append(news))
    assert len(told) == 2
    for sees, judge in judges.items():
        assert all(torch.equal(value, again[sees].state_dict()[key]) for key, value in judge.state_dict().items())
    (data / "trainA" / "1.png").unlink()
    obtain_judges(data, configs=QUICK, cache=cache, report=lambda *news: told.append(news))
    assert len(told) == 4


def test_nothing_to_train_on(tmp_path: Path) -> None:
    for domain in "AB":
        (tmp_path / f"train{domain}").mkdir()
        (tmp_path / f"train{domain}" / "1.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match="none of the 1 pictures in"):
        obtain_judges(tmp_path, configs=QUICK, cache=tmp_path / "cache")
