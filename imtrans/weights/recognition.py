"""Which of the installed models a network's tensors are, by the cards' own recognisers: every card is asked.

A recogniser sees keys and shapes alone. What it accepts is then held against the network that its card would build, key
by key and without memory for it, so a candidate that is called runnable is one that loads.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from imtrans import registry
from imtrans.card import Card
from imtrans.config import from_dict, to_dict
from imtrans.errors import ConfigError, ImtransError
from imtrans.weights.fitting import fitted, misfits
from imtrans.weights.identity import Identity

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Candidate:
    """A model that a network may be of."""

    model: str
    """What to type for it: the card's name, or its full name where two plugins share one."""
    card: Card | None
    """None where a file names a model that is not installed."""
    config: Any
    """An instance of the card's ``network_config``; plain data without a card."""
    problem: str = ""
    """Why it cannot be run, as a sentence without a full stop; empty where it can."""

    @property
    def settings(self) -> dict[str, Any]:
        """The configuration as plain data."""
        return dict(self.config) if isinstance(self.config, Mapping) else to_dict(self.config)

    @property
    def unusual(self) -> dict[str, Any]:
        """The settings that are not the model's defaults."""
        if self.card is None or isinstance(self.config, Mapping):
            return self.settings
        usual = to_dict(type(self.config)())
        return {key: value for key, value in self.settings.items() if usual.get(key) != value}


@dataclass
class Verdict:
    """What all cards say of one network."""

    candidates: list[Candidate] = field(default_factory=list)
    descriptions: dict[str, str] = field(default_factory=dict)
    """What the cards' ``describe`` say it seems to be, by model, where they say something."""
    notes: list[str] = field(default_factory=list)
    """Plugins that could not be asked, and why."""

    @property
    def runnable(self) -> list[Candidate]:
        """Candidates without a problem."""
        return [candidate for candidate in self.candidates if not candidate.problem]


@dataclass(frozen=True)
class Converted:
    """A network's tensors as a card's own ``convert`` gives them."""

    tensors: dict[str, Tensor]
    settings: Mapping[str, Any]
    """Settings that its project's layout tells besides."""
    notes: tuple[str, ...]


def shapes_of(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor, by key, as recognisers want it."""
    return {key: tuple(tensor.shape) for key, tensor in tensors.items()}


def convert_for(card: Card, tensors: Mapping[str, Tensor]) -> Converted:
    """The tensors by the keys of the card's authors, where the card knows another project's layout of them."""
    found = card.convert.load()(tensors) if card.convert is not None else None
    if found is None:
        return Converted(dict(tensors), {}, ())
    converted, settings, note = found
    return Converted(dict(converted), settings, (note,) if note else ())


def recognise(card: Card, tensors: Mapping[str, Tensor]) -> Any | None:
    """The configuration of the card's network that the tensors fill, or None if they are none of its."""
    converted = convert_for(card, tensors)
    config = card.recognise.load()(shapes_of(converted.tensors))
    if config is None or not converted.settings:
        return config
    return from_dict(card.network_config.load(), {**to_dict(config), **converted.settings})


def judge(tensors: Mapping[str, Tensor], identity: Identity | None = None) -> Verdict:
    """Ask every installed card what the tensors are, or look up what the file says of itself.

    Args:
        tensors: one network's, under the authors' keys as far as the core knows them.
        identity: what a file of ours says it holds.
    """
    verdict = Verdict()
    if identity is not None:
        verdict.candidates.append(_named(identity, tensors))
        return verdict
    for entry in registry.entries():
        if entry.card is None:
            verdict.notes.append(f"the plugin {entry.name!r} could not be asked: {entry.reason.rstrip('.')}")
            continue
        try:
            _ask(entry.label, entry.card, tensors, verdict)
        except Exception as error:  # a plugin's code, on keys that it may never have seen
            verdict.notes.append(f"the recogniser of {entry.label!r} failed: {_first_line(error)}")
    return verdict


def describe(card: Card, shapes: Shapes) -> str | None:
    """What the optional function ``describe`` beside the card's recogniser says of tensors."""
    module = importlib.import_module(card.recognise.target.partition(":")[0])
    found = module.describe(shapes) if callable(getattr(module, "describe", None)) else None
    return str(found) if found else None


def _ask(label: str, card: Card, tensors: Mapping[str, Tensor], verdict: Verdict) -> None:
    if words := describe(card, shapes_of(tensors)):
        verdict.descriptions[label] = words
    config = recognise(card, tensors)
    if config is not None:
        verdict.candidates.append(Candidate(label, card, config, _problem(card, config, tensors)))


def _named(identity: Identity, tensors: Mapping[str, Tensor]) -> Candidate:
    """The model that the file itself names."""
    found = {label: card for label, card in registry.cards().items() if card.name == identity.model}
    if len(found) != 1:
        problem = f"{len(found)} plugins have this name" if found else f"no model {identity.model!r} is installed"
        return Candidate(identity.model, None, dict(identity.config), problem)
    ((label, card),) = found.items()
    try:
        config = from_dict(card.network_config.load(), identity.config)
    except ConfigError as error:
        return Candidate(label, None, dict(identity.config), f"another version wrote it: {error.what.rstrip('.')}")
    return Candidate(label, card, config, _problem(card, config, tensors))


def _problem(card: Card, config: Any, tensors: Mapping[str, Tensor]) -> str:
    """Why the tensors do not load into the network that the configuration describes; empty where they do."""
    try:
        expected = _blueprint(card, config)
    except ImtransError as error:
        return error.what.rstrip(".")
    except Exception as error:
        return f"its network cannot be built: {_first_line(error)}"
    kept, _ = fitted(convert_for(card, tensors).tensors, expected)
    wrong = misfits(kept, expected)
    bad = [key for key, tensor in kept.items() if tensor.is_floating_point() and not tensor.isfinite().all()]
    if bad:
        wrong.append(f"{len(bad)} tensors hold values that are not numbers ({', '.join(bad[:3])})")
    return "; ".join(wrong)


def _blueprint(card: Card, config: Any) -> dict[str, Tensor]:
    """The state dict of the network without its numbers, which would take memory and time."""
    build = card.build.load()
    with torch.random.fork_rng(devices=[]):
        try:
            with torch.device("meta"):
                return dict(build(config).state_dict())
        except (RuntimeError, NotImplementedError):  # it computes with numbers while it is built
            return dict(build(config).state_dict())


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0] if text else 'no message'}"
