"""Reports on files of every kind."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from imtrans import registry
from imtrans.card import Card, Ref
from imtrans.errors import UnsafeCheckpointError, WeightsError
from imtrans.nn.discriminators import build_discriminator
from imtrans.nn.generator_config import DiscriminatorConfig, GeneratorConfig
from imtrans.nn.generators import build_generator
from imtrans.registry import Entry
from imtrans.weights.digests import sha256_of
from imtrans.weights.identity import metadata_for
from imtrans.weights.inspection import AUTHORS, inspect, manifest_in
from imtrans_cyclegan import card as cyclegan


def generator(**settings: Any) -> dict[str, Tensor]:
    return build_generator(GeneratorConfig(**{"ngf": 2, "blocks": 1, **settings})).state_dict()


@pytest.fixture
def only_twins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the two models whose networks are the same: CycleGAN and pix2pix."""
    entries = [entry for entry in registry.entries() if entry.name in ("cyclegan", "pix2pix")]
    monkeypatch.setattr(registry, "entries", lambda: entries)


def saved(folder: Path, content: object, name: str = "latest_net_G.pth") -> Path:
    torch.save(content, folder / name)
    return folder / name


def test_a_file_of_the_authors(tmp_path: Path) -> None:
    path = saved(tmp_path, generator())
    report = inspect(path)
    (network,) = report.networks
    assert (report.format, report.size, report.sha256) == ("torch", path.stat().st_size, sha256_of(path))
    assert (network.project, network.tensors, network.dtypes) == (AUTHORS, 16, {"float32": 16})
    assert network.parameters == sum(tensor.numel() for tensor in generator().values())
    assert network.bytes == 4 * network.parameters
    assert report.command(network, network.candidates[0]) == f"imtrans run cyclegan --weights {path} --input PICTURE"
    assert (report.licence, report.notes) == ("", [])


@pytest.mark.usefixtures("only_twins")
def test_ambiguity_and_what_it_comes_to(tmp_path: Path) -> None:
    (same,) = inspect(saved(tmp_path, generator())).networks
    assert (len(same.verdict.runnable), same.differences) == (2, {})
    (other,) = inspect(saved(tmp_path, generator(kind="unet", downs=5, norm="batch"))).networks
    assert other.differences == {
        "dropout": {"cyclegan": False, "pix2pix": True},
        "norm_at_inference": {"cyclegan": "eval", "pix2pix": "train"},
    }


def test_models_of_other_code_are_never_said_to_be_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    twin = replace(cyclegan, name="twin", build=Ref(f"{__name__}:build_with_a_twist"))
    entries = [Entry(card.name, "d", "1", "t", card) for card in (cyclegan, twin)]
    monkeypatch.setattr(registry, "entries", lambda: entries)
    (network,) = inspect(saved(tmp_path, generator())).networks
    assert len(network.verdict.runnable) == 2
    assert list(network.differences) == ["network"]


def build_with_a_twist(config: GeneratorConfig) -> torch.nn.Module:
    """The same keys, and who knows what else."""
    return build_generator(config)


def test_networks_of_a_training_beside_its_optimiser(tmp_path: Path) -> None:
    judge = build_discriminator(DiscriminatorConfig(ndf=2)).state_dict()
    optimiser = {"state": {0: {"exp_avg": torch.ones(2)}}, "param_groups": []}
    content = {"genA2B": generator(), "genB2A": generator(), "disGA": judge, "opt": optimiser, "epoch": 9, "lr": [1]}
    report = inspect(saved(tmp_path, content, "my run.pt"))
    assert [network.name for network in report.networks] == ["genA2B", "genB2A", "disGA"]
    assert report.beside == {"epoch": "9"}
    assert "'" + f"{tmp_path / 'my run.pt'}#genB2A" + "'" in report.command(
        report.networks[1], report.networks[1].candidates[0]
    )
    assert "discriminator" in report.networks[2].verdict.descriptions["pix2pix"]
    report = inspect(f"{tmp_path / 'my run.pt'}#genB2A")
    (network,) = report.networks
    assert network.name == "genB2A"
    assert "my run.pt#genB2A" in report.command(network, network.candidates[0])


