"""The data set that a run learns from: what the model wants, opened with what the run is set to."""

from __future__ import annotations

from pathlib import Path

from imtrans.card import Card
from imtrans.data.items import TrainingData
from imtrans.data.kinds import open_data
from imtrans.train.method import Method
from imtrans.train.settings import RunConfig

SAMPLES = 4
"""Rows of a sample grid."""


def open_training_data(card: Card, settings: RunConfig) -> TrainingData:
    """The data set of the kind that the card's method learns from.

    Raises:
        InputError: the folder does not hold it.
        ConfigError: there is not as much memory as the cache is to have.
    """
    assert card.method is not None
    method: type[Method] = card.method.load()
    return open_data(
        method.data_for(settings.method),
        Path(settings.data),
        settings.augmentation,
        card.value_range,
        settings.train.seed,
        card.channels,
        classes=method.classes(settings.method),
        cache=settings.train.cache_bytes,
    )
