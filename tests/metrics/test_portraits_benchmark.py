"""The benchmark of portraits, on pictures and networks made up for the test."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from imtrans.nn.generators import build_generator
from imtrans_cyclegan.config import GeneratorConfig

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "models" / "portraits.py"


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    """A command line over a handful of small pictures and two untrained generators."""
    for split in ("train", "test"):
        for domain, tone in (("A", (200, 60, 30)), ("B", (90, 90, 90))):
            folder = tmp_path / "data" / f"{split}{domain}"
            folder.mkdir(parents=True)
            for number in range(3):
                colour = tuple(level + 5 * number for level in tone)
                Image.new("RGB", (48, 48), colour).save(folder / f"{domain}{number}.png")
    demos = tmp_path / "demos"
    demos.mkdir()
    Image.effect_noise((70, 50), 80).save(demos / "noise.png")
    torch.manual_seed(0)
    for name in ("a2b", "b2a"):
        torch.save(build_generator(GeneratorConfig(ngf=2, blocks=1)).state_dict(), tmp_path / f"{name}.pth")
    folders = {name: tmp_path / name for name in ("data", "cache", "demos", "sheets")}
    files = {"a2b": "a2b.pth", "b2a": "b2a.pth", "output": "results/out.json", "grid": "grid.png"}
    options = [*folders.items(), *((name, tmp_path / file) for name, file in files.items())]
    settings = ["--classifier-steps", "2", "--device", "cpu", "--precision", "fp32", "--show", "0", "2"]
    return [*(text for name, path in options for text in (f"--{name}", str(path))), *settings]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_it_measures_draws_and_tells_no_paths(arguments: list[str], tmp_path: Path) -> None:
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "results" / "out.json").read_text()
    assert str(tmp_path) not in text
    results = json.loads(text)
    for direction in ("a2b", "b2a"):
        assert set(results[direction]["taken_for_target"]) == {"colour", "luminance"}
        assert 0 < results[direction]["cycle_l1"] < 1
        assert set(results[direction]["lattice"]) == {"period 2", "period 4"}
        assert results["settings"]["weights"][direction]["network"]["ngf"] == 2
    identity = results["trivial"]["identity"]["a2b"]["colour"]
    assert identity == pytest.approx(len(results["classifiers"]["colour"]["wrong"]["A"]) / 3, abs=1e-4)
    with Image.open(tmp_path / "grid.png") as grid:
        assert grid.width == 2 * 164 + 4
    assert {path.name for path in (tmp_path / "sheets").iterdir()} == {"from-A.png", "from-B.png"}
    assert len(list((tmp_path / "cache").iterdir())) == 2


@pytest.mark.slow
def test_missing_weights_are_an_error_in_words(arguments: list[str]) -> None:
    done = run(*arguments, "--a2b", "nowhere.pth")
    assert done.returncode != 0
    assert "nowhere.pth" in done.stderr
    assert "Traceback" not in done.stderr
