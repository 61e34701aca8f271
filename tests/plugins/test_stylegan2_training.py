"""StyleGAN2 from folders by class to pictures of a class, with all that it keeps from step to step."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imtrans.cli.main import main

SMALL = (
    *("--set", "generator.resolution=8", "--set", "generator.channel_base=32", "--set", "generator.mapping_layers=1"),
    *("--set", "generator.z_dim=4", "--set", "generator.w_dim=4", "--set", "generator.c_dim=2"),
    *("--load-size", "8", "--crop-size", "8", "--batch-size", "6", "--device", "cpu", "--set", "train.workers=0"),
)
LAZY = (
    *("--set", "r1_every=2", "--set", "pl_every=3", "--set", "train.ema_half_life=20", "--set", "train.accumulate=2"),
    *(
        "--set",
        "augment.kind=ada",
        "--set",
        "augment.p=0.5",
        "--set",
        "augment.kimg=0.1",
        "--set",
        "augment.interval=2",
    ),
    *("--precision", "bf16", "--set", "train.checkpoint_every=3"),
)
Command = Callable[..., str]


@pytest.fixture
def imtrans(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """Run a command in a folder with ``pictures`` of two classes; gives what it says."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for name in ("cats/0", "cats/1", "cats/2", "dogs/0", "dogs/1"):
        Path("pictures", name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(256, size=(8, 8, 3), dtype=np.uint8)).save(f"pictures/{name}.png")

    def command(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["imtrans", *arguments])
        try:
            main()
        except SystemExit as leaving:
            status = leaving.code or 0
        told = capsys.readouterr()
        return told.out if status == 0 else f"status {status}: {told.err}"

    return command


def test_a_resume_between_lazy_penalties_is_exact(imtrans: Command) -> None:
    """R1, path lengths and their mean, the pace of ADA, averages and portions; then every class can be drawn."""
    told = imtrans("train", "stylegan2", "--data", "pictures", "--output", "whole", "--steps", "5", *SMALL, *LAZY)
    assert "path_length=" in told, told
    shutil.copytree("whole", "parts")
    shutil.rmtree("parts/checkpoints/step-00000005")
    imtrans("train", "stylegan2", "--output", "parts", "--resume", "--device", "cpu")
    whole, parts = (
        {path.name: path.read_bytes() for path in Path(run, "checkpoints/step-00000005").glob("*.safetensors")}
        for run in ("whole", "parts")
    )
    assert set(whole) >= {"generator.ema.safetensors", "path_length.safetensors", "augment.safetensors"}
    assert whole == parts
    imtrans("generate", "stylegan2", "--weights", "whole", "--class", "0,1", "--seeds", "7", "--output", "drawn")
    pictures = [Image.open(f"drawn/seed0007-class{label}.png") for label in (0, 1)]
    assert pictures[0].tobytes() != pictures[1].tobytes()
    assert '"whole/checkpoints/step-00000005/generator.ema.safetensors"' in pictures[0].info["imtrans"]


def test_classes_need_folders(imtrans: Command) -> None:
    """Told before a run is made."""
    told = imtrans("train", "stylegan2", "--data", "pictures/cats", "--output", "run", "--steps", "1", *SMALL)
    assert told.startswith("status 1: error:")
    assert "folders that could be classes" in told
    assert not Path("run").exists()
