"""The benchmark of digits, on bars that stand for digits and an untrained generator."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import digits
import numpy as np
import pytest
import torch

from imtrans.weights.identity import metadata_for
from imtrans.weights.writer import save
from imtrans_gan.config import ConditionalConvGeneratorConfig
from imtrans_gan.generators import build_generator


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A hundred pictures in IDX files; digit k is a bar whose height is its number."""
    labels = np.arange(100, dtype=np.uint8) % 10
    images = np.zeros((100, 28, 28), np.uint8)
    for place, label in enumerate(labels):
        images[place, 4 : 6 + 2 * label, 8:20] = 255
    (tmp_path / "train-images-idx3-ubyte").write_bytes(struct.pack(">4B3I", 0, 0, 8, 3, 100, 28, 28) + images.tobytes())
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(struct.pack(">4BI", 0, 0, 8, 1, 100) + labels.tobytes())
    return tmp_path


def test_generators_are_judged_beside_a_classifier(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = ConditionalConvGeneratorConfig(size=16, channels=1, base_channels=4)
    weights = save(data / "g.safetensors", build_generator(config).state_dict(), metadata_for("cdcgan", config))
    arguments = ["--data", str(data), "--epochs", "1", "--per-class", "2", "--output", str(data / "r.json")]
    assert digits.main([f"cdcgan={weights}", *arguments]) == 0
    found = json.loads((data / "r.json").read_text())
    assert found == json.loads(capsys.readouterr().out)
    assert (found["classifier"]["learnt"], found["classifier"]["held_out"]) == (90, 10)
    assert all(0 <= found["classifier"][share] <= 1 for share in ("accuracy", "sure"))
    judged = found["generators"]["cdcgan"]
    assert judged["pictures"] == sum(judged["spread"]) == 20
    assert len(judged["as_asked_by_digit"]) == 10
    assert judged["as_asked"] == pytest.approx(sum(judged["as_asked_by_digit"]) / 10)


def test_the_classifier_learns(data: Path) -> None:
    pictures, labels = digits.read_digits(data)
    classifier = digits.train(pictures, labels, 30, 0, batch=20)
    assert (digits.read(classifier, pictures).argmax(1) == labels).float().mean() > 0.5
    assert torch.allclose(digits.read(classifier, pictures).sum(1), torch.ones(100))


def test_a_folder_without_digits_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert digits.main(["--data", str(tmp_path)]) == 1
    assert "holds no IDX files" in capsys.readouterr().err
