"""A method names its kind of data set, and the run opens, configures and trains with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from imtrans.card import Card, Ref
from imtrans.data.augmentation import Augmentation
from imtrans.data.labels import semantic_input
from imtrans.errors import InputError
from imtrans.train.loop import Trainer
from imtrans.train.method import Losses, Step
from imtrans.train.pictures import open_training_data
from imtrans.train.run import RunFolder
from imtrans.train.settings import RunConfig

from .toys import CARD, SMALL, Toy

CLASSES = 4


class Labelled(Toy):
    """Learns from photos with label maps."""

    data = "labels"
    augmentation: ClassVar[Augmentation] = Augmentation(load_size=9, crop_size=8, flip=False)

    @classmethod
    def classes(cls, config: Any) -> int:
        return CLASSES

    def generator_loss(self, step: Step) -> Losses:
        spread = semantic_input(step.batch, CLASSES, unknown=True)
        assert spread.shape[1:] == (CLASSES + 1, 8, 8)
        assert (spread.sum(1) == 1).all()
        fake = self.networks["generator"](step.batch["image"])
        step.shared["fake"] = step.pools["fakes"].query(fake.detach())
        return {"distance": (fake - spread[:, :1]).square().mean()}

    def preview(self, batch: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return {"image": batch["image"]}


class Classified(Labelled):
    """Learns from pictures with their class."""

    data = "classes"

    def generator_loss(self, step: Step) -> Losses:
        fake = self.networks["generator"](step.batch["image"])
        step.shared["fake"] = step.pools["fakes"].query(fake.detach())
        return {"distance": (fake.mean((1, 2, 3)) - step.batch["labels"]).square().mean()}


LABELLED = replace(CARD, method=Ref(f"{__name__}:Labelled"))
CLASSIFIED = replace(CARD, method=Ref(f"{__name__}:Classified"))


@pytest.fixture
def streets(tmp_path: Path) -> Path:
    root = tmp_path / "streets"
    random = np.random.default_rng(0)
    for folder, shape, most in (("trainA", (10, 10), CLASSES), ("trainB", (10, 10, 3), 256)):
        (root / folder).mkdir(parents=True)
        for number in range(3):
            Image.fromarray(random.integers(most, size=shape, dtype=np.uint8)).save(root / folder / f"{number}.png")
    return root


def configured(card: Card, root: Path, *settings: str) -> RunConfig:
    return RunConfig.defaults(card, str(root)).override([*SMALL[2:], "train.steps=3", *settings])


@pytest.mark.parametrize("settings", [(), ("train.workers=1", "train.cache=1MB", "train.batch_size=2")])
@pytest.mark.parametrize("card", [LABELLED, CLASSIFIED])
def test_other_kinds_train(streets: Path, tmp_path: Path, card: Card, settings: tuple[str, ...]) -> None:
    if card is CLASSIFIED:
        for old, new in (("trainA", "cats"), ("trainB", "dogs")):
            (streets / old).rename(streets / new)
    chosen = configured(card, streets, *settings)
    data = open_training_data(card, chosen)
    run = RunFolder(tmp_path / "run")
    run.create(chosen)
    trainer = Trainer(card, chosen, run, data, data.preview(4), torch.device("cpu"))
    assert trainer.fit()
    assert (tmp_path / "run" / "samples" / "step-00000003.png").is_file()


def test_the_authors_sizes_are_the_defaults(tmp_path: Path, streets: Path) -> None:
    own = Labelled.augmentation
    assert RunConfig.defaults(LABELLED).augmentation == own
    path = tmp_path / "config.toml"
    path.write_text('model = "toy"\n[augmentation]\nflip = true\n')
    assert RunConfig.read(path, LABELLED).augmentation == replace(own, flip=True)
    assert RunConfig.read(path, CARD).augmentation == Augmentation()


def test_a_model_with_too_little_room(streets: Path) -> None:
    Image.fromarray(np.full((10, 10), CLASSES, dtype=np.uint8)).save(streets / "trainA" / "1.png")
    with pytest.raises(InputError, match=r"1 of 3 label maps hold classes beyond 0\.\.3"):
        open_training_data(LABELLED, configured(LABELLED, streets))


def test_the_wrong_folder_is_told(data: Path) -> None:
    with pytest.raises(InputError, match=r"have no partner"):
        open_training_data(LABELLED, configured(LABELLED, data))
