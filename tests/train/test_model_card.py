"""What an exported file says of itself, and that it is all that running needs."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open

from imtrans.cli.main import main
from imtrans.train.export import export
from imtrans.train.loop import Trainer
from imtrans.train.settings import RunConfig
from imtrans.weights.inspection import inspect

from .toys import SMALL_CYCLEGAN, cyclegan

Make = Callable[..., Trainer]


@pytest.fixture
def run(trainer: Make) -> Trainer:
    """A small CycleGAN with averages."""
    trained = trainer(*SMALL_CYCLEGAN, "train.steps=2", "train.ema=0.9", "train.log_every=1", card=cyclegan())
    trained.fit()
    return trained


def metadata(path: Path) -> dict[str, str]:
    with safe_open(path, framework="pt") as file:
        return dict(file.metadata())


def test_the_card_says_what_was_trained_and_how(run: Trainer, tmp_path: Path) -> None:
    found = metadata(export(run.run.root, tmp_path / "x.safetensors", precision="fp16").path)
    card = found["model_card"]
    assert card.startswith("# cyclegan, a2b\n")
    for words in (
        "running average of the weights after 2 steps, stored in fp16",
        "`data`",
        "Losses: gan_ab",
        "Licence",
    ):
        assert words in card
    assert str(tmp_path) not in "".join(found.values()), "the machine's folders are nobody's business"


def test_the_card_says_whose_pictures_they_were(run: Trainer, tmp_path: Path) -> None:
    written = export(run.run.root, tmp_path / "x.safetensors", pictures="postcards, before 1930", licence="CC0")
    found = metadata(written.path)
    assert "- Training pictures: postcards, before 1930\n- Licence: CC0\n" in found["model_card"]
    assert found["licence"] == "CC0"
    assert inspect(written.path).licence == "CC0"


def test_the_recipe_is_a_configuration(run: Trainer, tmp_path: Path) -> None:
    recipe = metadata(export(run.run.root, tmp_path / "x.safetensors").path)["recipe"]
    (tmp_path / "again.toml").write_text(recipe)
    again = RunConfig.read(tmp_path / "again.toml", cyclegan())
    assert (again.train, again.method) == (run.settings.train, run.settings.method)


def test_a_run_without_configuration_has_a_shorter_card(run: Trainer, tmp_path: Path) -> None:
    run.run.config_path.unlink()
    run.run.log_path.unlink()
    assert "# ?, a2b" in metadata(export(run.run.root, tmp_path / "x.safetensors").path)["model_card"]


def test_the_file_alone_is_run(
    run: Trainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    away = tmp_path / "away"
    away.mkdir()
    export(run.run.root, away / "x.safetensors")
    run.run.root.rename(tmp_path / "gone")
    Image.fromarray(np.zeros((13, 17, 3), np.uint8)).save(away / "in.png")
    monkeypatch.chdir(away)
    arguments = ("run", "cyclegan", "--weights", "x.safetensors", "--input", "in.png", "--output", "out.png")
    monkeypatch.setattr(sys, "argv", ["imtrans", *arguments])
    with contextlib.suppress(SystemExit):
        main()
    assert "error" not in capsys.readouterr().err
    with Image.open(away / "out.png") as picture:
        assert picture.size == (17, 13)
