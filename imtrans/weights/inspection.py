"""What a checkpoint is: by whom, of which model with which settings, and what it takes to run it.

:func:`inspect` answers from keys and shapes alone and runs nothing. Where several models fit it says so, and how they
differ; it never picks one.
"""

from __future__ import annotations

import json
import math
import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from imtrans import registry
from imtrans.errors import WeightsError
from imtrans.weights import nesting
from imtrans.weights.digests import sha256_of
from imtrans.weights.folders import STATE
from imtrans.weights.foreign.layouts import to_authors
from imtrans.weights.identity import KEY, Identity, identity_in
from imtrans.weights.reader import Contents, read_all
from imtrans.weights.recognition import Candidate, Verdict, judge

FORMATS = {
    "safetensors": "safetensors",
    "torch": "PyTorch",
    "torch-legacy": "PyTorch before 1.6",
    "paddle": "a pickle of arrays, as Paddle writes",
    "nvidia": "a pickle of networks, as NVIDIA writes",
}
"""The formats in words."""

AUTHORS = "the model's authors, or somebody who kept their layout"
OURS = "imtrans"

_WRITERS = {"mmgen_version": "mmgen", "mmagic_version": "mmagic", "mmedit_version": "mmedit"}
"""What OpenMMLab's projects note beside their networks."""


@dataclass(frozen=True)
class NetworkReport:
    """One network in a file."""

    name: str
    """Its path in the file, as it follows the ``#`` after the file's name; ``""`` for the only one."""
    project: str
    """By whose code, or in whose layout, it was written; ``""`` where nothing tells."""
    tensors: int
    parameters: int
    """Numbers in all floating-point tensors but running statistics."""
    dtypes: dict[str, int]
    """Tensors by type."""
    bytes: int
    verdict: Verdict
    notes: tuple[str, ...] = ()
    """What had to be done to its keys and values, as sentences without a full stop."""
    problem: str = ""
    """Why it could not be understood; empty where it could."""
    first_keys: tuple[str, ...] = ()
    keeps_averages: bool = False
    """Whether its norms keep averages of the training, as batch norms do."""

    @property
    def candidates(self) -> list[Candidate]:
        """The models that it may be of."""
        return self.verdict.candidates

    @property
    def differences(self) -> dict[str, dict[str, Any]]:
        """In what the candidates would run it differently, each with the value by model; empty for a single one.

        The mode of the norms is left out where it cannot matter: without batch norms and dropout.
        """
        tables = {one.model: self._terms(one) for one in self.verdict.runnable}
        names = dict.fromkeys(name for table in tables.values() for name in table)
        rows = {name: {model: table.get(name) for model, table in tables.items()} for name in names}
        return {name: row for name, row in rows.items() if len({repr(value) for value in row.values()}) > 1}

    def _terms(self, candidate: Candidate) -> dict[str, Any]:
        """All that decides what a candidate makes of a picture."""
        card, settings = candidate.card, candidate.settings
        if card is None:
            return settings
        terms: dict[str, Any] = {
            "network": card.build.target,
            "value_range": card.value_range,
            "channels": card.channels,
            "scale": card.scale,
            "task": card.task,
        }
        noisy = any(one.settings.get("dropout") for one in self.candidates)
        if self.keeps_averages or noisy:
            terms["norm_at_inference"] = card.norm_at_inference
        return {**settings, **terms}


