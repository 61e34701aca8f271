"""Who takes part in a gradient: a phase freezes what it does not learn, and a network may be freed in between."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from torch import nn

from imtrans.train.method import Phase
from imtrans.train.optimise import parameters_of


@contextlib.contextmanager
def learning_only(networks: nn.ModuleDict, phase: Phase) -> Iterator[None]:
    """Freeze what the phase does not learn: its gradients would be computed and thrown away."""
    learning = {id(parameter) for parameter in parameters_of(phase)}
    for parameter in networks.parameters():
        parameter.requires_grad_(id(parameter) in learning)
    try:
        yield
    finally:
        for parameter in networks.parameters():
            parameter.requires_grad_(True)


@contextlib.contextmanager
def unfrozen(network: nn.Module) -> Iterator[None]:
    """Let the network's parameters take part in a gradient though the running phase does not learn them.

    A discriminator's phase that makes the fakes, and leaves them in ``Step.shared`` for the generator's phase after it,
    makes them in here: computed once, they are ready for the generator's gradient too.
    """
    frozen = [parameter for parameter in network.parameters() if not parameter.requires_grad]
    for parameter in frozen:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(False)
