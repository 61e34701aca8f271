"""Starting from weights that exist."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from imtrans.errors import ImtransError, TrainingError
from imtrans.train.export import export
from imtrans.train.loop import Trainer

from .toys import CARD, SMALL_CYCLEGAN, assert_equal, cyclegan

Make = Callable[..., Trainer]


@pytest.fixture
def earlier(trainer: Make) -> Trainer:
    """A finished CycleGAN with averages."""
    run = trainer(*SMALL_CYCLEGAN, "train.steps=2", "train.ema=0.9", card=cyclegan(), name="earlier")
    run.fit()
    return run


@pytest.mark.parametrize("source", ["run", "checkpoint"])
def test_a_run_fills_every_network(trainer: Make, earlier: Trainer, source: str) -> None:
    path = earlier.run.root if source == "run" else earlier.run.latest_checkpoint()
    later = trainer(*SMALL_CYCLEGAN, f"train.init_from={path}", "train.ema=0.5", card=cyclegan(), name="later")
    assert_equal(later.method.networks.state_dict(), earlier.method.networks.state_dict())
    assert_equal(
        later.averages.networks["generator_ab.ema"].state_dict(), later.method.networks["generator_ab"].state_dict()
    )
    assert later.step == 0
    assert not later.optimisers["generators"].state
    assert "starting from the weights in" in later.notes[0]


def test_a_file_fills_the_network_of_its_direction(trainer: Make, earlier: Trainer, tmp_path: Path) -> None:
    exported = export(earlier.run.root, tmp_path / "x.safetensors", direction="b2a", precision="fp16")
    fresh = trainer(*SMALL_CYCLEGAN, card=cyclegan(), name="fresh")
    later = trainer(*SMALL_CYCLEGAN, f"train.init_from={exported.path}", card=cyclegan(), name="later")
    for name, network in later.method.networks.items():
        for key, tensor in network.state_dict().items():
            if name == "generator_ba":
                assert torch.equal(tensor, load_file(exported.path)[key].float())
            else:
                assert torch.equal(tensor, fresh.method.networks[name].state_dict()[key])
    assert "starting generator_ba from" in later.notes[0]
    assert "at random: generator_ab, discriminator_a, discriminator_b" in later.notes[0]


def test_a_bare_file_fills_the_only_translator(trainer: Make, tmp_path: Path) -> None:
    save_file({"gain": torch.tensor(0.25)}, tmp_path / "x.safetensors")
    assert trainer(f"train.init_from={tmp_path / 'x.safetensors'}").method.networks["generator"].gain == 0.25


def refused(trainer: Make, source: Path, *settings: str, card: object = None) -> ImtransError:
    with pytest.raises(ImtransError) as caught:
        trainer(*settings, f"train.init_from={source}", card=card or cyclegan(), name="refused")
    assert isinstance(caught.value, TrainingError)
    assert caught.value.hint
    return caught.value


def test_other_settings_are_told_key_by_key(trainer: Make, earlier: Trainer) -> None:
    wider = refused(trainer, earlier.run.root, *SMALL_CYCLEGAN, "generator.ngf=3")
    assert "does not fit the network 'generator_ab'" in wider.what
    assert "of another shape (model.1.weight (2, 3, 7, 7) for (3, 3, 7, 7)" in wider.what
    deeper = refused(trainer, earlier.run.root, *SMALL_CYCLEGAN, "generator.blocks=2")
    assert "missing (" in deeper.what
    shallower = refused(trainer, earlier.run.root, *SMALL_CYCLEGAN, "generator.blocks=0")
    assert "unexpected (" in shallower.what


def test_what_is_no_source(trainer: Make, earlier: Trainer, tmp_path: Path) -> None:
    assert "no weights to start from" in refused(trainer, tmp_path / "nothing").what
    assert "holds no checkpoint" in refused(trainer, tmp_path).what
    other = refused(trainer, earlier.run.root, card=CARD)
    assert "has no network 'generator'" in other.what
    assert "generator_ab" in other.have


def test_files_that_are_for_another(trainer: Make, tmp_path: Path) -> None:
    def file(metadata: dict[str, str] | None) -> Path:
        save_file({"x": torch.zeros(1)}, tmp_path / "x.safetensors", metadata)
        return tmp_path / "x.safetensors"

    assert "does not say which of the networks" in refused(trainer, file(None), *SMALL_CYCLEGAN).what
    other = refused(trainer, file({"imtrans": '{"model": "pix2pix"}'}), *SMALL_CYCLEGAN)
    assert "holds weights of the model 'pix2pix'" in other.what
    assert "imtrans train pix2pix" in other.hint
    direction = refused(trainer, file({"imtrans": '{"direction": "a2c"}'}), *SMALL_CYCLEGAN)
    assert "translates 'a2c', which this model does not" in direction.what
    assert "a2b" in direction.have
