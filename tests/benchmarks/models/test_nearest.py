"""The benchmark that looks for copies, on pictures of noise and an untrained generator."""

from __future__ import annotations

import json
from pathlib import Path

import nearest
import numpy as np
import pytest
import torch
from PIL import Image

from imtrans.weights.identity import metadata_for
from imtrans.weights.writer import save
from imtrans_gan.config import ConvGeneratorConfig
from imtrans_gan.generators import build_generator


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve pictures of noise to learn from, and four others."""
    for name, count in {"train": 12, "test": 4}.items():
        (tmp_path / name).mkdir()
        for number in range(count):
            pixels = np.random.default_rng([len(name), number]).integers(0, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    return tmp_path


def test_a_generator_is_compared_with_its_training_pictures(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = ConvGeneratorConfig(size=16, channels=3, base_channels=4)
    weights = save(folder / "g.safetensors", build_generator(config).state_dict(), metadata_for("dcgan", config))
    arguments = ["--data", str(folder / "train"), "--held-out", str(folder / "test"), "--pictures", "5"]
    outputs = ["--output", str(folder / "r.json"), "--sheet", str(folder / "sheet.png")]
    assert nearest.main([f"dcgan={weights}", *arguments, *outputs]) == 0
    found = json.loads((folder / "r.json").read_text())
    assert found == json.loads(capsys.readouterr().out)
    assert found["training_pictures"] == 12
    assert found["copies"] == {"drawn": 0.0, "held_out": 0.0, "training_pictures_themselves": 1.0}
    assert found["to_nearest_training_picture"]["drawn"]["least"] > 0
    with Image.open(folder / "sheet.png") as sheet:
        assert sheet.size == (5 * 16, 2 * 16)


def test_a_mirror_image_is_no_distance_away_and_a_copy(folder: Path) -> None:
    learnt = nearest.read(folder / "train")
    between = nearest.distances(learnt[:3].flip(3), learnt)
    assert between.argmin(1).tolist() == [0, 1, 2]
    assert between.amin(1).max() < 1e-6
    assert nearest.copies(between) == 1.0


def test_distances_are_root_mean_squares_over_the_range() -> None:
    black, grey = torch.zeros(1, 3, 32, 32), torch.full((1, 3, 32, 32), 0.25)
    assert nearest.distances(black, grey).item() == pytest.approx(0.25)
    assert nearest.apart(torch.cat([black, grey, grey])).tolist() == pytest.approx([0.25, 0, 0])


def test_a_folder_without_pictures_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = ConvGeneratorConfig(size=16, channels=3, base_channels=4)
    weights = save(tmp_path / "g.safetensors", build_generator(config).state_dict(), metadata_for("dcgan", config))
    (tmp_path / "empty").mkdir()
    arguments = ["--data", str(tmp_path / "empty"), "--held-out", str(tmp_path / "empty")]
    assert nearest.main([f"dcgan={weights}", *arguments]) == 1
    assert "no pictures" in capsys.readouterr().err
