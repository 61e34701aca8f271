"""Which setting was meant: what to say of a key that a run has not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from imtrans import config, registry
from imtrans.card import Card
from imtrans.errors import ConfigError, did_you_mean

METHOD = "method"
"""The section whose keys are written without its name."""


def check_key(assignment: str, model: str, sections: Mapping[str, Any]) -> None:
    """Refuse a key that no section has, and say which one may be meant.

    What is no assignment, or gives a value to a group of a section, is for :func:`imtrans.config.override` to refuse.

    Args:
        assignment: ``"key=value"``, as ``--set`` takes it.
        model: whose run it is.
        sections: instances of the configurations, by section.

    Raises:
        ConfigError: there is no such key, or it is a section.
    """
    key, equals, _ = assignment.partition("=")
    key = key.strip()
    if not equals or not key:
        return
    wanted = key.removeprefix(f"{METHOD}.")
    own_first = sorted(sections, key=lambda section: section != METHOD)
    known = [name for section in own_first for name in _keys(type(sections[section]), section)]
    if wanted in sections:
        inside = [name for name in known if name.startswith(f"{wanted}.")] or known
        raise ConfigError(
            f"{wanted!r} is a group of settings and takes no value.", have=f"Settings in it: {', '.join(inside)}."
        )
    if _exists(wanted, known):
        return
    group = _group(wanted, known)
    inside = [name for name in known if name.startswith(f"{group}.")] if group else known
    raise ConfigError(
        f"there is no setting {key!r}.",
        have=f"Settings{f' in {group}' if group else ''}: {', '.join(inside)}.",
        hint=_meant(wanted, known, inside, _relatives(wanted, model, type(sections[METHOD]).__module__))
        or f"'imtrans models show {model}' explains each.",
    )


def _keys(kind: type, section: str) -> list[str]:
    return [each.key for each in config.describe(kind, where="" if section == METHOD else section)]


def _exists(wanted: str, known: Iterable[str]) -> bool:
    """As a setting, a group of them, or inside of a setting that is a table."""
    return any(f"{wanted}.".startswith(f"{name}.") or name.startswith(f"{wanted}.") for name in known)


def _group(wanted: str, known: Iterable[str]) -> str:
    """The innermost group of settings in the way to a key; empty where even the first is unknown."""
    group = wanted.rpartition(".")[0]
    while group and not any(name.startswith(f"{group}.") for name in known):
        group = group.rpartition(".")[0]
    return group


def _meant(wanted: str, known: list[str], inside: list[str], relatives: list[str]) -> str:
    """The same name in another group, or else a name like it; and the models that have the very key."""
    sentences = []
    namesakes = [name for name in known if _leaf(name) == _leaf(wanted)]
    if namesakes:
        sentences.append(f"Did you mean {' or '.join(map(repr, namesakes))}?")
    if relatives:
        models = f"model {relatives[0]} has" if len(relatives) == 1 else f"models {', '.join(relatives)} have"
        sentences.append(f"The {models} {wanted!r}.")
    # Names, not keys: generator.hidden is like generator.size only by the group that both are in.
    if not sentences and (close := get_close_matches(_leaf(wanted), [_leaf(name) for name in inside], n=1)):
        sentences.append(f"Did you mean {next(name for name in inside if _leaf(name) == close[0])!r}?")
    elif not sentences and inside is known:
        sentences.append(did_you_mean(wanted, known))
    return " ".join(sentences)


def _leaf(key: str) -> str:
    return key.rpartition(".")[2]


def _relatives(wanted: str, model: str, module: str) -> list[str]:
    """Other models of the same plugin that have a setting: variants, whose networks have other settings."""
    package = module.partition(".")[0]
    return [card.name for card in registry.cards().values() if card.name != model and _has(card, package, wanted)]


def _has(card: Card, package: str, wanted: str) -> bool:
    if card.method_config is None or card.method_config.target.partition(":")[0].partition(".")[0] != package:
        return False
    try:
        kind = card.method_config.load()
    except (ImportError, AttributeError):  # a plugin that is broken has its row in 'imtrans plugins'
        return False
    return wanted in _keys(kind, METHOD)
