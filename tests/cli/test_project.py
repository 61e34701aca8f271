"""``imtrans project`` and ``imtrans run --style-seed`` as typed, with a small StyleGAN2."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import typer
from PIL import Image
from safetensors import safe_open
from typer.testing import CliRunner, Result

from imtrans.cli import project as module
from imtrans.cli import run as run_module
from imtrans.errors import ImtransError, OutputError, UsageError, WeightsError
from imtrans.weights.identity import metadata_for
from imtrans.weights.writer import save
from imtrans_stylegan2.config import GeneratorConfig
from imtrans_stylegan2.generator import build_generator

APP = typer.Typer()
APP.command("project")(module.project)
APP.command("run")(run_module.run)

Typed = Callable[..., Result]


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Run a command in a folder with weights and a picture."""
    monkeypatch.chdir(tmp_path)
    for name, classes in (("small", 0), ("classy", 2)):
        config = GeneratorConfig(16, channel_max=4, z_dim=4, w_dim=4, mapping_layers=1, c_dim=classes)
        save(tmp_path / f"{name}.safetensors", build_generator(config).state_dict(), metadata_for("stylegan2", config))
    Image.effect_noise((30, 20), 80).convert("RGB").save(tmp_path / "face.png")

    def run(*arguments: str, weights: str = "small.safetensors") -> Result:
        command = [*arguments, "--weights", weights, "--device", "cpu"]
        result = CliRunner().invoke(APP, command)
        if isinstance(result.exception, ImtransError):
            raise result.exception
        return result

    return run


def test_project_writes_target_result_and_latent(typed: Typed, tmp_path: Path) -> None:
    """In a folder by the picture's name; a film where one is asked for."""
    result = typed("project", "stylegan2", "--input", "face.png", "--steps", "4", "--video", "gif")
    assert result.exit_code == 0, result.output
    folder = tmp_path / "imtrans-output" / "face"
    assert {path.name for path in folder.iterdir()} == {
        "target.png",
        "projected.png",
        "latent.safetensors",
        "way.gif",
    }
    with Image.open(folder / "target.png") as target, Image.open(folder / "way.gif") as film:
        assert target.size == film.size == (16, 16)
        assert getattr(film, "n_frames", 1) > 1
    with safe_open(folder / "latent.safetensors", "pt") as file:
        assert tuple(file.get_tensor("ws").shape) == (1, 6, 4)
        about = json.loads(file.metadata()["latent"])
    assert about["model"] == "stylegan2"
    assert about["loss"] == "pixels"
    assert about["steps"] == 4


def test_project_tells_programs(typed: Typed) -> None:
    """One JSON object a line."""
    result = typed("project", "stylegan2", "--input", "face.png", "--steps", "2", "--json", "--output", "out")
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [event["event"] for event in events] == ["step", "step", "written", "written", "written", "end"]


def test_project_without_vggs_file_says_what_to_type(
    typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMTRANS_CACHE", str(tmp_path / "none"))
    with pytest.raises(WeightsError, match="VGG-16") as caught:
        typed("project", "stylegan2", "--input", "face.png", "--loss", "vgg", "--offline")
    assert "The option is --vgg-weights FILE; --loss pixels needs no network." in caught.value.hint


def test_project_takes_vggs_weights_from_a_file(typed: Typed, tmp_path: Path) -> None:
    """With a narrow VGG of random weights."""
    from imtrans.nn.vgg import VGG

    torch.manual_seed(0)
    save(tmp_path / "vgg.safetensors", VGG(16, ("relu4_3",), 2).state_dict())
    arguments = ("--steps", "2", "--loss", "vgg", "--vgg-weights", "vgg.safetensors", "--output", "out")
    result = typed("project", "stylegan2", "--input", "face.png", *arguments)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--video", "avi"), "no film called 'avi'"),
        (("--loss", "love"), "no loss called 'love'"),
        (("--space", "z"), "in the space w or w"),
        (("--input", "nothing.png"), "no such file"),
        (("--class", "0"), "know no classes"),
        (("--vgg-weights", "vgg.pth"), "looks at no VGG-16"),
        (("--seed", str(2**70)), "out of range"),
    ],
)
def test_project_refuses_in_words(typed: Typed, arguments: tuple[str, ...], words: str) -> None:
    """What it cannot do."""
    with pytest.raises(ImtransError, match=words):
        typed("project", "stylegan2", "--input", "face.png", "--steps", "1", *arguments)


