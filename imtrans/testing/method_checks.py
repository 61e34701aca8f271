"""Checks of how a model learns: one training step on random pictures, phase by phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from imtrans.card import Card
from imtrans.config import from_dict
from imtrans.data.kind_names import KIND_WORDS
from imtrans.testing.base import PluginChecks
from imtrans.testing.batches import random_batch
from imtrans.train.draws import Draws
from imtrans.train.freezing import learning_only
from imtrans.train.method import Method, Phase, Step
from imtrans.train.optimise import make_optimiser
from imtrans.train.pool import ImagePool


class MethodChecks(PluginChecks):
    """``method`` of the card. A model that is only run skips these."""

    @pytest.fixture
    def method(self, card: Card) -> Method:
        """The method with small networks, in training mode."""
        if card.method is None or card.method_config is None:
            pytest.skip(f"{card.name} is a model that is only run")
        built: Method = card.method.load()(from_dict(card.method_config.load(), self.small_training))
        built.networks.train()
        return built

    def batch_of(self, card: Card, method: Method, seed: int = 0) -> dict[str, Tensor]:
        """Two random items of the kind of data set that the method learns from."""
        kind, classes = method.data_for(method.config), method.classes(method.config)
        return random_batch(kind, card, self.size, classes=classes, instance_maps=self.instance_maps, seed=seed)

    def test_method_learns_from_a_known_kind(self, card: Card, method: Method) -> None:
        """There is such a kind of data set, and where the card tells it too, it tells the same."""
        kind = method.data_for(method.config)
        assert kind in KIND_WORDS, f"the method learns from {kind!r}; kinds are {', '.join(KIND_WORDS)}"
        # Settings may ask for another kind than the class does; a card knows no settings.
        told = type(method).data
        assert card.data in (None, told), f"the card says {card.data!r}, and the method {told!r}"

    def test_method_builds_its_networks(self, method: Method) -> None:
        """The networks are a ModuleDict of plain names, which name files in a checkpoint."""
        assert isinstance(method.networks, nn.ModuleDict)
        assert len(method.networks) > 0, "the method has no networks"
        odd = [name for name in method.networks if not name.isidentifier()]
        assert not odd, f"networks are named like Python variables, unlike {', '.join(odd)}"

    def test_phases_cover_the_networks(self, method: Method) -> None:
        """Every parameter is learnt by one phase; a phase learns nothing that checkpoints do not hold."""
        phases = method.phases()
        names = [phase.name for phase in phases]
        assert len(set(names)) == len(names), f"two phases share a name: {names}"
        known = {id(parameter): name for name, parameter in method.networks.named_parameters()}
        learnt: list[int] = [id(parameter) for phase in phases for parameter in parameters_of(phase)]
        assert set(learnt) <= set(known), "a phase learns parameters that are in none of the method's networks"
        missing = sorted(name for key, name in known.items() if key not in learnt)
        assert not missing, f"no phase learns {', '.join(missing[:5])}"
        assert len(set(learnt)) == len(learnt), "two phases learn the same parameter"

    def test_one_step_trains(self, card: Card, method: Method) -> None:
        """Losses are finite scalars, and each phase changes exactly the networks that it says it learns."""
        phases = method.phases()
        pools = {name: ImagePool(size) for name, size in method.pool_sizes().items()}
        batches = [self.batch_of(card, method, seed) for seed in range(Draws(phases).of(0))]
        steps = [Step(batch, 0, pools) for batch in batches]
        titles: list[str] = []
        for phase in phases:
            before = {name: tensor.detach().clone() for name, tensor in method.networks.named_parameters()}
            losses = run_phase(method, phase, steps)
            titles += losses
            assert_sound(phase, losses)
            assert_changed_exactly(method, phase, before)
        assert len(set(titles)) == len(titles), f"two losses share a name in the log: {sorted(titles)}"

    def test_preview_gives_pictures(self, card: Card, method: Method) -> None:
        """Every column of the sample grid holds one picture for each of the batch."""
        batch = self.batch_of(card, method)
        method.networks.eval()
        with torch.inference_mode():
            columns = method.preview(batch)
        assert columns, "the preview has no columns"
        for title, column in columns.items():
            assert column.ndim == 4, f"the column {title!r} is not (N, C, H, W)"
            self.check_column(title, column, batch)

    def check_column(self, title: str, column: Tensor, batch: Mapping[str, Tensor]) -> None:
        """One column of the sample grid."""
        rows = len(next(iter(batch.values())))
        assert len(column) == rows, f"the column {title!r} has {len(column)} pictures"

    def test_translators_are_networks(self, card: Card, method: Method) -> None:
        """What the training yields can be loaded by imtrans run: a network with the keys that ``build`` expects."""
        translators = method.translators()
        assert translators, "the method yields nothing to run"
        for direction, (name, settings) in translators.items():
            assert name in method.networks, f"{direction!r} names the network {name!r}, which does not exist"
            assert isinstance(settings, card.network_config.load()), f"{direction!r} has settings of another kind"
            expected = card.build.load()(settings).state_dict()
            found = method.networks[name].state_dict()
            assert {k: v.shape for k, v in found.items()} == {k: v.shape for k, v in expected.items()}, (
                f"the network {name!r} has other keys or shapes than build gives for its settings"
            )


def parameters_of(phase: Phase) -> list[nn.Parameter]:
    """The parameters that a phase says it learns."""
    return [parameter for module in phase.learns for parameter in module.parameters()]


def run_phase(method: Method, phase: Phase, steps: Sequence[Step]) -> dict[str, Tensor]:
    """All repetitions of ``phase`` in one step, each as the training loop takes it; gives the losses of the last.

    Args:
        method: whose phase it is.
        phase: who learns.
        steps: one for each batch that the step draws.
    """
    optimiser = make_optimiser(phase)
    losses: dict[str, Tensor] = {}
    for turn in range(phase.repeat):
        optimiser.zero_grad()
        with learning_only(method.networks, phase):
            losses = phase.loss(steps[turn if phase.fresh else 0])
            total = torch.stack([loss.float() for loss in losses.values()]).sum()
        total.backward()
        optimiser.step()
        if phase.after is not None:
            with torch.no_grad():
                phase.after()
    return losses


def assert_sound(phase: Phase, losses: dict[str, Any]) -> None:
    """Named, finite scalars that depend on the parameters."""
    assert losses, f"the phase {phase.name!r} has no losses"
    for name, loss in losses.items():
        assert isinstance(loss, Tensor), f"the loss {name!r} of {phase.name!r} is a {type(loss).__name__}, not a tensor"
        assert loss.ndim == 0, f"the loss {name!r} of {phase.name!r} is no scalar but {tuple(loss.shape)}"
        assert torch.isfinite(loss), f"the loss {name!r} of {phase.name!r} is {loss.item()}"


def assert_changed_exactly(method: Method, phase: Phase, before: dict[str, Tensor]) -> None:
    """The parameters that the phase learns have moved (a network at a time), and no others."""
    learning = {id(parameter) for parameter in parameters_of(phase)}
    moved: dict[str, bool] = {}
    for name, parameter in method.networks.named_parameters():
        changed = not torch.equal(parameter.detach(), before[name])
        if id(parameter) not in learning:
            assert not changed, f"the phase {phase.name!r} changed {name}, which it does not learn"
            continue
        network = name.partition(".")[0]
        moved[network] = moved.get(network, False) or changed
    idle = sorted(network for network, changed in moved.items() if not changed)
    assert not idle, f"the phase {phase.name!r} says that it learns {', '.join(idle)} and changes nothing there"
