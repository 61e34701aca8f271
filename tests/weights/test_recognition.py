"""Every card is asked, a broken one is a note, and what is called runnable loads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from imtrans import registry
from imtrans.nn.discriminators import build_discriminator
from imtrans.nn.generator_config import DiscriminatorConfig, GeneratorConfig
from imtrans.nn.generators import build_generator
from imtrans.weights.identity import Identity
from imtrans.weights.recognition import judge, recognise

if TYPE_CHECKING:
    from tests.conftest import FakeDistributions

CARD = """
from imtrans import Card, Ref
card = Card(name="{name}", summary="a toy", network_config=Ref("{package}:Config"), build=Ref("{package}:build"),
            recognise=Ref("{package}:recognise"), convert={convert})
"""
TOY = """
from dataclasses import dataclass
import torch
@dataclass(frozen=True)
class Config:
    width: int = 2
    depth: int = 1
def build(config):
    module = torch.nn.Module()
    module.w = torch.nn.Parameter(torch.zeros(config.width))
    return module
def recognise(shapes):
    return Config(shapes["w"][0]) if "w" in shapes else None
def describe(shapes):
    return "a toy's broken half" if "half" in shapes else None
def convert(tensors):
    return ({"w": tensors["theirs"]}, {"depth": 3}, "took their w") if "theirs" in tensors else None
"""


def toy(distributions: FakeDistributions, name: str = "toy", *, convert: str = "None", source: str = TOY) -> None:
    package = f"fake_{name}"
    card = CARD.format(name=name, package=f"{package}_code", convert=convert.format(package=f"{package}_code"))
    distributions.add(name, {name: f"{package}:card"}, {package: card, f"{package}_code": source})


def generator(**settings: Any) -> dict[str, Tensor]:
    return build_generator(GeneratorConfig(ngf=2, blocks=2, **settings)).state_dict()


@pytest.fixture
def only_twins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the two models whose networks are the same: CycleGAN and pix2pix."""
    entries = [entry for entry in registry.entries() if entry.name in ("cyclegan", "pix2pix")]
    monkeypatch.setattr(registry, "entries", lambda: entries)


@pytest.mark.usefixtures("only_twins")
def test_all_that_fit_are_named() -> None:
    found = judge(generator())
    assert [candidate.model for candidate in found.runnable] == ["cyclegan", "pix2pix"]
    cyclegan, pix2pix = found.candidates
    assert cyclegan.unusual == {"ngf": 2, "blocks": 2}
    assert pix2pix.unusual == {"kind": "resnet", "ngf": 2, "blocks": 2, "norm": "instance", "dropout": False}


def test_what_would_not_load_is_a_candidate_with_a_problem() -> None:
    short = generator()
    short.pop("model.7.bias")
    assert {one.problem for one in judge(short).candidates} == {"1 missing (model.7.bias)"}
    broken = generator() | {"model.1.bias": torch.full((2,), float("nan"))}
    assert "not numbers (model.1.bias)" in judge(broken).candidates[0].problem
    assert judge(short).runnable == []


def test_a_discriminator_is_described() -> None:
    found = judge(build_discriminator(DiscriminatorConfig(ndf=2)).state_dict())
    assert found.candidates == []
    assert "discriminator" in found.descriptions["cyclegan"]


def test_another_plugins_recogniser_and_description_are_asked(distributions: FakeDistributions) -> None:
    toy(distributions)
    (found,) = judge({"w": torch.ones(5)}).runnable
    assert (found.model, found.settings) == ("toy", {"width": 5, "depth": 1})
    assert judge({"half": torch.ones(1)}).descriptions == {"toy": "a toy's broken half"}


def test_a_plugins_own_layouts_are_converted(distributions: FakeDistributions) -> None:
    toy(distributions, convert='Ref("{package}:convert")')
    (found,) = judge({"theirs": torch.ones(4)}).runnable
    assert found.settings == {"width": 4, "depth": 3}
    card = registry.find("toy")
    assert recognise(card, {"other": torch.ones(1)}) is None


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (TOY.replace("return Config(shapes", "raise KeyError('model.1') or Config(shapes"), "KeyError: 'model.1'"),
        ("raise ImportError('no cupy here')", "ImportError: no cupy here"),
    ],
)
def test_a_recogniser_that_fails_is_a_note(distributions: FakeDistributions, source: str, words: str) -> None:
    toy(distributions, "broken", source=source)
    toy(distributions, "sound")
    found = judge({"w": torch.ones(2)})
    assert [candidate.model for candidate in found.runnable] == ["sound"]
    assert found.notes == [f"the recogniser of 'broken' failed: {words}"]


def test_a_plugin_without_a_card_is_a_note(distributions: FakeDistributions) -> None:
    distributions.add("gone", {"gone": "fake_gone:card"}, {"fake_gone": "raise SystemExit(3)"})
    assert "the plugin 'gone' could not be asked: SystemExit" in judge(generator()).notes[0]


def test_a_network_that_cannot_be_built_is_a_problem(distributions: FakeDistributions) -> None:
    toy(distributions, source=TOY.replace("module = torch.nn.Module()", "raise ZeroDivisionError('no width')"))
    (found,) = judge({"w": torch.ones(2)}).candidates
    assert found.problem == "its network cannot be built: ZeroDivisionError: no width"


def test_a_network_that_computes_while_it_is_built_is_built_for_real(distributions: FakeDistributions) -> None:
    toy(distributions, source=TOY.replace("return module", "assert module.w.sum().item() == 0\n    return module"))
    assert judge({"w": torch.ones(2)}).runnable


def test_the_file_itself_is_believed() -> None:
    tensors = generator()
    config = {"kind": "resnet", "ngf": 2, "blocks": 2, "norm": "instance", "dropout": False}
    (found,) = judge(tensors, Identity("pix2pix", config)).runnable
    assert found.settings.items() >= config.items()
    assert "missing" in judge(tensors, Identity("cyclegan", {})).candidates[0].problem
    (gone,) = judge(tensors, Identity("nowhere", {"a": 1})).candidates
    assert (gone.card, gone.settings, gone.unusual) == (None, {"a": 1}, {"a": 1})
    assert gone.problem == "no model 'nowhere' is installed"
    assert "another version" in judge(tensors, Identity("cyclegan", {"wings": 2})).candidates[0].problem


@given(st.data())
@settings(deadline=None, max_examples=25)
def test_mutilated_files_are_never_runnable_and_never_a_bug(data: st.DataObject) -> None:
    whole = generator(norm=data.draw(st.sampled_from(["instance", "batch"])))
    key = data.draw(st.sampled_from(sorted(whole)))
    change = data.draw(st.sampled_from(["missing", "renamed", "grown", "scalar"]))
    tensor = whole.pop(key)
    if change == "renamed":
        whole[f"{key}.more"] = tensor
    elif change != "missing":
        whole[key] = torch.zeros((*tensor.shape, 2)) if change == "grown" else torch.zeros(())
    found = judge(whole)
    assert found.notes == []
    unharmed = change == "missing" and key.endswith("num_batches_tracked")
    unharmed = unharmed or (change == "scalar" and tensor.dim() == 0)
    assert bool(found.runnable) == unharmed, (key, change)


def test_judging_leaves_the_callers_random_numbers_alone() -> None:
    tensors = generator()
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    judge(tensors)
    assert torch.equal(torch.random.get_rng_state(), before)
