"""Who takes part in a gradient."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from imtrans.train.freezing import learning_only, unfrozen
from imtrans.train.method import Phase


@pytest.fixture
def networks() -> nn.ModuleDict:
    return nn.ModuleDict({"one": nn.Linear(2, 2), "two": nn.Linear(2, 2)})


def phase(networks: nn.ModuleDict) -> Phase:
    return Phase("one", (networks["one"],), lambda step: {})


def test_others_hold_still_and_are_free_again(networks: nn.ModuleDict) -> None:
    with learning_only(networks, phase(networks)):
        assert networks["one"].weight.requires_grad
        assert not networks["two"].weight.requires_grad
        loss = networks["two"](networks["one"](torch.ones(1, 2))).sum()
    loss.backward()
    assert networks["one"].weight.grad is not None
    assert networks["two"].weight.grad is None
    assert networks["two"].weight.requires_grad


def test_they_are_free_again_after_an_error(networks: nn.ModuleDict) -> None:
    with pytest.raises(KeyError), learning_only(networks, phase(networks)):
        raise KeyError
    assert all(parameter.requires_grad for parameter in networks.parameters())


def test_a_frozen_network_may_make_what_it_learns_from_later(networks: nn.ModuleDict) -> None:
    """What was frozen is frozen again; what somebody else froze for good inside a free network stays as it was."""
    networks["one"].bias.requires_grad_(False)
    with unfrozen(networks["one"]):
        made = networks["one"](torch.ones(1, 2)).sum()
    assert not networks["one"].bias.requires_grad
    assert networks["one"].weight.requires_grad
    with learning_only(networks, phase(networks)), unfrozen(networks["two"]):
        made = made + networks["two"](torch.ones(1, 2)).sum()
    made.backward()
    assert networks["two"].weight.grad is not None


def test_it_is_frozen_again_after_an_error(networks: nn.ModuleDict) -> None:
    with learning_only(networks, phase(networks)):
        with pytest.raises(KeyError), unfrozen(networks["two"]):
            raise KeyError
        assert not networks["two"].weight.requires_grad
