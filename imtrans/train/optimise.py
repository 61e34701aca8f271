"""One group of parameters learns, the others hold still."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import nn

from imtrans.train.method import Phase


def make_optimiser(phase: Phase) -> torch.optim.Optimizer:
    """Adam over the parameters that the phase learns."""
    parameters = [parameter for module in phase.learns for parameter in module.parameters()]
    settings = phase.optimiser
    return torch.optim.Adam(parameters, settings.lr, (settings.beta1, settings.beta2), fused=True)


def tune(optimiser: torch.optim.Optimizer, phase: Phase, factor: float = 1.0) -> None:
    """Give the optimiser the phase's settings, with the learning rate times ``factor``."""
    settings = phase.optimiser
    for group in optimiser.param_groups:
        group["lr"] = settings.lr * factor
        group["betas"] = (settings.beta1, settings.beta2)


@contextlib.contextmanager
def learning_only(networks: nn.ModuleDict, phase: Phase) -> Iterator[None]:
    """Freeze what the phase does not learn: its gradients would be computed and thrown away."""
    learning = {id(parameter) for module in phase.learns for parameter in module.parameters()}
    for parameter in networks.parameters():
        parameter.requires_grad_(id(parameter) in learning)
    try:
        yield
    finally:
        for parameter in networks.parameters():
            parameter.requires_grad_(True)
