"""Means between two reports."""

from __future__ import annotations

import pytest
import torch

from imtrans.train.meter import Meter


def test_means_since_the_last_report() -> None:
    meter = Meter(batch_size=4)
    meter.add({"gan": torch.tensor(1.0), "lazy": torch.tensor(8.0)})
    meter.add({"gan": torch.tensor(3.0)})
    progress = meter.progress(2, 10)
    assert (progress.step, progress.total) == (2, 10)
    assert progress.losses == {"gan": 2.0, "lazy": 8.0}
    assert progress.images_per_second > 0
    meter.add({"gan": torch.tensor(5.0)})
    assert meter.progress(3, 10).losses == {"gan": 5.0}


def test_thousands_of_small_losses_keep_their_digits() -> None:
    meter = Meter(1)
    for _ in range(5000):
        meter.add({"loss": torch.tensor(0.1)})
    assert meter.progress(5000, 5000).losses["loss"] == pytest.approx(0.1, rel=1e-7)


def test_losses_are_not_changed() -> None:
    meter, loss = Meter(1), torch.tensor(1.0, dtype=torch.float64)
    meter.add({"loss": loss})
    meter.add({"loss": loss})
    assert loss == 1
    assert meter.progress(2, 2).losses == {"loss": 1.0}