def test_a_file_of_ours_says_it_itself(tmp_path: Path) -> None:
    identity = json.loads(metadata_for("cyclegan", GeneratorConfig(ngf=2, blocks=1))["imtrans"])
    identity |= {"direction": "a2b", "step": 40, "averaged": True}
    path = tmp_path / "a2b.safetensors"
    save_file(generator(), path, {"imtrans": json.dumps(identity), "licence": "CC0-1.0", "model_card": "# words"})
    report = inspect(path)
    assert [one.model for one in report.networks[0].candidates] == ["cyclegan"]
    assert report.origin == {"direction": "a2b", "step": 40, "averaged": True}
    assert (report.licence, report.networks[0].project) == ("CC0-1.0", "imtrans")


def test_the_digest_of_published_weights_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path, generator(), "mine.pth")
    first, *others = cyclegan.weights
    known = replace(cyclegan, weights=(replace(first, sha256=sha256_of(path)), *others))
    entries = [replace(entry, card=known) if entry.name == "cyclegan" else entry for entry in registry.entries()]
    monkeypatch.setattr(registry, "entries", lambda: entries)
    report = inspect(path)
    assert [one.model for one in report.networks[0].candidates] == ["cyclegan"]
    assert report.notes == [f"its sha256 is that of the published weights {first.name!r} of cyclegan"]
    assert report.licence == first.licence


@pytest.mark.usefixtures("only_twins")
def test_a_name_is_only_a_hint(tmp_path: Path) -> None:
    report = inspect(saved(tmp_path, generator(), "horse2zebra.pth"))
    assert "no proof" in report.notes[0]
    assert len(report.networks[0].verdict.runnable) == 2


@pytest.mark.parametrize(("key", "words"), [("mmgen_version", "mmgen 0.3"), ("mmagic_version", "mmagic 0.3")])
def test_what_openmmlabs_projects_note_of_themselves(tmp_path: Path, key: str, words: str) -> None:
    path = saved(tmp_path, {"state_dict": generator(), "meta": {key: "0.3", "config": "x" * 900}})
    report = inspect(path)
    assert report.networks[0].project == words
    assert len(report.beside["config"]) == 200


def test_a_stranger_shows_its_keys(tmp_path: Path) -> None:
    (network,) = inspect(saved(tmp_path, {"a.w": torch.ones(2, 3), "b.w": torch.ones(1)})).networks
    assert (network.candidates, network.project) == ([], "")
    assert network.first_keys == ("a.w (2, 3)", "b.w (1,)")


@pytest.mark.usefixtures("only_twins")
def test_plain_data_for_programs(tmp_path: Path) -> None:
    record = json.loads(json.dumps(inspect(saved(tmp_path, generator(norm="batch"))).to_dict()))
    (network,) = record["networks"]
    assert network["ambiguous"]
    assert [model["model"] for model in network["models"]] == ["cyclegan", "pix2pix"]
    assert all(model["runnable"] and model["command"].startswith("imtrans run") for model in network["models"])
    assert network["differences"]["norm_at_inference"] == {"cyclegan": "eval", "pix2pix": "train"}


def test_a_model_that_generates_has_its_own_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card: Card = replace(cyclegan, task="generate")
    monkeypatch.setattr(registry, "entries", lambda: [Entry("cyclegan", "d", "1", "t", card)])
    report = inspect(saved(tmp_path, generator()))
    assert report.command(report.networks[0], report.networks[0].candidates[0]).startswith("imtrans generate cyclegan")


def test_the_state_of_a_training_is_no_network(tmp_path: Path) -> None:
    path = saved(tmp_path, {"random": {"cpu": torch.ones(2)}}, "state.pt")
    assert inspect(path).networks  # a file of somebody's that happens to be called so
    save_file(generator(), tmp_path / "generator.safetensors")
    with pytest.raises(WeightsError, match="goes on from by --resume") as caught:
        inspect(path)
    assert "generator.safetensors" in caught.value.have


def test_damaged_manifests_and_identities(tmp_path: Path) -> None:
    assert [manifest_in({"manifest": text}) for text in ("{", "[]", '{"a": 1}')] == [{}, {}, {"a": 1}]
    save_file(generator(), tmp_path / "x.safetensors", {"imtrans": "{"})
    with pytest.raises(WeightsError, match="not JSON"):
        inspect(tmp_path / "x.safetensors")


def test_errors_of_reading_pass_through(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no weights file"):
        inspect(tmp_path / "nothing.pth")
    with pytest.raises(UnsafeCheckpointError, match="Linear"):
        inspect(saved(tmp_path, torch.nn.Linear(1, 1)))
    path = saved(tmp_path, {"a": generator(), "b": generator()})
    with pytest.raises(WeightsError, match="no network called 'c'"):
        inspect(f"{path}#c")
