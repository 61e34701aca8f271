"""The GAN ladder from digits in IDX files to generated pictures, as its users type it."""

from __future__ import annotations

import gzip
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open

from imtrans import registry
from imtrans.train.settings import RunConfig

RECIPES = Path(__file__).parents[2] / "plugins" / "imtrans_gan" / "recipes"
QUICK = (
    *("--batch-size", "4", "--precision", "fp32", "--device", "cpu", "--set", "train.workers=0"),
    *("--set", "train.checkpoint_every=2", "--set", "train.log_every=2", "--set", "train.ema=0.5"),
)
DENSE = ("--config", str(RECIPES / "digits-dense.toml"), "--set", "generator.hidden=12")
CONV = ("--config", str(RECIPES / "digits.toml"), "--set", "generator.base_channels=4")
SMALL = {
    "gan": (*DENSE, "--set", "discriminator.hidden=4"),
    "cgan": (*DENSE, "--set", "discriminator.hidden=4"),
    **dict.fromkeys(("dcgan", "lsgan", "wgan", "wgan-gp", "cdcgan"), (*CONV, "--set", "discriminator.base_channels=2")),
}
Command = Callable[..., str]


@pytest.fixture
def imtrans(typed: Command, tmp_path: Path) -> Command:
    """Run a command in a folder with ``digits``, noise in the form of MNIST's files; gives what it says."""
    (tmp_path / "digits").mkdir()
    pixels = np.random.default_rng(0).integers(256, size=(20, 28, 28), dtype=np.uint8)
    header = struct.pack(">4B3I", 0, 0, 8, 3, *pixels.shape)
    (tmp_path / "digits" / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(header + pixels.tobytes()))
    labels = struct.pack(">4BI", 0, 0, 8, 1, 20) + bytes(number % 10 for number in range(20))
    (tmp_path / "digits" / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))

    return typed


def file_of(run: str, step: int, network: str) -> bytes:
    return Path(run, f"checkpoints/step-{step:08}/{network}.safetensors").read_bytes()


def test_another_optimiser_cannot_go_on(imtrans: Command) -> None:
    """And the run that was asked to is as it was."""
    imtrans("train", "wgan", "--data", "digits", "--output", "run", "--steps", "2", *SMALL["wgan"], *QUICK)
    told = imtrans("train", "wgan", "--output", "run", "--resume", "--steps", "4", "--set", "optimiser=adam")
    assert "the phase 'discriminator' has learnt with another optimiser than Adam" in told
    assert imtrans("train", "wgan", "--output", "run", "--resume", "--steps", "3", "--device", "cpu").startswith("wgan")


@pytest.mark.parametrize("model", list(SMALL))
def test_four_steps_and_four_in_two_parts_are_the_same(imtrans: Command, model: str) -> None:
    """And what was trained generates, average or not."""
    told = imtrans("train", model, "--data", "digits", "--output", "whole", "--steps", "4", *SMALL[model], *QUICK)
    assert "discriminator=" in told
    assert f"try it: imtrans generate {model} --weights" in told
    shutil.copytree("whole", "parts")
    shutil.rmtree("parts/checkpoints/step-00000004")
    imtrans("train", model, "--output", "parts", "--resume", "--device", "cpu")
    for network in ("generator", "generator.ema", "discriminator"):
        assert file_of("whole", 4, network) == file_of("parts", 4, network)
    weights = "whole/checkpoints/step-00000004/generator.ema.safetensors"
    classes = ("--class", "0-9") if model.startswith("c") else ()
    imtrans(
        "generate",
        model,
        "--weights",
        weights,
        "--seeds",
        "0-1",
        *classes,
        "--grid",
        "2x10" if classes else "2x1",
        "-o",
        "g.png",
    )
    side = 28 if model in ("gan", "cgan") else 32
    with Image.open("g.png") as picture:
        assert picture.size == (2 * side, 10 * side if classes else side)


def test_a_trained_generator_is_exported_with_its_card(imtrans: Command) -> None:
    imtrans("train", "gan", "--data", "digits", "--output", "run", "--steps", "2", *SMALL["gan"], *QUICK)
    assert "average of the weights of generator at step 2" in imtrans("export", "run", "--output", "g.safetensors")
    with safe_open("g.safetensors", framework="pt") as file:
        card = (file.metadata() or {})["model_card"]
    assert "that generates pictures" in card
    assert "imtrans generate gan --weights FILE" in card
    imtrans("generate", "gan", "--weights", "g.safetensors", "--seeds", "3", "-o", "x.png")
    assert Path("x.png").is_file()


def test_sizes_that_differ_are_told_before_anything_is_made(imtrans: Command) -> None:
    told = imtrans(
        "train", "dcgan", "--data", "digits", "--output", "run", *SMALL["dcgan"], *QUICK, "--crop-size", "28"
    )
    assert "status 2" in told
    assert "the generator makes pictures of 32 x 32 pixels" in told
    assert "--load-size 32 --crop-size 32" in told
    assert not Path("run").exists()


def test_there_is_nothing_to_evaluate_against(imtrans: Command) -> None:
    told = imtrans(
        "train", "gan", "--data", "digits", "--output", "run", *SMALL["gan"], *QUICK, "--evaluate-every", "2"
    )
    assert "translates between no domains A and B, so training cannot evaluate it" in told


@pytest.mark.parametrize("model", list(SMALL))
def test_the_recipes_are_sound(model: str) -> None:
    name = "digits-dense" if model in ("gan", "cgan") else "digits"
    settings = RunConfig.read(RECIPES / f"{name}.toml", registry.find(model))
    side = settings.augmentation.crop_size
    assert (settings.method.generator.size, settings.method.generator.channels) == (side, 1)
