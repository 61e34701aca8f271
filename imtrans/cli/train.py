"""``imtrans train``: teach a model on the user's own pictures."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imtrans.errors import ConfigError, TrainingError, UsageError

if TYPE_CHECKING:
    from imtrans.card import Card
    from imtrans.train.loop import Trainer
    from imtrans.train.run import RunFolder
    from imtrans.train.settings import RunConfig

STOPPED = 130
"""Exit status of a run that SIGINT or SIGTERM stopped after a checkpoint: not a failure, and not the end either."""


def train(
    model: Annotated[str, typer.Argument(help="The model, as 'imtrans models' lists it.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the run.", show_default=False)],
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            "-d",
            help="Folder with the pictures; 'imtrans data check' says what it holds.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --output.")] = False,
    config: Annotated[
        Path | None, typer.Option("--config", help="Settings as the config.toml of another run.", show_default=False)
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Training steps in all, instead of 200 epochs.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Pictures of each domain in a step [default: 1].")] = None,
    load_size: Annotated[int | None, typer.Option(help="Pixels a side after resizing [default: 286].")] = None,
    crop_size: Annotated[int | None, typer.Option(help="Pixels a side of the random crop [default: 256].")] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random [default: 0].")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", help="Any other setting, such as generator.ngf=32 or train.workers=2; repeatable."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:n.")] = "auto",
    precision: Annotated[
        str | None, typer.Option(help="auto (bf16 where the hardware computes in it), fp32 or bf16 [default: auto].")
    ] = None,
    backend: Annotated[str | None, typer.Option(help="Operators: auto, fused or reference [default: auto].")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")] = False,
) -> None:
    """Train MODEL on your pictures, or go on with a run that was stopped.

    Ctrl-C and SIGTERM write a checkpoint and leave with status 130; --resume goes on from it.

    For example:

        imtrans train cyclegan --data portraits/ --output runs/p1

        imtrans train cyclegan --data portraits/ --output runs/p2 --steps 8000 --crop-size 128 --load-size 143 \
--set generator.ngf=32 --set generator.upsample=resize

        imtrans train cyclegan --output runs/p1 --resume

    All settings with their defaults: imtrans models show MODEL.
    """
    from imtrans.train.run import RunFolder

    card = _trainable(model)
    run = RunFolder(output)
    flags = {
        "train.steps": steps,
        "train.batch_size": batch_size,
        "train.seed": seed,
        "train.precision": precision,
        "train.backend": backend,
        "augmentation.load_size": load_size,
        "augmentation.crop_size": crop_size,
    }
    overrides = [f"{key}={value}" for key, value in flags.items() if value is not None] + (settings or [])
    choose = _resumed if resume else _new
    chosen = choose(card, run, config, data, overrides)
    trainer = _trainer(card, chosen, run, device)
    if not resume:
        run.create(chosen)
    with run.locked():
        if resume:
            _go_on(trainer)
        finished = _fit(trainer, as_json)
    if not finished:
        raise typer.Exit(STOPPED)


def _trainable(model: str) -> Card:
    from imtrans import registry

    card = registry.find(model)
    if card.method is None or card.method_config is None:
        trainable = sorted(name for name, other in registry.cards().items() if other.method is not None)
        raise UsageError(
            f"the model {model!r} can be run, but not trained.",
            have=f"Trainable: {', '.join(trainable) or 'none'}.",
            hint=f"To run it: imtrans run {model} --input PICTURE",
        )
    return card


# --- the configuration ----------------------------------------------------------------------------------------------


def _new(card: Card, run: RunFolder, config: Path | None, data: Path | None, overrides: list[str]) -> RunConfig:
    """The defaults or those of --config, and the overrides."""
    from imtrans.train.settings import RunConfig

    run.check_new()
    chosen = RunConfig.defaults(card) if config is None else RunConfig.read(config, card)
    return _with_data(chosen, data).override(overrides)


def _resumed(card: Card, run: RunFolder, config: Path | None, data: Path | None, overrides: list[str]) -> RunConfig:
    """The run's own configuration, and the overrides."""
    from imtrans.train.settings import RunConfig

    if config is not None:
        raise UsageError(
            "--resume and --config contradict each other.",
            have="A resumed run goes on with the config.toml in its own folder.",
            hint="Change single settings by --set KEY=VALUE.",
        )
    if not run.config_path.is_file():
        raise TrainingError(
            f"{run.root} is no training run: it has no config.toml.",
            have="A run is a folder with config.toml and checkpoints/.",
            hint="Check --output, or start anew without --resume.",
        )
    before = RunConfig.read(run.config_path, card)
    chosen = _with_data(before, data).override(overrides)
    if chosen.train.seed != before.train.seed:
        raise ConfigError(
            f"a run keeps its seed, which is {before.train.seed}.",
            have="Its first weights came from it.",
            hint="Leave the seed away, or start a new run in another --output.",
        )
    return chosen


def _with_data(chosen: RunConfig, data: Path | None) -> RunConfig:
    from dataclasses import replace

    if data is not None:
        # A run may be resumed from another working directory.
        return replace(chosen, data=str(data.absolute()))
    if not chosen.data:
        raise UsageError(
            "training needs pictures.", hint="Type --data FOLDER; docs/data.md shows what each model wants in it."
        )
    return chosen


# --- the run --------------------------------------------------------------------------------------------------------


def _trainer(card: Card, settings: RunConfig, run: RunFolder, device: str) -> Trainer:
    """Everything made and checked that does not touch the run's folder."""
    from imtrans.data.augmentation import check_sizes
    from imtrans.device import DTYPES, choose_device, choose_precision
    from imtrans.train.loop import Trainer
    from imtrans.train.pictures import SAMPLES, open_training_data

    where = choose_device(device)
    dtype = DTYPES[choose_precision(settings.train.precision, where, card.precisions)]
    dataset = open_training_data(card, settings)
    trainer = Trainer(card, settings, run, dataset, dataset.preview(SAMPLES), where, dtype)
    networks = trainer.method.networks.values()
    multiple = math.lcm(*(getattr(network, "multiple", 1) for network in networks))
    minimum = max(getattr(network, "minimum", 1) for network in networks)
    check_sizes(settings.augmentation, multiple, minimum)
    return trainer


def _go_on(trainer: Trainer) -> None:
    trainer.resume()
    if trainer.step > trainer.total:
        raise ConfigError(
            f"the run has {trainer.step} steps behind it, more than the {trainer.total} that it is to have.",
            hint=f"Type --steps with more than {trainer.step}.",
        )
    trainer.run.change_settings(trainer.settings, trainer.step)


def _fit(trainer: Trainer, as_json: bool) -> bool:
    from imtrans.cli.train_report import reporter_for

    reporter = reporter_for(as_json)
    reporter.start(trainer)
    try:
        finished = trainer.fit(reporter)
    finally:
        reporter.close()
    reporter.end(trainer, finished)
    return finished
