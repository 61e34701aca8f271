"""photo2cartoon from pictures to a translated picture, as its users type it."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file

from imtrans import registry
from imtrans.train.settings import RunConfig

RECIPES = Path(__file__).parents[2] / "plugins" / "imtrans_photo2cartoon" / "recipes"
TINY = (
    *("--load-size", "40", "--crop-size", "32", "--set", "train.workers=0", "--set", "train.tensorboard=false"),
    *("--set", "generator.ngf=4", "--set", "discriminator.ndf=1", "--set", "train.checkpoint_every=18"),
    *("--set", "discriminator.global_layers=4", "--set", "discriminator.local_layers=3", "--precision", "fp32"),
    *("--backend", "reference"),  # maps of a few pixels, which kernels take longer to be called for than to compute
)
Command = Callable[..., str]


@pytest.fixture
def imtrans(typed: Command, tmp_path: Path) -> Command:
    """Run a command in a folder with pictures in ``faces/trainA`` and ``faces/trainB``; gives what it says."""
    random = np.random.default_rng(0)
    for domain in ("trainA", "trainB"):
        (tmp_path / "faces" / domain).mkdir(parents=True)
        for number in range(2):
            pixels = random.integers(256, size=(40, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "faces" / domain / f"{number}.png")

    return functools.partial(typed, notes=True)


def weights_at(run: str, step: int, network: str = "generator_ab") -> Path:
    return Path(run, f"checkpoints/step-{step:08}/{network}.safetensors")


def test_twenty_steps_and_twenty_in_two_parts_are_the_same(imtrans: Command) -> None:
    """Both optimisers with their decay, power iterations, clipping and samples included; then a picture."""
    train = ("train", "photo2cartoon", "--data", "faces")
    told = imtrans(*train, "--output", "whole", "--steps", "20", *TINY)
    assert "face-identity loss is off" in told
    assert all(
        f"{name}=" in told for name in ("discriminator_local_a", "gan_global_b", "cycle_a", "identity_b", "cam_a")
    )
    shutil.copytree("whole", "parts")
    shutil.rmtree("parts/checkpoints/step-00000020")
    assert "steps 18 to 20" in imtrans("train", "photo2cartoon", "--output", "parts", "--resume")
    for network in ("generator_ab", "discriminator_global_b"):
        assert weights_at("parts", 20, network).read_bytes() == weights_at("whole", 20, network).read_bytes()
        assert weights_at("whole", 18, network).read_bytes() != weights_at("whole", 20, network).read_bytes()
    Image.effect_noise((50, 33), 60).convert("RGB").save("in.png")
    weights = str(weights_at("whole", 20))
    imtrans("run", "photo2cartoon", "-w", weights, "-i", "in.png", "-o", "out.png", "--precision", "fp32")
    with Image.open("out.png") as made:
        assert made.size == (50, 33)


def test_a_stage_begins_where_the_one_before_ended(imtrans: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the identity of faces is looked at as soon as there is who can."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    faces = ("--set", "face_identity.embedding=golden.photo2cartoon_parts:Embedding")
    told = imtrans("train", "photo2cartoon", "--data", "faces", "--output", "all", "--steps", "1", *TINY, *faces)
    assert "faceid_a=" in told
    assert "is off" not in told
    stage = ("--output", "young", "--init-from", "all", "--steps", "1")
    told = imtrans("train", "photo2cartoon", "--data", "faces", *stage, *TINY, "--set", "lr=0")
    assert "starting from the weights in" in told
    before, after = (load_file(weights_at(run, 1, "discriminator_local_a")) for run in ("all", "young"))
    assert before["conv.weight_orig"].equal(after["conv.weight_orig"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--crop-size", "24"), "They take multiples of 16"),
        (("--set", "generator.ngf=6"), "ngf must be a multiple of 4"),
        (("--set", "face_identity.embedding=nowhere:net"), "there is no face embedding 'nowhere:net'"),
        (("--set", "face_identity.weights=x.pth"), "weights without embedding"),
    ],
)
def test_what_cannot_be_meant(imtrans: Command, arguments: tuple[str, ...], words: str) -> None:
    told = imtrans("train", "photo2cartoon", "--data", "faces", "--output", "run", "--steps", "1", *TINY, *arguments)
    assert told.startswith("status")
    assert words in told
    assert not Path("run").exists()


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_recipes_are_settings_of_today(recipe: Path) -> None:
    settings = RunConfig.read(recipe, registry.find("photo2cartoon"))
    assert settings.augmentation.crop_size % 16 == 0
    assert settings.augmentation.crop_size >= 3 * 2 ** (settings.method.discriminator.global_layers - 2)
