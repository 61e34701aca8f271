"""Starting from weights that exist: those of another run, or of a file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from torch import Tensor

from imtrans.card import Card
from imtrans.errors import TrainingError, WeightsError, did_you_mean
from imtrans.train.checkpoint import STATE, checkpoints
from imtrans.train.method import Method
from imtrans.weights.identity import KEY
from imtrans.weights.layouts import drop_legacy_statistics, strip_prefixes
from imtrans.weights.reader import Checkpoint, read


def start_from(method: Method, card: Card, source: str) -> Iterator[str]:
    """Fill the networks of ``method`` in place; optimisers, pools and random numbers start afresh.

    Args:
        method: whose networks to fill.
        card: its model.
        source: the folder of a run (its newest checkpoint counts) or of a checkpoint, which fill every network; or a
            file of weights, which fills one: the one of the direction that it names, or the only translator there is.

    Yields:
        What was filled, and what keeps its random weights, as sentences without a full stop.

    Raises:
        TrainingError: the source is missing, or does not fit: the message lists what is missing and unexpected.
        WeightsError: a file is damaged.
    """
    path = Path(source)
    if path.is_dir():
        checkpoint = _checkpoint(path)
        for name in method.networks:
            _fill(method, name, _tensors(method, name, _of_checkpoint(checkpoint, name, method)), checkpoint)
        yield f"starting from the weights in {checkpoint}"
        return
    if not path.is_file():
        raise TrainingError(
            f"there are no weights to start from in {source}.",
            have="It is neither a run, nor a checkpoint, nor a file.",
            hint="Type --init-from with the folder of a run or a file such as vintage.safetensors.",
        )
    found = read(path)
    name = _network_of(found, method, card, path)
    _fill(method, name, _tensors(method, name, found), path)
    others = ", ".join(other for other in method.networks if other != name)
    yield f"starting {name} from {path}" + (f"; at random: {others}" if others else "")


def _checkpoint(path: Path) -> Path:
    """The folder itself where it is a checkpoint, else the newest one of the run."""
    if (path / STATE).is_file():
        return path
    found = checkpoints(path / "checkpoints")
    if not found:
        raise TrainingError(
            f"{path} holds no checkpoint to start from.",
            have="A run is a folder with config.toml and checkpoints/step-….",
            hint="Give the --output of another 'imtrans train'.",
        )
    return found[-1]


def _of_checkpoint(checkpoint: Path, name: str, method: Method) -> Checkpoint:
    file = checkpoint / f"{name}.safetensors"
    if not file.is_file():
        there = sorted(other.stem for other in checkpoint.glob("*.safetensors"))
        raise TrainingError(
            f"{checkpoint} does not fit the model: it has no network {name!r}.",
            have=f"It has {', '.join(there) or 'none'}; the model has {', '.join(method.networks)}.",
            hint="Start from a run of the same model, or from the file of one network.",
        )
    return read(file)


def _network_of(found: Checkpoint, method: Method, card: Card, path: Path) -> str:
    """The network that a file is for: by the direction that it names, or because there is one translator only."""
    by_direction = {direction: network for direction, (network, _) in method.translators().items()}
    try:
        identity = json.loads(found.metadata.get(KEY, "{}"))
        model, direction = identity.get("model", card.name), identity.get("direction")
    except (ValueError, AttributeError) as error:
        raise WeightsError(f"{path}: its {KEY!r} metadata is not JSON ({error}).") from error
    if model != card.name:
        raise TrainingError(
            f"{path} holds weights of the model {model!r}, not of {card.name!r}.",
            hint=f"Type: imtrans train {model} --init-from {path} …",
        )
    if direction in by_direction:
        return by_direction[direction]
    if direction is None and len(set(by_direction.values())) == 1:
        return next(iter(by_direction.values()))
    raise TrainingError(
        f"{path} does not say which of the networks it is for."
        if direction is None
        else f"{path} translates {direction!r}, which this model does not.",
        have=f"Directions: {', '.join(by_direction)}. {did_you_mean(str(direction), by_direction)}".strip(),
        hint="Files that 'imtrans export' writes name their direction; the folder of a run fills all networks.",
    )


def _tensors(method: Method, name: str, found: Checkpoint) -> Mapping[str, Tensor]:
    tensors, _ = strip_prefixes(found.tensors)
    tensors, _ = drop_legacy_statistics(tensors, method.networks[name].state_dict().keys())
    return tensors


def _fill(method: Method, name: str, tensors: Mapping[str, Tensor], source: Path) -> None:
    network = method.networks[name]
    expected = network.state_dict()
    shapes = [
        f"{key} {tuple(tensors[key].shape)} for {tuple(expected[key].shape)}"
        for key in expected
        if key in tensors and tensors[key].shape != expected[key].shape
    ]
    wrong = {
        "missing": [key for key in expected if key not in tensors],
        "unexpected": [key for key in tensors if key not in expected],
        "of another shape": shapes,
    }
    if any(wrong.values()):
        raise TrainingError(
            f"{source} does not fit the network {name!r}: {'; '.join(_listed(wrong))}.",
            have="It was trained with other settings of its networks.",
            hint="Give this run the settings of that one (--config of its config.toml), or start from random weights.",
        )
    # Copying into the network's own float32 widens what the file holds in half precision.
    network.load_state_dict(dict(tensors))


def _listed(wrong: Mapping[str, Sequence[str]], most: int = 4) -> Iterator[str]:
    for what, keys in wrong.items():
        if keys:
            more = f" and {len(keys) - most} more" if len(keys) > most else ""
            yield f"{len(keys)} {what} ({', '.join(keys[:most])}{more})"
