"""``imtrans generate``: pictures out of random numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imtrans.cli.options import Backend, Device, JsonLines, Offline, Weights
from imtrans.cli.remarks import without_pillow_s_remarks


def generate(
    model: Annotated[str, typer.Argument(help="The model, as 'imtrans models' lists it.", show_default=False)],
    seeds: Annotated[
        str | None, typer.Option("--seeds", help="Numbers and ranges, such as 0-15,42 [default: 0-15].")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Folder of the results, or for one result a file [default: imtrans-output]."
        ),
    ] = None,
    weights: Weights = None,
    classes: Annotated[
        str | None, typer.Option("--class", help="Class of the pictures, or several: every seed in each.")
    ] = None,
    truncation_psi: Annotated[
        float, typer.Option(help="Styles towards their average: 1 leaves them, 0.7 is safer, 0 is the average.")
    ] = 1.0,
    truncation_cutoff: Annotated[
        int | None, typer.Option(help="Truncate this many layers only, from the first [default: all].")
    ] = None,
    noise: Annotated[
        str, typer.Option(help="Fine detail: const (the network's own), random (by seed) or none.")
    ] = "const",
    grid: Annotated[
        str | None, typer.Option(help="One picture of COLUMNSxROWS, such as 4x4, instead of one a seed.")
    ] = None,
    mix_rows: Annotated[str | None, typer.Option(help="Seeds of the rows of a style-mixing matrix.")] = None,
    mix_cols: Annotated[str | None, typer.Option(help="Seeds of its columns, which lend their styles.")] = None,
    mix_layers: Annotated[
        str | None, typer.Option(help="Layers that take them: coarse, middle, fine, numbers [default: 0-6].")
    ] = None,
    interpolate: Annotated[
        bool, typer.Option("--interpolate", help="One film from seed to seed and back to the first.")
    ] = False,
    space: Annotated[
        str, typer.Option(help="Of the film's way: z (great circles of latents), w (lines of styles) or auto.")
    ] = "auto",
    frames: Annotated[int, typer.Option(help="Of the film, from each seed to the next.")] = 24,
    fps: Annotated[float, typer.Option(help="Of the film, frames a second.")] = 24.0,
    kind: Annotated[
        str | None,
        typer.Option("--format", help="png, jpg, webp, tiff or bmp; of a film gif or mp4 [default: png, gif]."),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures that are computed together.")] = 8,
    device: Device = "auto",
    precision: Annotated[
        str, typer.Option(help="auto (fp32, the same pictures on every device), fp32, bf16 or fp16.")
    ] = "auto",
    backend: Backend = "auto",
    as_json: JsonLines = False,
    offline: Offline = False,
) -> None:
    """Generate pictures with MODEL. A seed always gives the same picture.

    For example:

        imtrans generate dcgan --weights runs/d1/checkpoints/step-00002000/generator.ema.safetensors --seeds 0-15,42

        imtrans generate cdcgan --weights digits.safetensors --class 0-9 --seeds 0-7 --grid 8x10 --output digits.png

        imtrans generate stylegan2 --mix-rows 85,100 --mix-cols 55,821 --mix-layers coarse --output mixed.png

        imtrans generate dcgan --weights digits.safetensors --seeds 0-5 --interpolate --output film.gif
    """
    from imtrans import registry
    from imtrans.cli.generate_output import Wanted, writer_for
    from imtrans.cli.generate_report import GenerateReporter
    from imtrans.infer.task import check_task

    # What is quick to refuse is refused before torch is imported and weights are fetched.
    card = registry.find(model)
    check_task(card, "generate")
    wanted = Wanted.read(
        seeds=seeds,
        classes=classes,
        grid=grid,
        mix_rows=mix_rows,
        mix_cols=mix_cols,
        mix_layers=mix_layers,
        interpolate=interpolate,
        space=space,
        frames=frames,
        fps=fps,
        output=output,
        kind=kind,
    )

    from imtrans.infer.generator import Sampling, load_generator

    sampling = Sampling(truncation_psi, truncation_cutoff, noise)  # type: ignore[arg-type]  # refuses any other word
    reporter = GenerateReporter(as_json)
    try:
        with without_pillow_s_remarks():
            generator = load_generator(
                card,
                weights=weights,
                device=device,
                precision=precision,
                backend=backend,
                offline=offline,
                progress=reporter.download,
            )
            reporter.start(generator, wanted)
            for written in writer_for(wanted)(generator, wanted, sampling, batch_size):
                reporter.written(written)
    finally:
        reporter.stop()
    reporter.end()
