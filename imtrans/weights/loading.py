"""A card and a name -> a network, ready to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from imtrans import registry
from imtrans.card import Card
from imtrans.config import from_dict, to_dict
from imtrans.errors import ConfigError, ImtransError, WeightsError
from imtrans.weights import nesting
from imtrans.weights.download import Patience, Progress
from imtrans.weights.fitting import fitted, listed, misfits
from imtrans.weights.foreign.layouts import Channels, to_authors
from imtrans.weights.identity import identity_in
from imtrans.weights.reader import Checkpoint, Contents, read_all
from imtrans.weights.recognition import Converted, convert_for, describe, recognise, shapes_of
from imtrans.weights.store import Located, locate

_COMMANDS = {"translate": "run", "generate": "generate"}
"""What runs a model of each task; the right one is most often that of the model which was asked for."""


@dataclass(frozen=True)
class Loaded:
    """A network with its weights."""

    network: nn.Module
    """In eval mode, on the CPU, in float32."""
    config: Any
    """An instance of the card's ``network_config``."""
    name: str
    """The name of the weights, or of their file."""
    path: Path
    project: str = ""
    """The project in whose layout the file is, where that is not the one of the model's authors; else ``""``."""
    format: str = ""
    """Of the file, see :class:`imtrans.weights.reader.Checkpoint`."""
    network_name: str | None = None
    """Which of several networks in the file was asked for."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Text by key that the file carries, for formats that have some."""
    dtype: torch.dtype | None = None
    """Of the file's numbers, where all have the same and it is not float32."""
    notes: tuple[str, ...] = ()
    """What was fetched, chosen, unwrapped, dropped or inferred on the way, as sentences without a full stop."""


def load_network(
    card: Card,
    source: str | Path | None = None,
    *,
    offline: bool = False,
    progress: Progress | None = None,
    patience: Patience | None = None,
    channels: Channels = "auto",
) -> Loaded:
    """The network that ``source`` holds the weights of.

    Its configuration comes from the file's own metadata where imtrans wrote it, and otherwise from the card's
    recogniser, which sees keys and shapes; ``Weights.config`` of named weights overrides both.

    Args:
        card: the model's card.
        source: the name of weights on the card, a path, ``path#network`` where a file holds several, or None for the
            card's default.
        offline: never download.
        progress: called while downloading; see :data:`imtrans.weights.download.Progress`.
        patience: how long to put up with a bad line.
        channels: see :func:`imtrans.weights.foreign.layouts.to_authors`.

    Raises:
        WeightsError: the file cannot be had, read, trusted or fitted to the model; the message says what it seems to
            hold instead.
    """
    located = locate(card, source, offline=offline, progress=progress, patience=patience)
    checkpoint = _chosen(card, read_all(located.path), located)
    translated = to_authors(checkpoint.tensors, checkpoint.format, channels=channels)
    converted = convert_for(card, translated.tensors)
    config, config_notes = _configuration(card, located, checkpoint, converted)
    network = _built(card, config, checkpoint.path)
    tensors, fit_notes = fitted(converted.tensors, network.state_dict())
    _fill(card, network, tensors, checkpoint.path)
    layout_notes = (*translated.notes, *converted.notes)
    notes = (*located.notes, *checkpoint.notes, *layout_notes, *config_notes, *fit_notes)
    return Loaded(
        network.eval(),
        config,
        located.name,
        located.path,
        translated.project,
        checkpoint.format,
        located.network,
        checkpoint.metadata,
        _narrow(tensors),
        notes,
    )


def _narrow(tensors: Mapping[str, Tensor]) -> torch.dtype | None:
    """The one type of all numbers, where it is another than float32."""
    kinds = {tensor.dtype for tensor in tensors.values() if tensor.is_floating_point()}
    return next(iter(kinds)) if len(kinds) == 1 and kinds <= {torch.float16, torch.bfloat16} else None


# --- the network's tensors ------------------------------------------------------------------------------------------


def _chosen(card: Card, contents: Contents, located: Located) -> Checkpoint:
    """The tensors of the network that is meant: the one that was named, the only one, or the only one that is ours."""
    networks: Mapping[str, Mapping[str, Any]] = contents.networks
    if located.network is None:
        (whole,) = networks.values() if len(networks) == 1 else ({},)
        parts: Mapping[str, Mapping[str, Any]] = nesting.members(whole) if whole else networks
        ours = [name for name, tensors in parts.items() if _is_ours(card, contents, tensors)]
        if parts and not _is_ours(card, contents, whole):
            if len(ours) == 1:
                note = f"took {ours[0]!r}, the only one of {len(parts)} networks in the file that {card.name!r} can run"
                return contents.checkpoint(parts[ours[0]], (note,) if len(parts) > 1 else ())
            networks = parts if ours else networks
    tensors, notes = nesting.pick(networks, located.network, contents.path, card.default_network)
    return contents.checkpoint(tensors, notes)


