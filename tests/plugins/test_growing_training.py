"""PGGAN and StyleGAN grow by a schedule, and a run that was interrupted in a fade is the run that was not."""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open

from imtrans import registry
from imtrans.train.settings import RunConfig

PLUGINS = Path(__file__).parents[2] / "plugins"
RECIPES = [
    (model, path) for model in ("pggan", "stylegan") for path in sorted(PLUGINS.glob(f"imtrans_{model}/recipes/*.toml"))
]
QUICK = (
    *("--batch-size", "4", "--precision", "fp32", "--device", "cpu", "--load-size", "16", "--crop-size", "16"),
    *("--set", "train.workers=0", "--set", "train.checkpoint_every=3", "--set", "train.ema=0.5"),
    *("--set", "generator.widths=[6, 5, 4]", "--set", "generator.z_dim=5"),
    *("--set", "growth.start=8", "--set", "growth.first=1", "--set", "growth.stage=5", "--set", "growth.fade=4"),
)
Command = Callable[..., str]


@pytest.fixture
def imtrans(typed: Command, tmp_path: Path) -> Command:
    """Run a command in a folder with ``pictures``; gives what it says."""
    (tmp_path / "pictures").mkdir()
    random = np.random.default_rng(0)
    for number in range(6):
        Image.fromarray(random.integers(256, size=(16, 16, 3), dtype=np.uint8)).save(f"pictures/{number}.png")

    return functools.partial(typed, notes=True)


def bytes_of(run: str, step: int) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in Path(run, f"checkpoints/step-{step:08}").glob("*.safetensors")}


def level_in(run: str, step: int) -> float:
    with safe_open(f"{run}/checkpoints/step-{step:08}/generator.ema.safetensors", framework="pt") as file:
        level: float = json.loads((file.metadata() or {})["imtrans"])["config"]["level"]
    return level


@pytest.mark.parametrize("model", ["pggan", "stylegan"])
def test_a_resume_in_the_middle_of_a_fade_is_exact(imtrans: Command, model: str) -> None:
    """Step 0 is of 8 pixels, 1 to 4 fade 16 in; the run is cut behind step 3, at a share of a quarter."""
    told = imtrans("train", model, "--data", "pictures", "--output", "whole", "--steps", "6", *QUICK)
    assert "grow from 8 to 16 pixels" in told
    assert (level_in("whole", 3), level_in("whole", 6)) == (1.25, -1.0)
    shutil.copytree("whole", "parts")
    shutil.rmtree("parts/checkpoints/step-00000006")
    imtrans("train", model, "--output", "parts", "--resume", "--device", "cpu")
    whole, parts = bytes_of("whole", 6), bytes_of("parts", 6)
    assert set(whole) == {"generator", "generator.ema", "discriminator"}
    assert whole == parts
    for step in (3, 6):
        weights = f"whole/checkpoints/step-{step:08}/generator.ema.safetensors"
        imtrans("generate", model, "--weights", weights, "--seeds", "0-3", "--grid", "2x2", "-o", f"{step}.png")
        with Image.open(f"{step}.png") as picture:
            assert picture.size == (32, 32)


def test_layers_to_come_stay_as_they_were_drawn(imtrans: Command) -> None:
    imtrans("train", "pggan", "--data", "pictures", "--output", "a", "--steps", "3", *QUICK, "--set", "growth.first=9")
    imtrans("train", "pggan", "--data", "pictures", "--output", "b", "--steps", "6", *QUICK, "--set", "growth.first=9")
    with (
        safe_open("a/checkpoints/step-00000003/generator.safetensors", framework="pt") as one,
        safe_open("b/checkpoints/step-00000006/generator.safetensors", framework="pt") as other,
    ):
        moved = {key for key in one.keys() if not one.get_tensor(key).equal(other.get_tensor(key))}  # noqa: SIM118
    assert "scaleLayers.0.0.module.weight" in moved
    assert not [key for key in moved if key.startswith(("scaleLayers.1", "toRGBLayers.2", "toRGBLayers.0"))]


def test_sizes_that_differ_are_told_before_anything_is_made(imtrans: Command) -> None:
    told = imtrans("train", "pggan", "--data", "pictures", "--output", "run", *QUICK, "--crop-size", "8")
    assert "the generator makes pictures of 16 x 16 pixels" in told
    assert not Path("run").exists()


@pytest.mark.parametrize(("model", "recipe"), RECIPES)
def test_the_recipes_are_sound(model: str, recipe: Path) -> None:
    settings = RunConfig.read(recipe, registry.find(model))
    assert settings.method.generator.size == settings.augmentation.crop_size
    assert settings.method.growth.grown(settings.method.generator.top) < settings.train.steps
