"""Weights without a model's name -> the model that they are of, where there is only one."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from imtrans import registry
from imtrans.card import Card
from imtrans.errors import UnknownNameError, WeightsError, did_you_mean
from imtrans.weights.folders import ENDINGS, AmbiguousWeightsError, translator_in

if TYPE_CHECKING:
    from imtrans.weights.inspection import NetworkReport


def choose(source: str | Path) -> tuple[Card, str | Path]:
    """The only model that can run ``source``, and what to load as its weights.

    Args:
        source: a name that one card gives to weights; a file, or ``file#network``; the folder of a training run or of
            one of its checkpoints, also with a direction after a ``#``.

    Raises:
        AmbiguousWeightsError: several models or networks could be meant; the message lists the commands.
        UnknownNameError: there is no such file, and no card has weights of this name.
        WeightsError: no installed model can run the file.
    """
    if isinstance(source, str) and (owners := _owners(source)):
        return _named(source, owners), source
    path, network = _split(source)
    if path.is_dir():
        path, network = translator_in(path, network), None
    elif not os.path.lexists(path):
        raise _unknown(str(source))
    target = f"{path}#{network}" if network else str(path)
    card = _recognised(target)
    return card, target


def _owners(name: str) -> dict[str, Card]:
    """The cards that have weights of this name."""
    return {label: card for label, card in registry.cards().items() if card.find_weights(name) is not None}


def _named(name: str, owners: dict[str, Card]) -> Card:
    if len(owners) == 1:
        return next(iter(owners.values()))
    raise AmbiguousWeightsError(
        f"{len(owners)} models have weights called {name!r}.",
        have=f"Models: {', '.join(owners)}.",
        hint=f"Name the model: imtrans run {next(iter(owners))} --weights {shlex.quote(name)} --input PICTURE",
    )


def _split(source: str | Path) -> tuple[Path, str | None]:
    path = Path(source).expanduser()
    base, sign, network = str(path).rpartition("#")
    return (Path(base), network) if sign and not path.exists() else (path, None)


def _recognised(source: str) -> Card:
    from imtrans.weights.inspection import inspect
    from imtrans.weights.nesting import default_of, preferred

    report = inspect(source)
    choices = [(network, one) for network in report.networks for one in network.verdict.runnable]
    cards = {one.model: one.card for _, one in choices if one.card is not None}
    if len(cards) == 1:
        (card,) = cards.values()
        names = {network.name for network, _ in choices}
        if len(names) == 1 or preferred(names) or default_of(dict.fromkeys(names), card.default_network):
            return card
    if choices:
        several = len({network.name for network, _ in choices}) > 1
        what = f"{source} holds {len(report.networks)} networks" if several else f"{source} fits several models"
        raise AmbiguousWeightsError(
            f"{what}, and its keys and shapes cannot say which of these is meant.",
            have="It would run as:\n" + "\n".join(report.command(network, one) for network, one in choices),
            hint=f"Type one of these; 'imtrans inspect {shlex.quote(source)}' says how they differ.",
        )
    raise WeightsError(
        f"no installed model can run {source}.",
        have="\n".join(dict.fromkeys(line for network in report.networks for line in _reasons(network))),
        hint=f"'imtrans inspect {shlex.quote(source)}' says what is in it; 'imtrans models' lists what is installed.",
    )


def _reasons(network: NetworkReport) -> Iterator[str]:
    """Why a network cannot be run, and what it seems to be."""
    if network.problem:
        yield f"{network.problem}."
    for candidate in network.candidates:
        yield f"As {candidate.model}: {candidate.problem}."
    for words in network.verdict.descriptions.values():
        yield f"It seems to be {words}."


def _unknown(source: str) -> UnknownNameError:
    names = [weights.name for card in registry.cards().values() for weights in card.weights]
    looks_like_path = "/" in source or os.sep in source or source.endswith(ENDINGS)
    what = f"there is no weights file {source}." if looks_like_path else f"no model has weights called {source!r}."
    return UnknownNameError(
        what,
        have=did_you_mean(Path(source).stem, names),
        hint="Give the path of a checkpoint or a name that 'imtrans models show MODEL' lists.",
    )
