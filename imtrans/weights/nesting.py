"""Where in a checkpoint the network's tensors are.

Some files are a state dict; some wrap it (``{"state_dict": ...}``, ``{"model": ...}``, ``{"params": ...}``) beside
epochs and optimisers; some hold several networks, and then the user has to name one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from imtrans.errors import WeightsError, did_you_mean

DEPTH = 4
"""How many dictionaries deep a state dict is looked for."""

PREFERRED = (
    ("params_ema", "params"),
    ("model_ema", "model"),
    ("state_dict_ema", "state_dict"),
    ("G_ema", "G", "D", "augment_pipe"),
    ("g_ema", "g", "d"),
)
"""Of such names, where the first is a running average of the second, the average is the one that its authors run."""


def select(
    loaded: object, network: str | None, where: object, default: str | None = None
) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The state dict in ``loaded``, which is what a checkpoint's pickle held.

    Args:
        loaded: dictionaries of dictionaries of tensors.
        network: the name of one network, for files that hold several.
        where: the file's name, for messages.
        default: the name of the network to take from a file that holds several, where it has one of that name and none
            was asked for.

    Returns:
        The tensors by key, and notes on where they were found.

    Raises:
        WeightsError: there are no tensors; there are several networks and none is named; the name is not among them.
    """
    if not isinstance(loaded, Mapping):
        raise WeightsError(f"{where} holds a {_kind(loaded)}, not a dictionary of tensors.")
    found = networks_in(loaded)
    if not found:
        keys = ", ".join(repr(key) for key in list(loaded)[:5])
        raise WeightsError(f"{where} holds no tensors of a network.", have=f"It has the keys: {keys or 'none'}.")
    if network is None and default is not None and len(found) > 1 and _named(found, default):
        network = default
    name, note = _choose(found, network, where)
    return {key: _plain(value) for key, value in found[name].items() if isinstance(value, Tensor)}, note


def networks_in(loaded: Mapping[Any, Any], name: str = "", depth: int = DEPTH) -> dict[str, Mapping[str, Any]]:
    """Every state dict in nested dictionaries, by its dotted path; ``""`` for one that is not nested at all."""
    if "param_groups" in loaded:  # an optimiser: tensors as well, and no network
        return {}
    found: dict[str, Mapping[str, Any]] = {}
    for key, value in loaded.items():
        if isinstance(key, str) and isinstance(value, Mapping) and depth > 0:
            found |= networks_in(value, f"{name}.{key}" if name else key, depth - 1)
    strings = all(isinstance(key, str) for key in loaded)
    if not found and strings and any(isinstance(value, Tensor) for value in loaded.values()):
        return {name: loaded}
    return found


def _choose(found: Mapping[str, Mapping[str, Any]], network: str | None, where: object) -> tuple[str, tuple[str, ...]]:
    """The path of the wanted state dict, and notes."""
    names = list(found)
    if network is not None:
        matches = _named(found, network)
        if len(matches) != 1:
            raise _ask(f"{where} holds no network called {network!r}. {did_you_mean(network, names)}", found, where)
        return matches[0], (f"took the network {matches[0]!r} of {len(names)} in the file",)
    if len(names) == 1:
        return names[0], (f"the tensors are under {names[0]!r}",) if names[0] else ()
    for better, worse, *others in PREFERRED:
        if better in names and set(names) <= {better, worse, *others}:
            return better, (f"took {better!r}, the running average, rather than {worse!r}",)
    raise _ask(f"{where} holds {len(names)} networks.", found, where)


def _named(found: Mapping[str, Mapping[str, Any]], network: str) -> list[str]:
    """The paths that end in the network's name."""
    return [name for name in found if network in (name, name.rpartition(".")[2])]


def _ask(what: str, found: Mapping[str, Mapping[str, Any]], where: object) -> WeightsError:
    listed = ", ".join(f"{name} ({len(tensors)} tensors)" for name, tensors in list(found.items())[:12])
    first = next(iter(found))
    return WeightsError(
        what.strip(),
        have=f"Networks in it: {listed}." if first else "It holds a single network.",
        hint=f"Name one after a '#': {where}#{first}" if first else "Leave out the '#' and what follows it.",
    )


def _plain(tensor: Tensor) -> Tensor:
    """The tensor without gradient or parameter around it."""
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
        raise WeightsError(
            "the checkpoint holds sparse, quantised or shape-only tensors; a network here takes dense ones."
        )
    return tensor.detach()


def _kind(loaded: object) -> str:
    return "single tensor" if isinstance(loaded, Tensor) else type(loaded).__name__
