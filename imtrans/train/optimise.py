"""The optimiser of a phase: its parameters, its settings step by step, and how tensors lie while it works."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from imtrans.errors import ConfigError, TrainingError
from imtrans.train.method import Phase


def make_optimiser(phase: Phase) -> torch.optim.Optimizer:
    """The phase's optimiser over the parameters that the phase learns.

    Raises:
        ConfigError: it cannot have the phase's settings, such as a negative learning rate.
    """
    try:
        return phase.optimiser.build(parameters_of(phase))
    except ValueError as error:
        raise ConfigError(
            f"the phase {phase.name!r} cannot learn so: {error}.",
            have=f"It is to learn with {phase.optimiser}.",
            hint="Change it by --set, such as --set lr=1e-4.",
        ) from error


def restore_optimiser(optimiser: torch.optim.Optimizer, phase: Phase, state: Mapping[str, Any]) -> None:
    """Go on with the state of an optimiser of the same kind.

    Raises:
        TrainingError: it is of another kind, whose moments mean something else.
    """
    if phase.optimiser.options().keys() - state["param_groups"][0].keys():
        raise TrainingError(
            f"the phase {phase.name!r} has learnt with another optimiser than {type(phase.optimiser).__name__}.",
            have="What an optimiser remembers of past gradients serves its own kind alone.",
            hint="Leave that setting away, or start a new run from these weights: --output OTHER --init-from THIS_RUN",
        )
    optimiser.load_state_dict(dict(state))


def parameters_of(phase: Phase) -> list[nn.Parameter]:
    """The parameters that the phase learns, each once."""
    found = {id(parameter): parameter for module in phase.learns for parameter in module.parameters()}
    return list(found.values())


def tune(optimiser: torch.optim.Optimizer, phase: Phase, factor: float = 1.0) -> None:
    """Give the optimiser the phase's settings, with the learning rate times ``factor``."""
    for group in optimiser.param_groups:
        group.update(phase.optimiser.options())
        group["lr"] *= factor


def lay_alike(optimiser: torch.optim.Optimizer) -> None:
    """Lay gradients and the optimiser's own tensors out in memory as their parameters lie, where they do not.

    Torch's fused optimisers for the CPU walk through all of them side by side in the order of memory, whatever their
    strides: a channels-last gradient for a contiguous weight would update the wrong elements, in silence. Autograd and
    a resume with the same settings keep to the layout; another ``train.channels_last`` or a hook may not.
    """
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            if parameter.grad is not None:
                parameter.grad = _laid_as(parameter, parameter.grad)
            state = optimiser.state.get(parameter, {})
            for name, value in state.items():
                if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                    state[name] = _laid_as(parameter, value)


@contextlib.contextmanager
def flattened(optimiser: torch.optim.Optimizer) -> Iterator[None]:
    """Show the optimiser channels-last tensors as contiguous ones of permuted sides, where they lie.

    Torch's fused optimisers for the CPU copy every gradient that is not contiguous before they use it, which takes as
    long as the update. To an update element by element the order of the sides means nothing. :func:`lay_alike` comes
    first.
    """
    turned = [
        parameter
        for group in optimiser.param_groups
        for parameter in group["params"]
        if parameter.device.type == "cpu" and parameter.grad is not None and _is_channels_last(parameter)
    ]
    for parameter in turned:
        _permute(optimiser, parameter, (0, 2, 3, 1))
    try:
        yield
    finally:
        for parameter in turned:
            _permute(optimiser, parameter, (0, 3, 1, 2))


def _is_channels_last(tensor: torch.Tensor) -> bool:
    return tensor.ndim == 4 and tensor.is_contiguous(memory_format=torch.channels_last) and not tensor.is_contiguous()


def _permute(optimiser: torch.optim.Optimizer, parameter: nn.Parameter, order: tuple[int, ...]) -> None:
    """The parameter, its gradient and what the optimiser keeps of it, with their sides in that order."""
    gradient, parameter.grad = parameter.grad, None
    state = optimiser.state.get(parameter, {})
    for name, value in state.items():
        if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
            state[name] = value.permute(order)
    parameter.data = parameter.data.permute(order)
    parameter.grad = None if gradient is None else gradient.permute(order)


def _laid_as(parameter: nn.Parameter, tensor: torch.Tensor) -> torch.Tensor:
    if tensor.stride() == parameter.stride():
        return tensor
    return torch.empty_like(parameter, dtype=tensor.dtype, requires_grad=False).copy_(tensor)
