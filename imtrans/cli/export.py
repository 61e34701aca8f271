"""``imtrans export``: one trained network of a run as a file to use and to pass on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a training run.", show_default=False)],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to write: FILE.safetensors.", show_default=False)
    ],
    direction: Annotated[
        str | None, typer.Option(help="What the network translates, such as a2b or b2a [default: a2b].")
    ] = None,
    precision: Annotated[str, typer.Option(help="fp32 as trained, or fp16 for half the size.")] = "fp32",
    step: Annotated[int | None, typer.Option(help="Of which checkpoint [default: the newest].")] = None,
    best: Annotated[bool, typer.Option("--best", help="Of the best checkpoint by train.best_metric.")] = False,
    averaged: Annotated[
        bool, typer.Option("--ema/--no-ema", help="The running average of the weights, where the run kept one.")
    ] = True,
    pictures: Annotated[
        str | None, typer.Option(help="What it learnt from, for its model card.", show_default=False)
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="The terms of the weights, for its model card.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write a trained network, its configuration and its model card into one safetensors file.

    The card and the recipe stand in the file's metadata; 'imtrans run' needs nothing else.

    For example:

        imtrans export runs/p1 --output vintage.safetensors

        imtrans export runs/p1 --output modern.safetensors --direction b2a --precision fp16 --step 14000

        imtrans run cyclegan --weights vintage.safetensors --input photo.jpg
    """
    from imtrans.cli.printing import print_line
    from imtrans.train import export as exporting

    written = exporting.export(
        run,
        output,
        direction=direction,
        precision=precision,
        step=step,
        best=best,
        averaged=averaged,
        pictures=pictures,
        licence=licence,
        force=force,
    )
    which = "average of the weights" if written.averaged else "weights"
    size = f"{written.size / 1e6:.1f} MB"
    print_line(f"{written.path}: {which} of {written.direction} at step {written.step}, {precision}, {size}")