def _is_ours(card: Card, contents: Contents, network: Mapping[str, Any]) -> bool:
    """Whether the card recognises one of the networks in the file."""
    try:
        translated = to_authors(nesting.dense(network), contents.format)
    except WeightsError:
        return False
    return _fits(card, translated.tensors)


# --- the configuration ----------------------------------------------------------------------------------------------


def _configuration(
    card: Card, located: Located, checkpoint: Checkpoint, converted: Converted
) -> tuple[Any, tuple[str, ...]]:
    """The configuration of the network that the tensors fill, and a note of what it was inferred from."""
    identity = identity_in(checkpoint.metadata, checkpoint.path)
    if identity is None:
        config = _recognised(card, converted.tensors, checkpoint.path)
        notes: tuple[str, ...] = ("inferred the network's configuration from keys and shapes",)
    elif identity.model != card.name:
        raise WeightsError(
            f"{checkpoint.path} holds weights of the model {identity.model!r}, not of {card.name!r}.",
            hint=f"Use that model: imtrans {_COMMANDS[card.task]} {identity.model} --weights {checkpoint.path}",
        )
    else:
        config, notes = _from_plain(card, identity.config, checkpoint.path), ()
    overrides = {**converted.settings, **(located.weights.config if located.weights is not None else {})}
    if overrides:
        config = _from_plain(card, {**to_dict(config), **overrides}, checkpoint.path)
    return config, notes


def _recognised(card: Card, tensors: Mapping[str, Tensor], path: Path) -> Any:
    config = card.recognise.load()(shapes_of(tensors))
    if config is None:
        raise WeightsError(
            f"{path} holds no weights that the model {card.name!r} can run.",
            have=_seems_to_hold(card, tensors),
            hint="If it is this model in another project's layout, its keys have to be renamed first.",
        )
    return config


def _from_plain(card: Card, values: Mapping[str, Any], path: Path) -> Any:
    try:
        return from_dict(card.network_config.load(), values)
    except ConfigError as error:
        raise WeightsError(
            f"{path} asks for a configuration that the model {card.name!r} does not know: {error.what}",
            have=error.have,
            hint="It was probably written by another version of imtrans or of the plugin.",
        ) from error


# --- the network ----------------------------------------------------------------------------------------------------


def _built(card: Card, config: Any, path: Path) -> nn.Module:
    """The network with its initial weights, made without disturbing the caller's random numbers."""
    try:
        with torch.random.fork_rng(devices=[]):
            network: nn.Module = card.build.load()(config)
    except ImtransError:
        raise
    except (RuntimeError, ValueError, MemoryError, OverflowError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise WeightsError(f"the network that {path} describes cannot be built: {reason}") from error
    return network.to("cpu", torch.float32)


def _fill(card: Card, network: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Copy the tensors into the network; every key has to have its counterpart of the same shape."""
    expected = network.state_dict()
    wrong = misfits(tensors, expected)
    if wrong:
        raise WeightsError(
            f"{path} does not fit the model {card.name!r}: {'; '.join(wrong)}.",
            have=_seems_to_hold(card, tensors),
            hint="The file is incomplete, or of a variant that the model does not have.",
        )
    _refuse_nonfinite(tensors, path)
    # Copying into the network's own float32 widens what the file holds in half precision.
    network.load_state_dict(dict(tensors), strict=True)


def _refuse_nonfinite(tensors: Mapping[str, Tensor], path: Path) -> None:
    """A single NaN makes every picture black, with no word of why."""
    bad = [key for key, tensor in tensors.items() if tensor.is_floating_point() and not tensor.isfinite().all()]
    if bad:
        raise WeightsError(
            f"{path} holds values that are not numbers: {'; '.join(listed('tensors with NaN or infinity', bad))}.",
            hint="Its training diverged, or the file is damaged; take an earlier checkpoint.",
        )


# --- what else it may be --------------------------------------------------------------------------------------------


def _seems_to_hold(card: Card, tensors: Mapping[str, Tensor]) -> str:
    """What the tensors seem to be: in the words of this card's plugin, as another model, or by their first keys."""
    found = describe(card, shapes_of(tensors))
    words = [f"It seems to be {found}." if found else ""]
    others = [other.name for other in registry.cards().values() if other.name != card.name and _fits(other, tensors)]
    if others:
        words.append(f"The model {' or '.join(repr(name) for name in others)} recognises it.")
    if not any(words):
        first = ", ".join(f"{key} {shape}" for key, shape in list(shapes_of(tensors).items())[:3])
        words.append(f"It holds {len(tensors)} tensors: {first}{', ...' if len(tensors) > 3 else ''}.")
    return " ".join(word for word in words if word)


def _fits(card: Card, tensors: Mapping[str, Tensor]) -> bool:
    try:
        return recognise(card, tensors) is not None
    except Exception:  # another plugin's recogniser may fail on keys that it never saw, and is only asked in passing
        return False
