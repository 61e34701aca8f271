"""Where in a checkpoint the network's tensors are.

Some files are a state dict; some wrap it (``{"state_dict": ...}``, ``{"model": ...}``, ``{"params": ...}``) beside
epochs and optimisers; some hold several networks, and then the user has to name one. Several may also share one flat
state dict, under keys like ``generators.photo.model...``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
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
    ("generator_ema", "generator", "discriminator"),
    ("G_ema", "G", "D", "augment_pipe"),
    ("g_ema", "g", "d"),
    ("avgG", "netG", "netD"),
)
"""Of such names, where the first is a running average of the second, the average is the one that its authors run."""

MEMBER = re.compile(
    r"((?:generators|discriminators)\.[^.]+|(?:generator|discriminator)(?:_ema)?|net[A-Z]\w*|(?:gen|dis)[A-Z]\w*)\.(.+)"
)
"""A key of a state dict that several networks share: the network's name, and the key as the network has it."""

ASIDE = "data_preprocessor."
"""mmagic keeps means and deviations of pictures beside its networks."""


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
    tensors, notes = pick(find_networks(loaded, where), network, where, default)
    return dense(tensors), notes


def find_networks(loaded: object, where: object) -> dict[str, Mapping[str, Any]]:
    """Every state dict in what a checkpoint's pickle held, as :func:`networks_in` names them; at least one.

    Raises:
        WeightsError: there is none.
    """
    if not isinstance(loaded, Mapping):
        raise WeightsError(f"{where} holds a {_kind(loaded)}, not a dictionary of tensors.")
    found = networks_in(loaded)
    if not found:
        keys = ", ".join(repr(key) for key in list(loaded)[:5])
        raise WeightsError(f"{where} holds no tensors of a network.", have=f"It has the keys: {keys or 'none'}.")
    return found


def pick(
    found: Mapping[str, Mapping[str, Any]], network: str | None, where: object, default: str | None = None
) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """One of the state dicts, by name, or the one that is meant where none is named; and notes on the choice.

    Arguments as for :func:`select`.

    Raises:
        WeightsError: there are several networks and none is named, or the name is not among them.
    """
    if network is not None and len(found) == 1 and network not in _names(found):
        ((_, whole),) = found.items()
        found = members(whole) or _by_first_word(whole) or found
    name, note = _choose(found, network or default_of(found, default), where)
    return found[name], note


def preferred(names: Iterable[str]) -> str | None:
    """Of the names of a network, its running average and others that do not run, the average; None for other names."""
    found = set(names)
    for better, worse, *others in PREFERRED:
        if better in found and len(found) > 1 and found <= {better, worse, *others}:
            return better
    return None


def default_of(found: Mapping[str, Any], default: str | None) -> str | None:
    """The network that a model's card would take of several, where the file has it."""
    return default if len(found) > 1 and default in _names(found) else None


def members(tensors: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The networks that share one flat state dict, by name; none where the keys do not say so."""
    parts: dict[str, dict[str, Any]] = {}
    for key, tensor in tensors.items():
        if key.startswith(ASIDE):
            continue
        if (match := MEMBER.fullmatch(key)) is None:
            return {}
        parts.setdefault(match[1], {})[match[2]] = tensor
    return parts


def _by_first_word(tensors: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The tensors by the first part of their keys: any part of a network may be asked for by name."""
    parts: dict[str, dict[str, Any]] = {}
    for key, tensor in tensors.items():
        first, dot, rest = key.partition(".")
        if dot:
            parts.setdefault(first, {})[rest] = tensor
    return parts


def dense(network: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors among the values, without gradients or parameters around them.

    Raises:
        WeightsError: one of them is sparse, quantised or without values.
    """
    return {key: _plain(value) for key, value in network.items() if isinstance(value, Tensor)}


def networks_in(loaded: Mapping[Any, Any], name: str = "", depth: int = DEPTH) -> dict[str, Mapping[str, Any]]:
    """Every state dict in nested dictionaries, by its dotted path; ``""`` for one that is not nested at all."""
    if "param_groups" in loaded or "LR_Scheduler" in loaded:  # PyTorch's or Paddle's optimiser: tensors, no network
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
        matches = [name for name in names if network in _names([name])]
        if len(matches) != 1:
            raise _ask(f"{where} holds no network called {network!r}. {did_you_mean(network, names)}", found, where)
        return matches[0], (f"took the network {matches[0]!r} of {len(names)} in the file",)
    if len(names) == 1:
        return names[0], (f"the tensors are under {names[0]!r}",) if names[0] else ()
    if (better := preferred(names)) is not None:
        others = " or ".join(repr(name) for name in names if name != better)
        return better, (f"took {better!r}, the running average, rather than {others}",)
    raise _ask(f"{where} holds {len(names)} networks.", found, where)


def _names(paths: Iterable[str]) -> set[str]:
    """What the networks at these dotted paths answer to: the path, and its last part."""
    return {name for path in paths for name in (path, path.rpartition(".")[2])}


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