@dataclass(frozen=True)
class Report:
    """A file that holds networks."""

    path: Path
    format: str
    size: int
    """Bytes."""
    sha256: str
    networks: list[NetworkReport]
    metadata: dict[str, str] = field(default_factory=dict)
    beside: dict[str, str] = field(default_factory=dict)
    """Numbers and texts beside the networks, such as the epoch."""
    origin: dict[str, Any] = field(default_factory=dict)
    """What a file of ours says of its training or conversion: direction, step, source."""
    notes: list[str] = field(default_factory=list)
    asked: bool = False
    """Whether one network of the file was asked for by name."""

    def command(self, network: NetworkReport, candidate: Candidate) -> str:
        """What to type to use a network as one of its candidates."""
        file = shlex.quote(f"{self.path}#{network.name}" if self._needs_name(network) else str(self.path))
        if candidate.card is not None and candidate.card.task == "generate":
            return f"imtrans generate {candidate.model} --weights {file}"
        return f"imtrans run {candidate.model} --weights {file} --input PICTURE"

    def _needs_name(self, network: NetworkReport) -> bool:
        return bool(network.name) and (self.asked or len(self.networks) > 1)

    @property
    def licence(self) -> str:
        """The terms that the file states, or those of the named weights that it is; ``""`` where nobody says."""
        manifest = manifest_in(self.metadata)
        stated = (manifest.get("licence"), self.metadata.get("licence"), self.metadata.get("license"))
        return next((str(words) for words in stated if words), "") or next(iter(published_as(self.sha256).values()), "")

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for programs."""
        return {
            "path": str(self.path),
            "format": self.format,
            "bytes": self.size,
            "sha256": self.sha256,
            "licence": self.licence,
            "origin": self.origin,
            "metadata": self.metadata,
            "beside": self.beside,
            "networks": [self._network_record(network) for network in self.networks],
            "notes": self.notes,
        }

    def _network_record(self, network: NetworkReport) -> dict[str, Any]:
        return {
            "name": network.name,
            "project": network.project,
            "tensors": network.tensors,
            "parameters": network.parameters,
            "dtypes": network.dtypes,
            "bytes": network.bytes,
            "ambiguous": len(network.verdict.runnable) > 1,
            "models": [
                {
                    "model": candidate.model,
                    "settings": candidate.settings,
                    "not_default": candidate.unusual,
                    "runnable": not candidate.problem,
                    "problem": candidate.problem,
                    "command": "" if candidate.problem else self.command(network, candidate),
                }
                for candidate in network.candidates
            ],
            "seems_to_be": network.verdict.descriptions,
            "differences": network.differences,
            "notes": list(network.notes),
            "problem": network.problem,
        }


def inspect(path: str | Path) -> Report:
    """Say what the weights file at ``path`` holds; ``path#network`` looks at one network of several.

    Raises:
        UnsafeCheckpointError: the file wants to run code; the message names what.
        WeightsError: it cannot be read as a checkpoint; the message says what it is instead.
    """
    path, wanted = _split(path)
    _refuse_state(path)
    contents = read_all(path)
    sha256 = sha256_of(path)
    identity = identity_in(contents.metadata, path)
    networks = [
        _examine(name, tensors, contents, identity, sha256) for name, tensors in _networks(contents, wanted).items()
    ]
    report = Report(
        path,
        contents.format,
        contents.size,
        sha256,
        networks,
        contents.metadata,
        contents.beside,
        _origin(contents),
        asked=wanted is not None,
    )
    if identity is None:
        report.notes.extend(_clues(path, sha256))
    report.notes.extend(dict.fromkeys(note for network in networks for note in network.verdict.notes))
    return report


def manifest_in(metadata: Mapping[str, str]) -> dict[str, Any]:
    """What ``imtrans convert`` noted in a file, as plain data; empty where it did not write the file."""
    try:
        found = json.loads(metadata.get("manifest", "{}"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


# --- networks -------------------------------------------------------------------------------------------------------


def _split(path: str | Path) -> tuple[Path, str | None]:
    """The file, and the network that is named after a ``#``."""
    whole = Path(path).expanduser()
    base, sign, network = str(whole).rpartition("#")
    return (Path(base), network) if sign and not whole.exists() else (whole, None)


def _refuse_state(path: Path) -> None:
    if path.name == STATE and path.is_file() and any(path.parent.glob("*.safetensors")):
        raise WeightsError(
            f"{path} is what a training of imtrans goes on from by --resume; it holds no network.",
            have=f"The networks lie beside it: {', '.join(sorted(p.name for p in path.parent.glob('*.safetensors')))}.",
            hint=f"Type: imtrans inspect {shlex.quote(str(path.parent))}",
        )


