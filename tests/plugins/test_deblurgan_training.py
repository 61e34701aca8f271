"""DeblurGAN from photographs to a restored picture, as its users type it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file

from imtrans import registry
from imtrans.nn.vgg import VGG
from imtrans.train.settings import RunConfig

RECIPES = Path(__file__).parents[2] / "plugins" / "imtrans_deblurgan" / "recipes"
TINY = (
    *("--load-size", "20", "--crop-size", "16", "--set", "train.workers=0", "--set", "train.tensorboard=false"),
    *("--set", "generator.ngf=2", "--set", "generator.blocks=2", "--set", "train.checkpoint_every=10"),
    *("--set", "critic.ndf=2", "--set", "critic.layers=1", "--precision", "fp32"),
)
Command = Callable[..., str]


@pytest.fixture
def imtrans(typed: Command, tmp_path: Path) -> Command:
    """Run a command in a folder with pairs that ``prepare blur`` made in ``pairs``; gives what it says."""
    random = np.random.default_rng(0)
    for number in range(3):
        pixels = random.integers(256, size=(30, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")

    typed("prepare", "blur", ".", "--output", "pairs", "--length", "8", "--test", "0.3")
    return typed


def weights_at(run: str, step: int, network: str = "generator") -> bytes:
    return Path(run, f"checkpoints/step-{step:08}/{network}.safetensors").read_bytes()


def test_twenty_steps_and_twenty_in_two_parts_are_the_same(imtrans: Command) -> None:
    """With the authors' losses, through a VGG of a few channels: dropout, mixtures and both optimisers included."""
    save_file(VGG(19, ["conv3_3"], width=2).state_dict(), "vgg.safetensors")
    settings = (*TINY, "--set", "vgg=vgg.safetensors")
    told = imtrans("train", "deblurgan", "--data", "pairs", "--output", "whole", "--steps", "20", *settings)
    assert "2 pictures of A, 2 pictures of B" in told
    assert all(name in told for name in ("critic=", "penalty=", "gan=", "content="))
    shutil.copytree("whole", "parts")
    shutil.rmtree("parts/checkpoints/step-00000020")
    assert "steps 10 to 20" in imtrans("train", "deblurgan", "--output", "parts", "--resume")
    for network in ("generator", "critic"):
        assert weights_at("parts", 20, network) == weights_at("whole", 20, network)
        assert weights_at("whole", 10, network) != weights_at("whole", 20, network)


def test_two_stages_and_the_way_to_a_picture(imtrans: Command) -> None:
    """First from the content alone, then with the critic; evaluated, and run on a picture of any size."""
    data = ("train", "deblurgan", "--data", "pairs", *TINY, "--set", "content=l1", "--steps", "2")
    first = imtrans(*data, "-o", "first", "--set", "lambda_gan=0", "--set", "generator.dropout=false")
    assert "critic=" not in first
    second = imtrans(*data, "-o", "second", "--init-from", "first", "--set", "generator.dropout=false")
    assert "critic=" in second
    weights = "second/checkpoints/step-00000002/generator.safetensors"
    assert f"imtrans run deblurgan --weights {weights}" in second
    measured = imtrans("evaluate", "deblurgan", "--weights", weights, "--data", "pairs", "--metrics", "psnr", "--json")
    assert [score["metric"] for score in json.loads(measured)["scores"]] == ["psnr"]
    imtrans("run", "deblurgan", "--weights", weights, "--input", "0.png", "--output", "out.png")
    assert Image.open("out.png").size == (40, 30)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--set", "content=vgg"), "content must be 'vgg19', 'vgg16', 'l2' or 'l1'"),
        (("--set", "content=vgg19", "--set", "vgg=nowhere.pth"), "--set content=l2 learns without"),
        (("--set", "generator.kind=unet"), "generator.kind"),
        (("--crop-size", "18"), "They take multiples of 4"),
        (("--set", "critic.norm=batch"), "critic.norm must not be batch"),
    ],
)
def test_what_cannot_be_meant(imtrans: Command, arguments: tuple[str, ...], words: str) -> None:
    small = (*TINY, "--set", "content=l2", *arguments)
    told = imtrans("train", "deblurgan", "--data", "pairs", "--output", "run", "--steps", "1", *small)
    assert told.startswith("status")
    assert words in told
    assert not Path("run").exists()


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_recipes_are_settings_of_today(recipe: Path) -> None:
    settings = RunConfig.read(recipe, registry.find("deblurgan"))
    assert settings.augmentation.crop_size % 4 == 0
