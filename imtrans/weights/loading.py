"""A card and a name -> a network, ready to run."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from imtrans import registry
from imtrans.card import Card
from imtrans.config import from_dict, to_dict
from imtrans.errors import ConfigError, ImtransError, WeightsError
from imtrans.weights import layouts
from imtrans.weights.download import Patience, Progress
from imtrans.weights.identity import identity_in
from imtrans.weights.reader import Checkpoint, read
from imtrans.weights.store import Located, locate

Shapes = Mapping[str, tuple[int, ...]]

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
    notes: tuple[str, ...] = ()
    """What was fetched, chosen, unwrapped, dropped or inferred on the way, as sentences without a full stop."""


def load_network(
    card: Card,
    source: str | Path | None = None,
    *,
    offline: bool = False,
    progress: Progress | None = None,
    patience: Patience | None = None,
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

    Raises:
        WeightsError: the file cannot be had, read, trusted or fitted to the model; the message says what it seems to
            hold instead.
    """
    located = locate(card, source, offline=offline, progress=progress, patience=patience)
    checkpoint = read(located.path, located.network)
    tensors, prefix_notes = layouts.strip_prefixes(checkpoint.tensors)
    tensors, taken_notes = layouts.take_generator(tensors)
    tensors, settings, converted_notes = _converted(card, tensors)
    layout_notes = (*prefix_notes, *taken_notes, *converted_notes)
    config, config_notes = _configuration(card, located, checkpoint, tensors, settings)
    network = _built(card, config, checkpoint.path)
    tensors, statistics_notes = layouts.drop_legacy_statistics(tensors, network.state_dict().keys())
    tensors = layouts.restore_batch_counts(tensors, network.state_dict().keys())
    tensors, norm_notes = layouts.restore_spectral_norms(tensors, network.state_dict().keys())
    _fill(card, network, tensors, checkpoint.path)
    notes = (*located.notes, *checkpoint.notes, *layout_notes, *config_notes, *statistics_notes, *norm_notes)
    return Loaded(network.eval(), config, located.name, located.path, notes)


# --- the configuration ----------------------------------------------------------------------------------------------


def _converted(card: Card, tensors: dict[str, Tensor]) -> tuple[dict[str, Tensor], Mapping[str, Any], tuple[str, ...]]:
    """The tensors by the authors' keys, what else they tell of the configuration, and a note of whose layout it was."""
    found = card.convert.load()(tensors) if card.convert is not None else None
    if found is None:
        return tensors, {}, ()
    converted, settings, note = found
    return dict(converted), settings, (note,) if note else ()


def _configuration(
    card: Card,
    located: Located,
    checkpoint: Checkpoint,
    tensors: Mapping[str, Tensor],
    settings: Mapping[str, Any],
) -> tuple[Any, tuple[str, ...]]:
    """The configuration of the network that the tensors fill, and a note of what it was inferred from."""
    identity = identity_in(checkpoint.metadata, checkpoint.path)
    if identity is None:
        config = _recognised(card, tensors, checkpoint.path)
        notes: tuple[str, ...] = ("inferred the network's configuration from keys and shapes",)
    elif identity.model != card.name:
        raise WeightsError(
            f"{checkpoint.path} holds weights of the model {identity.model!r}, not of {card.name!r}.",
            hint=f"Use that model: imtrans {_COMMANDS[card.task]} {identity.model} --weights {checkpoint.path}",
        )
    else:
        config, notes = _from_plain(card, identity.config, checkpoint.path), ()
    overrides = {**settings, **(located.weights.config if located.weights is not None else {})}
    if overrides:
        config = _from_plain(card, {**to_dict(config), **overrides}, checkpoint.path)
    return config, notes


def _recognised(card: Card, tensors: Mapping[str, Tensor], path: Path) -> Any:
    shapes = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
    config = card.recognise.load()(shapes)
    if config is None:
        raise WeightsError(
            f"{path} holds no weights that the model {card.name!r} can run.",
            have=_seems_to_hold(card, shapes),
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
    wrong = [
        *_listed("missing", [key for key in expected if key not in tensors]),
        *_listed("unexpected", [key for key in tensors if key not in expected]),
        *_listed("of another shape", [_shapes_of(key, tensors, expected) for key in expected if key in tensors]),
    ]
    if wrong:
        shapes = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
        raise WeightsError(
            f"{path} does not fit the model {card.name!r}: {'; '.join(wrong)}.",
            have=_seems_to_hold(card, shapes),
            hint="The file is incomplete, or of a variant that the model does not have.",
        )
    _refuse_nonfinite(tensors, path)
    # Copying into the network's own float32 widens what the file holds in half precision.
    network.load_state_dict(dict(tensors), strict=True)


def _shapes_of(key: str, tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> str:
    """``"key (3, 3) for (4, 4)"`` where the shapes differ, else ``""``."""
    found, wanted = tuple(tensors[key].shape), tuple(expected[key].shape)
    return "" if found == wanted else f"{key} {found} for {wanted}"


def _listed(what: str, keys: list[str], most: int = 4) -> list[str]:
    keys = [key for key in keys if key]
    if not keys:
        return []
    more = f" and {len(keys) - most} more" if len(keys) > most else ""
    return [f"{len(keys)} {what} ({', '.join(keys[:most])}{more})"]


def _refuse_nonfinite(tensors: Mapping[str, Tensor], path: Path) -> None:
    """A single NaN makes every picture black, with no word of why."""
    bad = [key for key, tensor in tensors.items() if tensor.is_floating_point() and not tensor.isfinite().all()]
    if bad:
        raise WeightsError(
            f"{path} holds values that are not numbers: {'; '.join(_listed('tensors with NaN or infinity', bad))}.",
            hint="Its training diverged, or the file is damaged; take an earlier checkpoint.",
        )


# --- what else it may be --------------------------------------------------------------------------------------------


def _seems_to_hold(card: Card, shapes: Shapes) -> str:
    """What the tensors seem to be: in the words of this card's plugin, as another model, or by their first keys."""
    words = [_description(card, shapes)]
    others = [other.name for other in registry.cards().values() if other.name != card.name and _fits(other, shapes)]
    if others:
        words.append(f"The model {' or '.join(repr(name) for name in others)} recognises it.")
    if not any(words):
        first = ", ".join(f"{key} {shape}" for key, shape in list(shapes.items())[:3])
        words.append(f"It holds {len(shapes)} tensors: {first}{', ...' if len(shapes) > 3 else ''}.")
    return " ".join(word for word in words if word)


def _fits(card: Card, shapes: Shapes) -> bool:
    try:
        return card.recognise.load()(shapes) is not None
    except Exception:  # another plugin's recogniser may fail on keys that it never saw, and is only asked in passing
        return False


def _description(card: Card, shapes: Shapes) -> str:
    """What the optional function ``describe`` beside the card's recogniser says of tensors that it cannot run."""
    module = importlib.import_module(card.recognise.target.partition(":")[0])
    describe = getattr(module, "describe", None)
    found = describe(shapes) if callable(describe) else None
    return f"It seems to be {found}." if found else ""
