"""pix2pix from pairs of pictures to a translated picture, as its users type it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imtrans import registry
from imtrans.train.settings import RunConfig
from imtrans.train.translators import translators_in

RECIPES = Path(__file__).parents[2] / "plugins" / "imtrans_pix2pix" / "recipes"
TINY = (
    *("--load-size", "72", "--crop-size", "64", "--set", "train.workers=0", "--set", "train.tensorboard=false"),
    *("--set", "generator.ngf=2", "--set", "generator.downs=6", "--set", "train.checkpoint_every=10"),
    *("--set", "discriminator.ndf=2", "--set", "discriminator.layers=1", "--precision", "fp32"),
)
Command = Callable[..., str]


@pytest.fixture
def imtrans(typed: Command, tmp_path: Path) -> Command:
    """Run a command in a folder with side-by-side pairs in ``pairs``; gives what it says."""
    (tmp_path / "pairs" / "train").mkdir(parents=True)
    random = np.random.default_rng(0)
    for number in range(3):
        pixels = random.integers(256, size=(40, 80, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pairs" / "train" / f"{number}.png")

    return typed


def weights_at(run: str, step: int) -> bytes:
    return Path(run, f"checkpoints/step-{step:08}/generator.safetensors").read_bytes()


def test_twenty_steps_and_twenty_in_two_parts_are_the_same(imtrans: Command) -> None:
    """Dropout, batch statistics, samples and both optimisers included."""
    told = imtrans("train", "pix2pix", "--data", "pairs", "--output", "whole", "--steps", "20", *TINY)
    assert "3 pictures of A, 3 pictures of B" in told
    assert all(name in told for name in ("discriminator=", "gan=", "l1="))
    shutil.copytree("whole", "parts")
    shutil.rmtree("parts/checkpoints/step-00000020")
    assert "steps 10 to 20" in imtrans("train", "pix2pix", "--output", "parts", "--resume")
    assert weights_at("parts", 20) == weights_at("whole", 20)
    assert weights_at("whole", 10) != weights_at("whole", 20)


def test_the_other_direction_and_the_way_to_a_picture(imtrans: Command) -> None:
    told = imtrans("train", "pix2pix", "--data", "pairs", "-o", "run", "--steps", "1", "--direction", "BtoA", *TINY)
    weights = "run/checkpoints/step-00000001/generator.safetensors"
    assert f"imtrans run pix2pix --weights {weights}" in told
    assert list(translators_in(Path(weights).parent)) == ["b2a"]
    Image.effect_noise((50, 33), 60).convert("RGB").save("in.png")
    run = ("run", "pix2pix", "--weights", weights, "--input", "in.png", "--precision", "fp32")
    said = imtrans(*run, "--output", "one.png", "--seed", "3")
    assert "batch statistics, noise of seed 3" in said
    imtrans(*run, "--output", "again.png", "--seed", "3")
    imtrans(*run, "--output", "other.png", "--seed", "4")
    one, again, other = (np.asarray(Image.open(f"{name}.png")) for name in ("one", "again", "other"))
    assert one.shape == (33, 50, 3)
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert "noise" not in imtrans(*run, "--output", "eval.png", "--norm", "eval")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--direction", "A2B"), "direction must be 'AtoB' or 'BtoA', not 'A2B'"),
        (("--crop-size", "24"), "They take multiples of 64"),
        (("--set", "lambda_l1=-1"), "lambda_l1 must not be negative"),
    ],
)
def test_what_cannot_be_meant(imtrans: Command, arguments: tuple[str, ...], words: str) -> None:
    told = imtrans("train", "pix2pix", "--data", "pairs", "--output", "run", "--steps", "1", *TINY, *arguments)
    assert told.startswith("status")
    assert words in told
    assert not Path("run").exists()


def test_models_without_a_direction_say_so(imtrans: Command) -> None:
    told = imtrans("train", "cyclegan", "--data", "pairs", "--output", "run", "--direction", "AtoB")
    assert "there is no setting 'direction'" in told


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_recipes_are_settings_of_today(recipe: Path) -> None:
    settings = RunConfig.read(recipe, registry.find("pix2pix"))
    assert settings.augmentation.crop_size % 2**settings.method.generator.downs == 0
