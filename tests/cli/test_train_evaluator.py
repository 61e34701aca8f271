"""Who measures a training: by the kind of data set, pairs or sets, or nobody."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from imtrans.cli.train_evaluator import held_out_evaluator
from imtrans.data.augmentation import Augmentation
from imtrans.errors import ConfigError, UsageError
from imtrans.train.config import TrainConfig
from imtrans.train.settings import RunConfig

CPU = torch.device("cpu")


@pytest.fixture
def settings(tmp_path: Path) -> RunConfig:
    """A run on a folder with two held-out pictures of each domain."""
    for domain in ("testA", "testB"):
        (tmp_path / domain).mkdir()
        for number in range(2):
            Image.fromarray(np.full((8, 8, 3), 99 * number, np.uint8)).save(tmp_path / domain / f"{number}.png")
    train = TrainConfig(steps=1, evaluate_every=1, metrics="psnr,l1")
    return RunConfig("some", str(tmp_path), train, Augmentation(8, 8), None)


def method(kind: str, *directions: str) -> Any:
    translators: Mapping[str, Any] = dict.fromkeys(directions, ("generator", None))
    return SimpleNamespace(data_for=lambda config: kind, translators=lambda: translators)


def test_pairs_are_compared_in_the_direction_that_is_learnt(settings: RunConfig) -> None:
    evaluator = held_out_evaluator(method("paired", "b2a"), settings, CPU)
    assert {name: plan.paired for name, plan in evaluator.plans.items()} == {"b2a": True}
    assert evaluator({"b2a": torch.clone})["b2a/l1"] == 0


def test_sets_refuse_what_needs_pairs(settings: RunConfig) -> None:
    with pytest.raises(UsageError, match="psnr"):
        held_out_evaluator(method("unpaired", "a2b", "b2a"), settings, CPU)


@pytest.mark.parametrize(
    ("kind", "direction", "words"),
    [
        ("labels", "a2b", "photos with label maps"),
        ("single", "a2b", "pictures of one kind"),
        ("classes", "sample", "pictures with their class"),
        ("unpaired", "sample", "two domains"),
    ],
)
def test_without_two_domains_there_is_nothing_to_evaluate(
    settings: RunConfig, kind: str, direction: str, words: str
) -> None:
    with pytest.raises(ConfigError, match="translates between no domains") as caught:
        held_out_evaluator(method(kind, direction), settings, CPU)
    assert words in caught.value.have
    assert "evaluate_every" in caught.value.hint
