"""``imtrans inspect`` as typed."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
import typer
from PIL import Image
from safetensors.torch import save_file
from typer.testing import CliRunner, Result

from imtrans import registry
from imtrans.cli import inspect as module
from imtrans.nn.discriminators import build_discriminator
from imtrans.nn.generator_config import DiscriminatorConfig, GeneratorConfig
from imtrans.nn.generators import build_generator
from imtrans.weights.identity import metadata_for

if TYPE_CHECKING:
    from tests.conftest import FakeDistributions

APP = typer.Typer()
APP.command()(module.inspect)
CONFIG = GeneratorConfig(ngf=2, blocks=1)


class Runs:
    """Pickles as a command for the shell."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("touch executed",)


def inspect(*arguments: str) -> Result:
    return CliRunner().invoke(APP, list(arguments))


def words(result: Result) -> str:
    """What was printed, with the columns closed up."""
    return "\n".join(" ".join(line.split()) for line in result.stdout.splitlines())


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a file of CycleGAN's authors."""
    monkeypatch.chdir(tmp_path)
    torch.save(build_generator(CONFIG).state_dict(), "G.pth")
    return tmp_path


@pytest.fixture
def only_twins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the two models whose networks are the same: CycleGAN and pix2pix."""
    entries = [entry for entry in registry.entries() if entry.name in ("cyclegan", "pix2pix")]
    monkeypatch.setattr(registry, "entries", lambda: entries)


@pytest.mark.usefixtures("only_twins")
def test_an_ambiguous_file_names_all_models_and_how_to_decide() -> None:
    result = inspect("G.pth")
    said = words(result)
    assert result.exit_code == 0
    assert "kind=resnet, input_nc=3, output_nc=3, ngf=2, blocks=1" in said
    assert "ambiguous keys and shapes fit cyclegan and pix2pix alike" in said
    assert "to run imtrans run cyclegan --weights G.pth --input PICTURE" in said
    assert "to decide all of them make the same picture" in said
    torch.save(build_generator(GeneratorConfig(kind="unet", ngf=2, downs=5, norm="batch")).state_dict(), "U.pth")
    said = words(inspect("U.pth"))
    assert "to decide they differ in dropout (cyclegan: false, pix2pix: true); norm_at_inference" in said
    assert "settings dropout=true" in said


def test_a_file_of_ours(folder: Path) -> None:
    identity = {**json.loads(metadata_for("cyclegan", CONFIG)["imtrans"]), "direction": "a2b", "step": 7}
    source = {"file": "x.pth", "project": "mmagic", "sha256": "ab"}
    metadata = {
        "imtrans": json.dumps(identity),
        "model_card": "#",
        "manifest": json.dumps({"licence": "CC0-1.0", "source": source}),
    }
    save_file(build_generator(CONFIG).state_dict(), "x.safetensors", metadata)
    said = words(inspect("x.safetensors"))
    assert "trained to translate a2b, 7 steps, converted from x.pth (mmagic), sha256 ab" in said
    assert "licence CC0-1.0" in said
    assert "model card in the metadata" in said
    assert "ambiguous" not in said


def test_a_generator_of_ours_is_said_to_generate(folder: Path) -> None:
    from imtrans_gan.config import ConvGeneratorConfig
    from imtrans_gan.generators import build_generator as build

    settings = ConvGeneratorConfig(size=16, base_channels=2)
    identity = {**json.loads(metadata_for("dcgan", settings)["imtrans"]), "direction": "generator", "step": 7}
    save_file(build(settings).state_dict(), "g.safetensors", {"imtrans": json.dumps(identity)})
    assert "trained to generate, 7 steps" in words(inspect("g.safetensors"))


def test_networks_and_strangers() -> None:
    judge = build_discriminator(DiscriminatorConfig(ndf=2)).state_dict()
    half = {key: value for key, value in build_generator(CONFIG).state_dict().items() if key != "model.4.bias"}
    torch.save({"D": judge, "other": {"a.b": torch.ones(1)}, "half": half, "epoch": 4}, "run.pt")
    said = words(inspect("run.pt"))
    assert "network D" in said
    assert "seems to be a CycleGAN discriminator, not a generator (says cyclegan)" in said
    assert "its keys a.b (1,)" in said
    assert "beside it epoch 4" in said
    assert "cannot run 1 missing (model.4.bias)" in said


def test_one_bad_file_does_not_stop_the_others(folder: Path) -> None:
    Path("evil.pth").write_bytes(pickle.dumps({"w": Runs()}, 2))
    Image.new("RGB", (8, 8)).save("photo.jpg")
    Path("photo.jpg").rename("photo.pth")
    Path("cut.pth").write_bytes(Path("G.pth").read_bytes()[:-300])
    result = inspect("evil.pth", "photo.pth", "nothing.pth", "cut.pth", "G.pth")
    assert result.exit_code == 1
    for sentence in ("posix.system", "is a JPEG picture", "no weights file nothing.pth", "cut.pth cannot be read"):
        assert sentence in result.stderr
    assert "cyclegan" in result.stdout
    assert not Path("executed").exists()


def test_json_holds_reports_and_failures(folder: Path) -> None:
    Path("empty.pth").touch()
    result = inspect("--json", "G.pth", "empty.pth", "missing/")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert [record["path"] for record in found] == ["G.pth", "empty.pth", "missing/"]
    assert found[0]["networks"][0]["ambiguous"]
    assert "is empty" in found[1]["error"]


def test_folders_stand_for_their_files(folder: Path) -> None:
    place = folder / "run" / "checkpoints" / "step-00000007"
    place.mkdir(parents=True)
    (folder / "run" / "config.toml").touch()
    torch.save({}, place / "state.pt")
    save_file(
        build_generator(CONFIG).state_dict(), place / "generator_ab.safetensors", metadata_for("cyclegan", CONFIG)
    )
    said = words(inspect("run"))
    assert "in step-00000007, the only checkpoint of the training run run" in said
    assert "generator_ab.safetensors" in said
    assert "in the checkpoint" in words(inspect(str(place)))
    assert "G.pth" in words(inspect("."))
    assert json.loads(inspect("run", "--json").stdout)[0]["folder"].startswith("step-00000007")
    (folder / "empty").mkdir()
    result = inspect("empty", "G.pth")
    assert result.exit_code == 1
    assert "no weights files" in result.stderr
    assert "cyclegan" in result.stdout


def test_a_broken_plugin_is_a_note(distributions: FakeDistributions) -> None:
    distributions.add("gone", {"gone": "fake_gone:card"}, {"fake_gone": "raise RuntimeError('half installed')"})
    result = inspect("G.pth")
    assert result.exit_code == 0
    assert "the plugin 'gone' could not be asked: RuntimeError" in words(result)


def test_control_characters_of_a_file_do_not_reach_the_terminal() -> None:
    torch.save({"\x1b[31mred": torch.ones(1)}, "x.pth")
    assert "\x1b" not in inspect("x.pth").stdout
