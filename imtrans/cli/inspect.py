"""``imtrans inspect``: what a checkpoint is, and what it takes to run it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imtrans.cli.options import Json
from imtrans.cli.printing import plain, print_error, print_json, print_line
from imtrans.errors import ImtransError

if TYPE_CHECKING:
    from imtrans.weights.inspection import NetworkReport, Report
    from imtrans.weights.recognition import Candidate

INDENT = 14
"""Columns of the titles."""


def inspect(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="Checkpoints, FILE#NETWORK, training runs, or folders with checkpoints.",
            show_default=False,
        ),
    ],
    as_json: Json = False,
) -> None:
    """Say which model a checkpoint is of, with which settings, by which project, and how to run it.

    Goes by keys and shapes alone and runs nothing that is in the file. Where several models fit, it names them all and
    says how they differ.

    For example:

        imtrans inspect latest_net_G.pth

        imtrans inspect epoch_200_weight.pdparams#netG_A --json

        imtrans inspect runs/p1

    Leaves with 0 when every file could be read, 1 when some could not.
    """
    records: list[dict[str, Any]] = []
    failed = False
    for number, (path, about) in enumerate(_files(files, records, as_json)):
        from imtrans.weights.inspection import inspect as look

        try:
            report = look(path)
        except ImtransError as error:
            failed = True
            _tell_failure(path, error, records, as_json)
            continue
        if as_json:
            records.append({**report.to_dict(), **({"folder": about} if about else {})})
        else:
            _print(report, about, first=number == 0)
    if as_json:
        print_json(records)
    if failed or any("error" in record for record in records):
        raise typer.Exit(1)


def _files(arguments: list[str], records: list[dict[str, Any]], as_json: bool) -> list[tuple[str, str]]:
    """Each file to look at, with what is to be said of the folder that it lies in."""
    from imtrans.weights.folders import weights_in

    found: list[tuple[str, str]] = []
    for argument in arguments:
        folder = Path(argument).expanduser()
        if not folder.is_dir():
            found.append((argument, ""))
            continue
        try:
            inside = weights_in(folder)
        except ImtransError as error:
            _tell_failure(argument, error, records, as_json)
            records.append({"path": argument, "error": error.what})
            continue
        about = ""
        if inside.what == "run":
            which = "the only checkpoint" if inside.steps == 1 else f"the newest of {inside.steps} checkpoints"
            about = f"{inside.newest}, {which} of the training run {folder}"
        elif inside.what == "checkpoint":
            about = f"the checkpoint {folder} of a training run"
        found.extend((str(path), about) for path in inside.files)
    return found


def _tell_failure(path: str, error: ImtransError, records: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        records.append({"path": path, "error": error.what, "have": error.have, "hint": error.hint})
    else:
        sys.stdout.flush()
        print_error(error)


# --- words ----------------------------------------------------------------------------------------------------------


def _print(report: Report, about: str, *, first: bool) -> None:
    from imtrans.weights.inspection import FORMATS

    if not first:
        print()
    print_line(str(report.path))
    _row("format", f"{FORMATS[report.format]}, {_size(report.size)}, sha256 {report.sha256}")
    _row("in", about)
    _row("trained", _origin(report.origin))
    _row("beside it", ", ".join(f"{key} {value}" for key, value in list(report.beside.items())[:6]))
    _row("licence", report.licence or "not stated in the file")
    _row("model card", "in the metadata" if "model_card" in report.metadata else "")
    for note in report.notes:
        _row("note", note)
    for network in report.networks:
        if network.name and len(report.networks) > 1:
            print_line(f"\n  network {network.name}")
        _print_network(report, network)


def _print_network(report: Report, network: NetworkReport) -> None:
    _row("written by", network.project or "not recognised")
    dtypes = ", ".join(f"{count} {name}" if len(network.dtypes) > 1 else name for name, count in network.dtypes.items())
    _row("tensors", f"{network.tensors:,} with {network.parameters:,} parameters, {_size(network.bytes)}, {dtypes}")
    for note in network.notes:
        _row("note", note)
    if network.problem:
        _row("cannot be run", network.problem)
        return
    if not network.candidates:
        _print_unknown(network)
        return
    shared = _shared([candidate.settings for candidate in network.candidates])
    _row("settings", _words(shared))
    if len(network.candidates) > 1:
        fits = [candidate.model for candidate in network.candidates]
        _row("ambiguous", f"keys and shapes fit {_listed(fits)} alike; only who made the file knows which it is")
    for candidate in network.candidates:
        _print_candidate(report, network, candidate, shared)
    if len(network.verdict.runnable) > 1:
        _row("to decide", _advice(network))


def _print_candidate(report: Report, network: NetworkReport, candidate: Candidate, shared: Mapping[str, Any]) -> None:
    _row("model", f"{candidate.model}: {candidate.card.summary}" if candidate.card else candidate.model)
    _row("  settings", _words({key: value for key, value in candidate.settings.items() if key not in shared}))
    _row("  defaults", f"all but {_words(candidate.unusual)}" if candidate.unusual else "all")
    if candidate.card is not None:
        norms = "the picture at hand (train mode)" if candidate.card.norm_at_inference == "train" else "eval mode"
        low, high = candidate.card.value_range
        _row("  runs", f"norms by {norms}, {candidate.card.channels} in [{low:g}, {high:g}]")
    _row("  says", network.verdict.descriptions.get(candidate.model, ""))
    _row("  cannot run" if candidate.problem else "  to run", candidate.problem or report.command(network, candidate))


def _advice(network: NetworkReport) -> str:
    """How to tell the candidates apart."""
    if not network.differences:
        return "all of them make the same picture of it, so either will do"
    rows = (
        f"{name} ({', '.join(f'{model}: {_word(value)}' for model, value in row.items())})"
        for name, row in network.differences.items()
    )
    return (
        f"they differ in {'; '.join(rows)}. Take the model that it was trained as; or run each and look, by --compare"
    )


def _shared(tables: list[dict[str, Any]]) -> dict[str, Any]:
    """What all tables have with the same value."""
    first, *others = tables
    return {key: value for key, value in first.items() if all(key in t and t[key] == value for t in others)}


def _words(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={_word(value)}" for key, value in settings.items())


def _print_unknown(network: NetworkReport) -> None:
    _row("model", "none that is installed recognises it")
    for words in dict.fromkeys(network.verdict.descriptions.values()):
        models = [model for model, said in network.verdict.descriptions.items() if said == words]
        _row("seems to be", f"{words} (says {_listed(models)})")
    if not network.verdict.descriptions:
        _row("its keys", f"{', '.join(network.first_keys)}{', ...' if network.tensors > 3 else ''}")
        _row("to run it", "a plugin has to know it: 'imtrans plugins new NAME' begins one")


def _row(title: str, text: str) -> None:
    if text:
        lines = plain(text).splitlines()
        print(f"  {title:<{INDENT}}{lines[0]}", *(f"{'':<{INDENT + 2}}{line}" for line in lines[1:]), sep="\n")


def _origin(origin: dict[str, Any]) -> str:
    from imtrans.train.translators import GENERATES

    words = []
    if "direction" in origin:
        direction = origin["direction"]
        words.append("to generate" if direction == GENERATES else f"to translate {direction}")
    if "step" in origin:
        words.append(f"{origin['step']} steps")
    if origin.get("averaged"):
        words.append("running average of the weights")
    if source := origin.get("source"):
        words.append(f"converted from {source.get('file')} ({source.get('project')}), sha256 {source.get('sha256')}")
    return ", ".join(words)


def _word(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_word, value))}]"
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size:,} bytes"
