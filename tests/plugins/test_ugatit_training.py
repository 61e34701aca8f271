"""U-GAT-IT from two folders to a translated picture and its heatmap, as its users type it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file

from imtrans import registry
from imtrans.train.settings import RunConfig
from imtrans.train.translators import translators_in

RECIPES = Path(__file__).parents[2] / "plugins" / "imtrans_ugatit" / "recipes"
TINY = (
    *("--load-size", "36", "--crop-size", "32", "--set", "train.workers=0", "--set", "train.tensorboard=false"),
    *("--set", "generator.ngf=2", "--set", "generator.blocks=1", "--set", "train.checkpoint_every=10"),
    *("--set", "discriminator.ndf=2", "--set", "discriminator.global_layers=4", "--precision", "fp32"),
    *("--set", "discriminator.local_layers=3"),
)
Command = Callable[..., str]


@pytest.fixture
def imtrans(typed: Command, tmp_path: Path) -> Command:
    """Run a command in a folder with unpaired pictures in ``sets``; gives what it says."""
    random = np.random.default_rng(0)
    for place in ("trainA/1.png", "trainA/2.png", "trainB/1.png"):
        path = tmp_path / "sets" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(256, size=(40, 40, 3), dtype=np.uint8)).save(path)

    return typed


def weights_at(run: str, step: int) -> list[bytes]:
    return [path.read_bytes() for path in sorted(Path(run, f"checkpoints/step-{step:08}").glob("*.safetensors"))]


def test_twenty_steps_and_twenty_in_two_parts_are_the_same(imtrans: Command) -> None:
    """Spectral norms, clipped rhos and the linear schedule included."""
    told = imtrans("train", "ugatit", "--data", "sets", "--output", "whole", "--steps", "20", *TINY)
    assert "2 pictures of A, 1 pictures of B" in told
    assert all(f"{name}=" in told for name in ("discriminator_a", "discriminator_cam_b", "gan_ab", "cam_ba", "cycle_a"))
    shutil.copytree("whole", "parts")
    shutil.rmtree("parts/checkpoints/step-00000020")
    assert "steps 10 to 20" in imtrans("train", "ugatit", "--output", "parts", "--resume")
    assert weights_at("parts", 20) == weights_at("whole", 20)
    assert len(weights_at("whole", 20)) == 6
    checkpoint = Path("whole/checkpoints/step-00000020")
    assert list(translators_in(checkpoint)) == ["a2b", "b2a"]
    for key, value in load_file(checkpoint / "generator_ab.safetensors").items():
        assert not key.endswith("rho") or (value.min() >= 0 and value.max() <= 1)


def test_from_a_run_to_a_picture_and_its_heatmap(imtrans: Command) -> None:
    imtrans("train", "ugatit", "--data", "sets", "--output", "run", "--steps", "1", *TINY)
    weights = "run/checkpoints/step-00000001/generator_ba.safetensors"
    Image.effect_noise((50, 33), 60).convert("RGB").save("in.jpg")
    told = imtrans("run", "ugatit", "--weights", weights, "-i", "in.jpg", "-o", "out", "--heatmap", "--json")
    done = [json.loads(line) for line in told.splitlines() if '"done"' in line and '"event": "done"' in line]
    assert done[0]["heatmap"] == "out/in-heatmap.png"
    for name in ("in.jpg", "in-heatmap.png"):
        assert Image.open(f"out/{name}").size == (50, 33)
    assert not np.array_equal(*(np.asarray(Image.open(name)) for name in ("in.jpg", "out/in-heatmap.png")))


def test_the_full_network_in_words(imtrans: Command) -> None:
    full = ("--set", "generator.light=false", "--set", "generator.img_size=24")
    refused = imtrans("train", "ugatit", "--data", "sets", "--output", "run", "--steps", "1", *TINY, *full)
    assert "the networks take pictures of 24 x 24 pixels, and no others" in refused
    assert not Path("run").exists()
    imtrans("train", "ugatit", "--data", "sets", "-o", "run", "--steps", "1", *TINY, *full, "--crop-size", "24")
    weights = "run/checkpoints/step-00000001/generator_ab.safetensors"
    Image.effect_noise((50, 33), 60).convert("RGB").save("in.png")
    told = imtrans("run", "ugatit", "--weights", weights, "--input", "in.png", "--heatmap", "--json")
    assert "others are resized to that and back" in told
    assert Image.open("imtrans-output/in.png").size == Image.open("imtrans-output/in-heatmap.png").size == (50, 33)


def test_the_card_says_what_the_full_network_takes(imtrans: Command) -> None:
    told = " ".join(imtrans("models", "show", "ugatit").split())
    assert "img_size x img_size only" in told
    assert "1.07 GB" in told


def test_models_without_a_heatmap_say_so_first(imtrans: Command) -> None:
    told = imtrans("run", "cyclegan", "--input", "sets/trainA/1.png", "--heatmap")
    assert told.startswith("status 2")
    assert "'cyclegan' has no heatmap" in told
    assert "ugatit" in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--crop-size", "10"), "They take multiples of 4, from 12 up"),
        (("--set", "discriminator.global_layers=7"), "from 96 up"),
        (("--set", "lambda_cam=-1"), "lambda_cam must not be negative"),
    ],
)
def test_what_cannot_be_meant(imtrans: Command, arguments: tuple[str, ...], words: str) -> None:
    told = imtrans("train", "ugatit", "--data", "sets", "--output", "run", "--steps", "1", *TINY, *arguments)
    assert told.startswith("status")
    assert words in told
    assert not Path("run").exists()


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_recipes_are_settings_of_today(recipe: Path) -> None:
    settings = RunConfig.read(recipe, registry.find("ugatit"))
    generator, judges = settings.method.generator, settings.method.discriminator
    assert generator.light or settings.augmentation.crop_size == generator.img_size
    assert settings.augmentation.crop_size >= 3 * 2 ** (judges.global_layers - 2)