def _networks(contents: Contents, wanted: str | None) -> Mapping[str, Mapping[str, Any]]:
    if wanted is not None:
        tensors, _ = nesting.pick(contents.networks, wanted, contents.path)
        return {wanted: tensors}
    if len(contents.networks) > 1:
        return contents.networks
    ((name, whole),) = contents.networks.items()
    parts = nesting.members(whole)
    if not parts or _examine(name, whole, contents, None, "").candidates:
        return contents.networks
    return parts


def _examine(
    name: str, network: Mapping[str, Any], contents: Contents, identity: Identity | None, sha256: str
) -> NetworkReport:
    problem, project, verdict = "", "", Verdict()
    notes: tuple[str, ...] = ()
    tensors: dict[str, Tensor] = {}
    try:
        tensors = contents.checkpoint(network).tensors
        translated = to_authors(tensors, contents.format)
        notes, project = translated.notes, translated.project
        verdict = _decided(judge(translated.tensors, identity), sha256)
    except WeightsError as error:
        problem = error.what.rstrip(".")
    return NetworkReport(
        name,
        _project(contents, identity, verdict, project),
        len(tensors),
        sum(t.numel() for key, t in tensors.items() if t.is_floating_point() and "running_" not in key),
        dict(Counter(str(tensor.dtype).removeprefix("torch.") for tensor in tensors.values())),
        sum(math.prod(tensor.shape) * tensor.element_size() for tensor in tensors.values()),
        verdict,
        notes,
        problem,
        tuple(f"{key} {tuple(tensor.shape)}" for key, tensor in list(tensors.items())[:3]),
        any(key.endswith((".running_mean", "._mean")) for key in tensors),
    )


def _decided(verdict: Verdict, sha256: str) -> Verdict:
    """The verdict without the models whose authors did not publish the file, where one's authors did."""
    owners = {model for model, _ in published_as(sha256)}
    theirs = [candidate for candidate in verdict.candidates if candidate.model in owners]
    return Verdict(theirs, verdict.descriptions, verdict.notes) if theirs else verdict


def _project(contents: Contents, identity: Identity | None, verdict: Verdict, layout: str) -> str:
    """Who wrote it: what the file itself says, else whose layout it is in."""
    if identity is not None:
        return OURS
    for key, writer in _WRITERS.items():
        if key in contents.beside:
            return f"{writer} {contents.beside[key]}"
    return layout or (AUTHORS if verdict.candidates else "")


# --- the file -------------------------------------------------------------------------------------------------------


def _origin(contents: Contents) -> dict[str, Any]:
    """What a file of ours says besides its model: of the training it comes from, or of the file it was made from."""
    try:
        identity = json.loads(contents.metadata.get(KEY, "{}"))
    except (ValueError, RecursionError):
        return {}
    found = {key: identity[key] for key in ("direction", "step", "averaged") if key in identity}
    source = manifest_in(contents.metadata).get("source")
    return {**found, "source": source} if isinstance(source, dict) else found


def published_as(sha256: str) -> dict[tuple[str, str], str]:
    """The named weights that have this digest, as (model, name), with their licences."""
    return {
        (label, weights.name): weights.licence
        for label, card in registry.cards().items()
        for weights in card.weights
        if weights.sha256 is not None and weights.sha256 == sha256
    }


def _clues(path: Path, sha256: str) -> list[str]:
    """What digest and name say, where a card knows them. A name proves nothing, so nothing is decided by it."""
    exact = [f"{name!r} of {label}" for label, name in published_as(sha256)]
    if exact:
        return [f"its sha256 is that of the published weights {' and '.join(exact)}"]
    named = [label for label, card in registry.cards().items() if card.find_weights(path.stem) is not None]
    owners = " and ".join(named)
    return [f"weights called {path.stem!r} are published for {owners}; a name is a hint, no proof"] if named else []
