"""Any checkpoint that loads -> one safetensors file that says of itself what it is, for ``imtrans run --weights``."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from imtrans import registry
from imtrans.card import Card
from imtrans.config import to_dict
from imtrans.errors import OutputError, UsageError
from imtrans.version import __version__
from imtrans.weights.choosing import choose
from imtrans.weights.digests import sha256_of
from imtrans.weights.folders import AmbiguousWeightsError
from imtrans.weights.foreign.layouts import Channels
from imtrans.weights.identity import metadata_for
from imtrans.weights.inspection import AUTHORS, OURS, manifest_in, published_as
from imtrans.weights.loading import Loaded, load_network
from imtrans.weights.writer import save

NOT_STATED = "not stated in the source"
CHANNELS = ("auto", "rgb", "bgr")


@dataclass(frozen=True)
class Conversion:
    """What was written."""

    path: Path
    model: str
    size: int
    """Bytes."""
    manifest: dict[str, Any]
    """As it stands, as JSON, under ``manifest`` in the file's metadata."""
    notes: tuple[str, ...]
    """What was done to the tensors on the way, as sentences without a full stop."""


def convert(
    source: str | Path,
    output: Path | None = None,
    *,
    model: str | None = None,
    network: str | None = None,
    channels: Channels = "auto",
    licence: str | None = None,
    force: bool = False,
) -> Conversion:
    """Write a network under its authors' keys, with a manifest in the file's metadata.

    Args:
        source: a checkpoint, ``file#network``, the folder of a run or a checkpoint, or the name of weights.
        output: the file to write, ending in ``.safetensors``; None puts it beside the source.
        model: the model that it is of; None where keys and shapes leave no choice.
        network: which of several networks, or which direction of a run.
        channels: see :func:`imtrans.weights.foreign.layouts.to_authors`.
        licence: the terms of the weights, where the source does not state them.
        force: replace an existing file.

    Raises:
        UsageError: the file exists, is the source itself or has another ending; or several models could be meant.
        WeightsError: the source cannot be read, or fits no installed model.
        OutputError: the file cannot be written.
    """
    if channels not in CHANNELS:
        raise UsageError(f"there is no order of channels {channels!r}.", have=f"There are {', '.join(CHANNELS)}.")
    wanted = f"{source}#{network}" if network else source
    card, found = _resolved(wanted, model)
    target = _checked(output or _beside(Path(str(source).partition("#")[0]), network or str(source)), force)
    loaded = load_network(card, found, channels=channels)
    if target.exists() and target.samefile(loaded.path):
        raise UsageError(f"{target} would replace its own source.", hint="Give another name: --output FILE.safetensors")
    manifest = _manifest(card, loaded, licence)
    metadata = metadata_for(card.name, loaded.config, {"manifest": json.dumps(manifest, sort_keys=True)})
    save(target, _as_stored(loaded), metadata)
    return Conversion(target, card.name, target.stat().st_size, manifest, loaded.notes)


def _resolved(source: str | Path, model: str | None) -> tuple[Card, str | Path]:
    """The card, and what to load as its weights."""
    if model is None:
        try:
            return choose(source)
        except AmbiguousWeightsError as error:
            hint = "Name the model by --model, and one of several networks by --network."
            raise AmbiguousWeightsError(error.what, have=error.have, hint=hint) from error
    card = registry.find(model)
    path = Path(str(source).partition("#")[0]).expanduser()
    return (card, choose(source)[1]) if path.is_dir() else (card, source)


def _beside(source: Path, wanted: str) -> Path:
    """The source's name with the ending of safetensors, and with the network's name where one was asked for."""
    network = wanted.rpartition("#")[2] if "#" in wanted else wanted if wanted != str(source) else ""
    network = re.sub(r"[^A-Za-z0-9._-]", "_", network)  # it comes from the file, and becomes a part of a name
    stem = f"{source.stem if source.is_file() else source.name}{f'-{network}' if network else ''}"
    folder = source.expanduser().parent if source.expanduser().exists() else Path()
    return folder / f"{stem}.safetensors"


def _checked(output: Path, force: bool) -> Path:
    if output.suffix != ".safetensors":
        raise UsageError(
            f"{output} would hold safetensors under another name.",
            hint=f"Type --output {output.with_suffix('.safetensors') if output.name else 'FILE.safetensors'}.",
        )
    if output.is_dir():
        raise UsageError(f"{output} is a folder.", hint="Give the name of a file to write.")
    if output.exists() and not force:
        raise UsageError(f"{output} exists already.", hint="Give another --output, or --force to replace it.")
    return output


def _manifest(card: Card, loaded: Loaded, licence: str | None) -> dict[str, Any]:
    """What a stranger has to know to use the weights, whatever program they use."""
    sha256 = sha256_of(loaded.path)
    before = manifest_in(loaded.metadata)
    stated = (licence, before.get("licence"), loaded.metadata.get("licence"), loaded.metadata.get("license"))
    published = next(iter(published_as(sha256).values()), "")
    named = card.find_weights(loaded.name)
    return {
        "family": card.name,
        "configuration": to_dict(loaded.config),
        "value_range": list(card.value_range),
        "channels": card.channels,
        "scale": card.scale,
        "norm_at_inference": card.norm_at_inference,
        "licence": next((words for words in stated if words), published or (named.licence if named else NOT_STATED)),
        "paper": card.paper,
        "source": {
            "file": loaded.path.name,
            "network": loaded.network_name,
            "sha256": sha256,
            "bytes": loaded.path.stat().st_size,
            "format": loaded.format,
            "project": loaded.project or (OURS if "imtrans" in loaded.metadata else AUTHORS),
        },
        "done": list(loaded.notes),
        "written_by": f"imtrans {__version__}",
    }


def _as_stored(loaded: Loaded) -> dict[str, Tensor]:
    """The network's tensors in the precision that the source had, which loading widens."""
    state = {key: value.detach() for key, value in loaded.network.state_dict().items()}
    if loaded.dtype is None:
        return state
    stored = {key: value.to(loaded.dtype) if value.is_floating_point() else value for key, value in state.items()}
    broken = [key for key, value in stored.items() if value.is_floating_point() and not value.isfinite().all()]
    if broken:
        raise OutputError(f"the weights {', '.join(broken[:3])} do not fit into {loaded.dtype}.")
    return stored
