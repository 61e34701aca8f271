"""``imtrans run``: pictures through a model."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imtrans.cli.leaving import leave_after
from imtrans.cli.options import (
    Backend,
    Device,
    Format,
    Inputs,
    JsonLines,
    MoreInputs,
    Offline,
    Quality,
    Recursive,
    Weights,
)
from imtrans.cli.remarks import without_pillow_s_remarks

if TYPE_CHECKING:
    from imtrans.card import Card
    from imtrans.infer.plan import Job
    from imtrans.infer.runner import Options
    from imtrans.infer.translator import Translator
    from imtrans.weights.download import Progress


def run(
    model: Annotated[
        str | None,
        typer.Argument(
            help="The model, as 'imtrans models' lists it; may be left out where --weights tells it.",
            show_default=False,
        ),
    ] = None,
    more: MoreInputs = None,
    inputs: Inputs = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Folder of the results, or for one picture a file [default: imtrans-output]."
        ),
    ] = None,
    weights: Weights = None,
    device: Device = "auto",
    precision: Annotated[
        str, typer.Option(help="auto (bf16 where the hardware computes in it), fp32, bf16 or fp16.")
    ] = "auto",
    backend: Backend = "auto",
    norm: Annotated[
        str,
        typer.Option(
            help="What batch norms go by: eval (averages of the training), train (the picture), auto (as the authors)."
        ),
    ] = "auto",
    sample_noise: Annotated[
        bool | None,
        typer.Option(
            "--sample-noise/--no-sample-noise", help="Leave dropout on, or turn it off [default: on with train norms]."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the noise, where the model has some.")] = 0,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures of one size that are computed together.")] = 1,
    recursive: Recursive = False,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave out pictures whose result is there; continues a stopped run.")
    ] = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="Write picture and result side by side, as NAME-compare.")
    ] = False,
    heatmap: Annotated[
        bool,
        typer.Option("--heatmap", help="Also write where the model looked, over the picture, as NAME-heatmap.png."),
    ] = False,
    kind: Format = "same",
    quality: Quality = 95,
    max_size: Annotated[
        int | None, typer.Option(min=1, help="Shrink pictures whose longer side has more pixels than this.")
    ] = None,
    style_seed: Annotated[
        int | None, typer.Option(min=0, help="Of models that generate: draw each picture again in this seed's style.")
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(help="With --style-seed: coarse, middle, fine, numbers [default: the finest there are]."),
    ] = None,
    label: Annotated[
        int | None, typer.Option("--class", help="With --style-seed: class of the pictures, for conditional models.")
    ] = None,
    project_steps: Annotated[int, typer.Option(min=1, help="With --style-seed: of the search for the picture.")] = 500,
    as_json: JsonLines = False,
    offline: Offline = False,
) -> None:
    """Translate pictures with MODEL.

    For example:

        imtrans run cyclegan --input photo.jpg

        imtrans run cyclegan --input photos/ --output out/ --batch-size 4

        imtrans run cyclegan --input horse.jpg --weights horse2zebra.pth --compare

        imtrans run stylegan2 --input face.jpg --style-seed 3 --layers fine

        imtrans run --weights converted.safetensors --input horse.jpg

    Leaves with 0 when every picture was translated, 1 when some failed, 2 when the command made no sense.
    """
    from imtrans.infer.plan import OUTPUT, collect, plan

    # What is quick to refuse is refused before torch is imported and weights are fetched.
    card, pictures = _model_or_picture(model, [*(more or [])], weights)
    pictures = [*(inputs or []), *pictures]
    translating = {
        "--precision": precision != "auto",
        "--norm": norm != "auto",
        "--sample-noise": sample_noise is not None,
        "--batch-size": batch_size != 1,
        "--compare": compare,
        "--max-size": max_size is not None,
    }
    wanted = _Wanted(style_seed, layers, label, heatmap, [name for name, given in translating.items() if given])
    if card is not None:
        wanted.check(card)
    sources = collect(pictures, recursive=recursive, leave_out=output or OUTPUT)
    jobs = plan(sources, output, kind=kind, compare=compare, heatmap=heatmap)
    source: str | Path | None = weights
    if card is None:
        card, source = _model_of(weights)
        wanted.check(card)
    if style_seed is not None:
        from imtrans.cli.restyle import restyle

        well = restyle(
            card,
            pictures,
            output,
            style_seed=style_seed,
            layers=layers,
            label=label,
            steps=project_steps,
            seed=seed,
            weights=source,
            device=device,
            backend=backend,
            kind=kind,
            quality=quality,
            recursive=recursive,
            skip_existing=skip_existing,
            as_json=as_json,
            offline=offline,
        )
        raise typer.Exit(0 if well else 1)

    from imtrans.infer.runner import Options

    how = _Loading(source, device, precision, backend, norm, sample_noise, seed, offline)
    _translate(card, jobs, how, Options(batch_size, skip_existing, compare, quality, max_size), output, as_json)


@dataclass(frozen=True)
class _Loading:
    """Which weights are run, and how."""

    weights: str | Path | None
    device: str
    precision: str
    backend: str
    norm: str
    sample_noise: bool | None
    seed: int
    offline: bool

    def load(self, card: Card, progress: Progress) -> Translator:
        """The translator of these words; see :func:`imtrans.infer.translator.load`."""
        from imtrans.infer.translator import load

        return load(
            card,
            weights=self.weights,
            device=self.device,
            precision=self.precision,
            backend=self.backend,
            norm=self.norm,  # type: ignore[arg-type]  # any word is refused in words
            sample_noise=self.sample_noise,
            seed=self.seed,
            offline=self.offline,
            progress=progress,
        )


def _translate(
    card: Card, jobs: list[Job], how: _Loading, options: Options, output: Path | None, as_json: bool
) -> None:
    """Translate the pictures and tell of each.

    Raises:
        typer.Exit: pictures failed, or Ctrl-C ended it.
    """
    from imtrans.cli.run_report import RunReporter
    from imtrans.infer.plan import OUTPUT
    from imtrans.infer.runner import translate_files

    reporter = RunReporter(as_json, jobs)
    with without_pillow_s_remarks():
        try:
            translator = how.load(card, reporter.download)
            reporter.start(translator)
            summary = translate_files(translator, jobs, options, reporter.report)
        finally:
            reporter.stop()
    reporter.end(translator, summary, output or OUTPUT)
    leave_after(summary)


@dataclass(frozen=True)
class _Wanted:
    """Options that only some models can serve."""

    style_seed: int | None
    layers: str | None
    label: int | None
    heatmap: bool
    translating: list[str]
    """Options given that say how pictures are translated, by name."""

    def check(self, card: Card) -> None:
        """Refuse a model that cannot serve them.

        Raises:
            UsageError: the message says what the model does, or what to leave away.
        """
        from imtrans.errors import UsageError
        from imtrans.infer.abilities import refuse_without_heatmap
        from imtrans.infer.task import check_task

        if self.heatmap:
            refuse_without_heatmap(card)
        if card.task != "generate" or self.style_seed is None:
            check_task(card, "translate")
        if card.task == "translate" and (self.style_seed, self.layers, self.label) != (None, None, None):
            raise UsageError(
                f"the model {card.name!r} translates pictures and has no styles that could be mixed.",
                hint="Leave --style-seed, --layers and --class away.",
            )
        if self.style_seed is not None and self.translating:
            raise UsageError(
                f"{' and '.join(self.translating)} cannot be had with --style-seed: it translates no picture, but "
                "searches its latent, one at a time and in fp32, and draws that again in the network's size.",
                have="'imtrans project' writes the target and what was found of it.",
                hint=f"Leave {' and '.join(self.translating)} away.",
            )


def _model_or_picture(model: str | None, more: list[str], weights: str | None) -> tuple[Card | None, list[str]]:
    """The model, and the inputs besides: with ``--weights``, what stands in the model's place may be a picture."""
    from imtrans import registry
    from imtrans.errors import UnknownNameError, UsageError

    if model is None:
        if weights is None:
            raise UsageError(
                "neither a model nor weights were given.",
                have=f"Models: {', '.join(registry.cards()) or 'none'}.",
                hint="Type imtrans run MODEL --input PICTURE, or imtrans run --weights FILE --input PICTURE.",
            )
        return None, more
    try:
        return registry.find(model), more
    except UnknownNameError:
        if weights is not None and (os.path.lexists(Path(model).expanduser()) or glob.has_magic(model)):
            return None, [model, *more]
        raise


def _model_of(weights: str | None) -> tuple[Card, str | Path]:
    """The only model that the weights can be of, and what to load for it."""
    from imtrans.weights.choosing import choose

    assert weights is not None
    return choose(weights)
