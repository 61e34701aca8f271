"""One trained network of a run as a file of its own, with all that ``imtrans run`` needs to know about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from imtrans.errors import OutputError, TrainingError, UnknownNameError, UsageError, did_you_mean
from imtrans.train.checkpoint import checkpoints, step_of
from imtrans.train.evaluation import read_best
from imtrans.train.model_card import card_metadata
from imtrans.train.translators import TranslatorFile, translators_in
from imtrans.weights.reader import read
from imtrans.weights.writer import save

DTYPES = {"fp32": torch.float32, "fp16": torch.float16}
USUAL = "a2b"
"""The direction that is meant where a run has it and none is named."""


@dataclass(frozen=True)
class Exported:
    """What was written."""

    path: Path
    direction: str
    step: int
    averaged: bool
    """Whether it holds the running average of the weights."""
    size: int
    """Bytes."""


def export(
    run: Path,
    output: Path,
    *,
    direction: str | None = None,
    precision: str = "fp32",
    step: int | None = None,
    best: bool = False,
    averaged: bool = True,
    pictures: str | None = None,
    licence: str | None = None,
    force: bool = False,
) -> Exported:
    """Write one network of a run's checkpoint as a safetensors file.

    Args:
        run: the folder of a training run.
        output: the file to write, ending in ``.safetensors``.
        direction: what the network translates; None takes ``a2b``, or the only one there is.
        precision: ``"fp32"`` as trained, or ``"fp16"`` for half the size.
        step: of which checkpoint; None takes the newest.
        best: take the best checkpoint by ``train.best_metric`` instead.
        averaged: prefer the running average of the weights, where the run kept one.
        pictures: what it learnt from, for its model card.
        licence: the terms of the weights, for its model card.
        force: replace an existing file.

    Raises:
        UsageError: no such direction, step or precision; ``step`` with ``best``; a wrong suffix; or the file exists.
        TrainingError: there is no run, no checkpoint, or it is damaged.
        WeightsError: the file in the checkpoint is damaged.
        OutputError: the file cannot be written, or a weight does not fit into fp16.
    """
    _check_output(output, force)
    if precision not in DTYPES:
        raise UnknownNameError(
            f"weights cannot be exported in {precision!r}.",
            have=f"Precisions: {', '.join(DTYPES)}.",
            hint="Type --precision fp16 for a file of half the size.",
        )
    if best and step is not None:
        raise UsageError("--best and --step name two checkpoints.", hint="Leave one of them away.")
    step = _best_step(run) if best else step
    chosen = _direction(_checkpoint(run, step), direction, averaged)
    tensors = read(chosen.path).tensors
    metadata = {**chosen.metadata, **card_metadata(run, chosen, precision, pictures=pictures, licence=licence)}
    path = save(output, _cast(tensors, DTYPES[precision]), metadata)
    return Exported(path, chosen.direction, chosen.step, chosen.averaged, path.stat().st_size)


def _check_output(output: Path, force: bool) -> None:
    if output.suffix != ".safetensors":
        raise UsageError(
            f"{output} would hold safetensors under another name.",
            hint=f"Type --output {output.with_suffix('.safetensors') if output.name else 'FILE.safetensors'}.",
        )
    if output.is_dir():
        raise UsageError(f"{output} is a folder.", hint="Give the name of a file to write.")
    if output.exists() and not force:
        raise UsageError(f"{output} exists already.", hint="Give another name, or --force to replace it.")


def _checkpoint(run: Path, step: int | None) -> Path:
    found = checkpoints(run / "checkpoints")
    if not found:
        raise TrainingError(
            f"{run} holds no checkpoints.",
            have="A training run is a folder with config.toml and checkpoints/step-….",
            hint="Give the --output of an 'imtrans train'.",
        )
    matching = [path for path in found if step is None or step_of(path) == step]
    if not matching:
        raise UnknownNameError(
            f"{run} has no checkpoint of step {step}.",
            have=f"Steps: {', '.join(str(step_of(path)) for path in found)}.",
            hint="Type one of these as --step, or leave it away for the newest.",
        )
    return matching[-1]


def _best_step(run: Path) -> int:
    found = read_best(run / "checkpoints")
    if found is None:
        raise TrainingError(
            f"{run} has no best checkpoint.",
            have="One is kept where train.best_metric names a metric of train.evaluate_every.",
            hint="Leave --best away for the newest, or name a step by --step.",
        )
    return found.step


def _direction(checkpoint: Path, wanted: str | None, averaged: bool) -> TranslatorFile:
    found = translators_in(checkpoint, averaged=averaged)
    if not found:
        raise TrainingError(f"{checkpoint} holds no network that could be run.", hint="Take another run.")
    if wanted is None and (USUAL in found or len(found) == 1):
        wanted = USUAL if USUAL in found else next(iter(found))
    if wanted not in found:
        what = f"there is no direction {wanted!r} in {checkpoint}." if wanted else "several networks could be meant."
        raise UnknownNameError(
            what,
            have=f"Directions: {', '.join(found)}. {did_you_mean(wanted or '', found)}".strip(),
            hint=f"Type one of them: --direction {next(iter(found))}.",
        )
    return found[wanted]


def _cast(tensors: dict[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """The floating-point tensors in ``dtype``; whole numbers, such as counts of batches, stay as they are."""
    cast = {key: tensor.to(dtype) if tensor.is_floating_point() else tensor for key, tensor in tensors.items()}
    for key, tensor in cast.items():
        if not tensor.isfinite().all():
            raise OutputError(
                f"the weight {key} does not fit into fp16: it reaches {tensors[key].abs().max():g}."
                if tensors[key].isfinite().all()
                else f"the weight {key} holds values that are no numbers.",
                have=f"The largest number of fp16 is {torch.finfo(torch.float16).max:g}.",
                hint="Type --precision fp32, or take an earlier checkpoint with --step.",
            )
    return cast
