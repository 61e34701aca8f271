"""``imtrans train``: teach a model on the user's own pictures."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imtrans.cli.options import JsonLines
from imtrans.errors import ConfigError, DeviceError, UsageError

if TYPE_CHECKING:
    from imtrans.card import Card
    from imtrans.train.engine import Engine
    from imtrans.train.evaluation import Evaluator
    from imtrans.train.loop import Trainer
    from imtrans.train.run import RunFolder
    from imtrans.train.settings import RunConfig


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
    direction: Annotated[
        str | None,
        typer.Option(
            help="AtoB or BtoA: what the model translates, where its pictures come in pairs.", show_default=False
        ),
    ] = None,
    init_from: Annotated[
        Path | None,
        typer.Option(
            "--init-from", help="Start from the weights of a run or a file, not at random.", show_default=False
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random [default: 0].")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", help="Any other setting, such as generator.ngf=32 or train.workers=2; repeatable."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:n.")] = "auto",
    devices: Annotated[
        int | None, typer.Option(help="Train on so many GPUs (or processes on the CPU) at once.")
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(help="auto (bf16 where the hardware computes in it), fp32, bf16 or fp16 [default: auto]."),
    ] = None,
    evaluate_every: Annotated[
        int | None, typer.Option(help="Steps between two evaluations on testA/ and testB/ [default: none].")
    ] = None,
    compile_networks: Annotated[
        bool | None, typer.Option("--compile/--no-compile", help="Let torch.compile make code of the networks.")
    ] = None,
    backend: Annotated[str | None, typer.Option(help="Operators: auto, fused or reference [default: auto].")] = None,
    as_json: JsonLines = False,
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
    from imtrans.train.engine import launched_externally
    from imtrans.train.launch import launch

    flags = {
        "train.steps": steps,
        "train.batch_size": batch_size,
        "train.seed": seed,
        "train.init_from": None if init_from is None else init_from.absolute(),
        "train.precision": precision,
        "train.evaluate_every": evaluate_every,
        "train.compile": compile_networks,
        "train.backend": backend,
        "direction": direction,
        "augmentation.load_size": load_size,
        "augmentation.crop_size": crop_size,
    }
    overrides = [f"{key}={value}" for key, value in flags.items() if value is not None] + (settings or [])
    command = Command(model, output, resume, config, data, overrides, device, devices, as_json)
    if devices is None or devices == 1 or launched_externally():
        status = command.train()
    else:
        _check_devices(device, devices)
        command.settings()  # what is wrong with them is told once, before anything is launched
        status = launch(command.train, devices)
    if status:
        raise typer.Exit(status)


@dataclass(frozen=True)
class Command:
    """What was typed, in a form that reaches every process of the run."""

    model: str
    output: Path
    resume: bool
    config: Path | None
    data: Path | None
    overrides: list[str]
    device: str
    devices: int | None
    as_json: bool

    def settings(self) -> tuple[Card, RunConfig, RunFolder]:
        """The model, the configuration and the folder that are meant."""
        from imtrans.cli.train_settings import new_settings, resumed_settings
        from imtrans.train.run import RunFolder

        card, run = _trainable(self.model), RunFolder(self.output)
        choose = resumed_settings if self.resume else new_settings
        return card, choose(card, run, self.config, self.data, self.overrides), run

    def train(self) -> int:
        """Train in this process, alone or as one of several; gives the exit status."""
        from imtrans.train.launch import STOPPED

        card, settings, run = self.settings()
        trainer = _trainer(card, settings, run, self.device, self.devices)
        if trainer.ranks.first and not self.resume:
            run.create(settings)
        with run.locked() if trainer.ranks.first else contextlib.nullcontext():
            if self.resume:
                _go_on(trainer)
            finished = _fit(trainer, self.as_json)
        return 0 if finished else STOPPED


def _check_devices(device: str, devices: int) -> None:
    """Refuse a number of devices that this machine does not have; processes on a CPU are bounded by patience only."""
    import torch

    from imtrans.device import choose_device

    if devices < 1:
        raise UsageError(f"--devices must be at least 1, not {devices}.", hint="Leave it away for one.")
    kind, _, index = device.partition(":")
    if index:
        raise UsageError(
            f"--device {device} names one device, and --devices {devices} several.", hint=f"Type --device {kind}."
        )
    if choose_device(device).type == "cuda" and devices > torch.cuda.device_count():
        raise DeviceError(
            f"there are no {devices} GPUs here.",
            have=f"torch sees {torch.cuda.device_count()}.",
            hint=f"Type --devices {torch.cuda.device_count()}, or --device cpu for processes on the CPU.",
        )


def _trainable(model: str) -> Card:
    from imtrans import registry

    card = registry.find(model)
    if card.method is None or card.method_config is None:
        trainable = sorted(name for name, other in registry.cards().items() if other.method is not None)
        use = f"imtrans generate {model}" if card.task == "generate" else f"imtrans run {model} --input PICTURE"
        raise UsageError(
            f"the model {model!r} can be run, but not trained.",
            have=f"Trainable: {', '.join(trainable) or 'none'}.",
            hint=f"To run it: {use}",
        )
    return card


# --- the run --------------------------------------------------------------------------------------------------------


def _trainer(card: Card, settings: RunConfig, run: RunFolder, device: str, devices: int | None) -> Trainer:
    """Everything made and checked that does not touch the run's folder."""
    from imtrans.data.augmentation import check_sizes
    from imtrans.device import DTYPES, choose_device, choose_precision
    from imtrans.train.engine import Engine, choose_local_device, local_size
    from imtrans.train.loop import Trainer
    from imtrans.train.pictures import SAMPLES, open_training_data

    where = choose_local_device(choose_device(device), devices)
    dtype = DTYPES[choose_precision(settings.train.precision, where, card.precisions)]
    dataset = open_training_data(card, settings)
    engine = Engine(where, dtype, local_size())
    evaluator = _evaluator(card, settings, engine) if settings.train.evaluate_every else None
    preview = dataset.preview(SAMPLES)
    trainer = Trainer(card, settings, run, dataset, preview, where, dtype, engine=engine, evaluator=evaluator)
    networks = trainer.method.networks.values()
    multiple = math.lcm(*(getattr(network, "multiple", 1) for network in networks))
    minimum = max(getattr(network, "minimum", 1) for network in networks)
    fixed = next((size for network in networks if (size := getattr(network, "fixed_size", None))), None)
    check_sizes(settings.augmentation, multiple, minimum, fixed)
    if card.task == "generate":
        _check_output_size(trainer)
    return trainer