def test_a_folder_that_cannot_be_is_told_before_the_search(typed: Typed, tmp_path: Path) -> None:
    """A million steps would take hours."""
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        typed("project", "stylegan2", "--input", "face.png", "--steps", "1000000", "--output", "file")


def test_project_refuses_models_that_translate(typed: Typed) -> None:
    """They have no latents."""
    with pytest.raises(UsageError, match="translates pictures"):
        typed("project", "cyclegan", "--input", "face.png")


def test_run_restyles_pictures_and_latents(typed: Typed, tmp_path: Path) -> None:
    """A bad picture is reported, the rest goes on, and the exit status says so."""
    typed("project", "stylegan2", "--input", "face.png", "--steps", "2", "--output", "out")
    result = typed("run", "stylegan2", "--input", "out/latent.safetensors", "--style-seed", "3", "--layers", "0-5")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "imtrans-output" / "latent.png").is_file()
    result = typed("run", "stylegan2", "--input", "out/latent.safetensors", "--style-seed", "3")
    assert "layers 4, 5 from seed 3" in result.output  # the finest that so small a network has
    (tmp_path / "bad.png").write_bytes(b"no picture")
    arguments = ("--input", "face.png", "--input", "bad.png", "--project-steps", "2", "--layers", "coarse", "--json")
    result = typed("run", "stylegan2", *arguments, "--style-seed", "3")
    assert result.exit_code == 1
    assert [json.loads(line)["event"] for line in result.stdout.splitlines()] == ["step", "step", "written", "failed"]
    assert (tmp_path / "imtrans-output" / "face.png").is_file()


def test_classes_are_projected_and_restyled(typed: Typed, tmp_path: Path) -> None:
    """A conditional network is told the class, and its latents say which; what is there already can be left out."""
    with pytest.raises(UsageError, match="which class"):
        typed("project", "stylegan2", "--input", "face.png", weights="classy.safetensors")
    arguments = ("--steps", "2", "--class", "1", "--output", "out")
    result = typed("project", "stylegan2", "--input", "face.png", *arguments, weights="classy.safetensors")
    assert result.exit_code == 0, result.output
    with safe_open(tmp_path / "out" / "latent.safetensors", framework="pt") as file:
        assert json.loads(file.metadata()["latent"])["label"] == 1
    again = ("run", "stylegan2", "out/latent.safetensors", "--style-seed", "3", "--layers", "0-5", "--skip-existing")
    pictures = []
    for label in "01":
        for _ in range(2):
            result = typed(*again, "--class", label, "--output", label, "--json", weights="classy.safetensors")
            assert result.exit_code == 0, result.output
        assert not result.stdout  # nothing was left to do
        pictures.append((tmp_path / label / "latent.png").read_bytes())
    assert pictures[0] != pictures[1]


def test_run_refuses_in_words(typed: Typed) -> None:
    """No such layers, classes, no seed, and models without styles."""
    with pytest.raises(UsageError, match="no fine layers") as refused:
        typed("run", "stylegan2", "--input", "face.png", "--style-seed", "3", "--layers", "fine")
    assert refused.value.hint == "Type for example --layers middle."
    with pytest.raises(UsageError, match="--layers 'x' cannot be read"):
        typed("run", "stylegan2", "--input", "face.png", "--style-seed", "3", "--layers", "x")
    mixed = ("--style-seed", "3", "--layers", "0")
    for label, words in (((), "which class"), (("--class", "2"), "no class 2")):
        with pytest.raises(UsageError, match=words):
            typed("run", "stylegan2", "face.png", *mixed, *label, weights="classy.safetensors")
    with pytest.raises(UsageError, match="Leave --precision and --compare away"):
        typed("run", "stylegan2", "face.png", *mixed, "--compare", "--precision", "bf16")
    with pytest.raises(UsageError, match="--style-seed 3"):
        typed("run", "stylegan2", "--input", "face.png")
    with pytest.raises(UsageError, match="no styles"):
        typed("run", "cyclegan", "--input", "face.png", "--style-seed", "3")
