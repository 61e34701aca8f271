"""Folders -> what is measured: which pictures are results or inputs, and what each is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from imtrans.data.folders import domain_pictures
from imtrans.errors import InputError, UsageError
from imtrans.metrics.matching import Matched, by_name, match, pictures_in
from imtrans.metrics.running import Job

Direction = Literal["a2b", "b2a"]


@dataclass(frozen=True)
class Plan:
    """What there is to measure.

    Attributes:
        jobs: results or inputs, each with its target where they come in pairs.
        targets: the target set where they do not.
        alone: files without a partner, by role.
        paired: whether they come in pairs.
        could_pair: they are not taken as pairs, and yet every name occurs in both folders.
    """

    jobs: Sequence[Job]
    targets: Sequence[Job]
    alone: Mapping[str, Sequence[Path]]
    paired: bool
    could_pair: bool = False


def domains(direction: str) -> tuple[Literal["A", "B"], Literal["A", "B"]]:
    """(source, target) of a direction.

    Raises:
        UsageError: it is neither ``"a2b"`` nor ``"b2a"``.
    """
    if direction not in ("a2b", "b2a"):
        raise UsageError(f"a direction is a2b or b2a, not {direction!r}.")
    return ("A", "B") if direction == "a2b" else ("B", "A")


def plan_held_out(
    data: Path, direction: str, *, paired: bool | None = None, split: str = "test", limit: int | None = None
) -> Plan:
    """The pictures of ``testA`` and ``testB`` (or ``A`` and ``B``), paired by name or as two sets.

    Args:
        data: the folder that holds them.
        direction: ``"a2b"`` or ``"b2a"``.
        paired: whether pictures of one name belong together; None takes them as sets, and says where they could pair.
        split: ``"test"`` or ``"train"``.
        limit: at most this many inputs, the first ones, and as many targets.

    Raises:
        InputError: a folder is missing or holds no pictures, or nothing pairs.
    """
    source, target = domains(direction)
    inputs, targets = (_named(data, domain, split) for domain in (source, target))
    if not paired:
        could_pair = inputs.keys() == targets.keys()
        jobs = [Job(name, {"input": path}) for name, path in inputs.items()][:limit]
        aims = [Job(f"{name} ({target})", {"target": path}) for name, path in targets.items()][:limit]
        return Plan(jobs, aims, {}, paired=False, could_pair=could_pair and paired is None)
    matched = match({"input": inputs, "target": targets})
    check_matched(matched, f"{split}{source}", f"{split}{target}")
    jobs = [Job(name, files) for name, files in matched.together.items()][:limit]
    return Plan(jobs, [], matched.alone, paired=True)


def check_matched(matched: Matched, first: str, second: str) -> None:
    """Refuse folders that have not one name in common.

    Raises:
        InputError: with a name of each folder, which shows what went wrong.
    """
    if matched.together:
        return
    examples = [files[0].name for files in matched.alone.values()][:2]
    raise InputError(
        f"no picture of {first} has its partner in {second}: pictures are paired by name without suffix.",
        have=f"For example: {' and '.join(examples)}.",
        hint="Rename them, or measure them as sets: --metrics fid,kid",
    )


def _named(data: Path, domain: str, split: str) -> dict[str, Path]:
    try:
        pictures = domain_pictures(data, domain, split)
    except InputError as error:
        hint = f"Evaluation reads {split}A/ and {split}B/ (or A/ and B/) in --data."
        raise InputError(error.what, have=error.have, hint=hint) from error
    folder = next(parent for parent in pictures[0].parents if parent.parent == data)
    return by_name(folder, pictures)


def plan_folders(
    results: Path,
    targets: Path,
    inputs: Path | None = None,
    *,
    paired: bool | None = None,
    recursive: bool = False,
    limit: int | None = None,
) -> Plan:
    """A folder of results and one of real pictures, paired by name or as two sets.

    Args:
        results: what is judged.
        targets: what it is compared with.
        inputs: what the results were made from, under the same names.
        paired: whether pictures of one name belong together; None takes them for pairs where any two names agree.
        recursive: look into folders of folders.
        limit: at most this many results, the first ones, and as many targets.

    Raises:
        InputError: a folder is missing or holds no pictures, or nothing pairs.
    """
    given = {"result": (results, "--results"), "target": (targets, "--targets"), "input": (inputs, "--inputs")}
    found = {
        role: by_name(folder, pictures_in(folder, option=option, recursive=recursive))
        for role, (folder, option) in given.items()
        if folder is not None
    }
    pairs = match({role: found[role] for role in ("result", "target")})
    if paired or (paired is None and pairs.together):
        check_matched(pairs, str(results), str(targets))
        together = match(found)
        aims: list[Job] = []
    else:
        together = match({role: files for role, files in found.items() if role != "target"})
        aims = [Job(f"{name} (target)", {"target": path}) for name, path in found["target"].items()]
    check_matched(together, str(results), str(inputs))
    jobs = [Job(name, files) for name, files in together.together.items()]
    return Plan(jobs[:limit], aims[:limit], together.alone, paired=not aims)