def _check_output_size(trainer: Trainer) -> None:
    """Refuse real pictures of another size than the generator's."""
    augmentation = trainer.settings.augmentation
    for network, _ in trainer.method.translators().values():
        height, width = getattr(trainer.method.networks[network], "output_size", (augmentation.crop_size,) * 2)
        if not augmentation.crops or (height, width) != (augmentation.crop_size,) * 2:
            sides = f"--load-size {width} --crop-size {width}"
            raise ConfigError(
                f"the generator makes pictures of {width} x {height} pixels, unlike the training pictures.",
                have=f"They are {augmentation.crop_size} pixels a side, in the mode {augmentation.mode}.",
                hint=f"Type {sides}, or give the generator their size (imtrans models show {trainer.card.name}).",
            )


def _evaluator(card: Card, settings: RunConfig, engine: Engine) -> Evaluator | None:
    """Who measures the translators; the first process does it for all."""
    from imtrans.cli.train_evaluator import held_out_evaluator

    assert card.method is not None
    method = card.method.load()(settings.method)
    return held_out_evaluator(method, settings, engine.device) if engine.ranks.first else None


def _go_on(trainer: Trainer) -> None:
    trainer.resume()
    if trainer.step > trainer.total:
        raise ConfigError(
            f"the run has {trainer.step} steps behind it, more than the {trainer.total} that it is to have.",
            hint=f"Type --steps with more than {trainer.step}.",
        )
    if trainer.ranks.first:
        trainer.run.change_settings(trainer.settings, trainer.step)


def _fit(trainer: Trainer, as_json: bool) -> bool:
    from imtrans.cli.train_report import reporter_for

    processes = trainer.processes()
    if not trainer.ranks.first:
        return trainer.fit()
    reporter = reporter_for(as_json)
    reporter.start(trainer, processes)
    try:
        finished = trainer.fit(reporter)
    finally:
        reporter.close()
    reporter.end(trainer, finished)
    return finished
