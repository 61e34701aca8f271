"""``imtrans run``: pictures through a model."""

from __future__ import annotations

import glob
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from imtrans.card import Card

INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 and the number of SIGINT."""


def run(
    model: Annotated[
        str | None,
        typer.Argument(
            help="The model, as 'imtrans models' lists it; may be left out where --weights tells it.",
            show_default=False,
        ),
    ] = None,
    more: Annotated[
        list[str] | None, typer.Argument(metavar="INPUT", help="The same as --input.", show_default=False)
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", "-i", help="A picture, a folder of pictures or a pattern; repeatable."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Folder of the results, or for one picture a file [default: imtrans-output]."
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option("--weights", "-w", help="Name of weights, or a checkpoint file [default: the model's]."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    precision: Annotated[
        str, typer.Option(help="auto (bf16 where the hardware computes in it), fp32, bf16 or fp16.")
    ] = "auto",
    backend: Annotated[str, typer.Option(help="Operators: auto, fused or reference.")] = "auto",
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
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Look into folders of folders.")] = False,
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
    kind: Annotated[str, typer.Option("--format", help="same (as the input), png, jpg, webp, tiff or bmp.")] = "same",
    quality: Annotated[int, typer.Option(min=1, max=100, help="Of JPEG and WebP.")] = 95,
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
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Never download weights.")] = False,
) -> None:
    """Translate pictures with MODEL.

    Examples:
        imtrans run cyclegan --input photo.jpg

        imtrans run cyclegan --input photos/ --output out/ --batch-size 4

        imtrans run cyclegan --input horse.jpg --weights horse2zebra.pth --compare

        imtrans run stylegan2 --input face.jpg --style-seed 3 --layers fine

        imtrans run --weights converted.safetensors --input horse.jpg

    Leaves with 0 when every picture was translated, 1 when some failed, 2 when the command made no sense.
    """
    from imtrans.cli.run_report import RunReporter
    from imtrans.infer.plan import OUTPUT, collect, plan

    # What is quick to refuse is refused before torch is imported and weights are fetched.
    card, pictures = _model_or_picture(model, [*(more or [])], weights)
    pictures = [*(inputs or []), *pictures]
    wanted = _Wanted(style_seed, layers, label, compare, heatmap)
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
            recursive=recursive,
            skip_existing=skip_existing,
            as_json=as_json,
            offline=offline,
        )
        raise typer.Exit(0 if well else 1)

    from imtrans.infer.runner import Options, translate_files
    from imtrans.infer.translator import load

    reporter = RunReporter(as_json, jobs)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")  # remarks on odd metadata, which mean nothing to users
        try:
            translator = load(
                card,
                weights=source,
                device=device,
                precision=precision,
                backend=backend,
                norm=norm,  # type: ignore[arg-type]  # any word is refused in words
                sample_noise=sample_noise,
                seed=seed,
                offline=offline,
                progress=reporter.download,
            )
            reporter.start(translator)
            options = Options(batch_size, skip_existing, compare, quality, max_size)
            summary = translate_files(translator, jobs, options, reporter.report)
        finally:
            reporter.stop()
    reporter.end(translator, summary, output or OUTPUT)
    if summary.interrupted:
        raise typer.Exit(INTERRUPTED)
    if summary.failed:
        raise typer.Exit(1)


@dataclass(frozen=True)
class _Wanted:
    """Options that only some models can serve."""

    style_seed: int | None
    layers: str | None
    label: int | None
    compare: bool
    heatmap: bool

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
        if self.style_seed is not None and self.compare:
            raise UsageError(
                "--compare shows a picture beside its translation, and --style-seed translates none.",
                have="'imtrans project' writes the target and what was found of it.",
                hint="Leave --compare away.",
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
