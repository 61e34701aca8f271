"""Options that several commands have: one name, one short form, one line of help each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Inputs = Annotated[
    list[str] | None,
    typer.Option("--input", "-i", help="A picture, a folder of pictures or a pattern; repeatable."),
]
MoreInputs = Annotated[
    list[str] | None, typer.Argument(metavar="INPUT", help="The same as --input.", show_default=False)
]
Recursive = Annotated[bool, typer.Option("--recursive", "-r", help="Look into folders of folders.")]

Weights = Annotated[
    str | None,
    typer.Option("--weights", "-w", help="Name of weights, or a checkpoint file [default: the model's]."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Backend = Annotated[str, typer.Option(help="Operators: auto, fused or reference.")]
Offline = Annotated[bool, typer.Option("--offline", help="Never download weights.")]

Format = Annotated[str, typer.Option("--format", help="same (as the input), png, jpg, webp, tiff or bmp.")]
Quality = Annotated[int, typer.Option(min=1, max=100, help="Of JPEG and WebP.")]

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
JsonLines = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]

# Of the commands that make pairs to learn from.
DataSet = Annotated[Path | None, typer.Option("--output", "-o", help="Folder of the data set.", show_default=False)]
Crop = Annotated[
    int | None, typer.Option(min=1, help="Cut squares of so many pixels out [default: the whole picture].")
]
Crops = Annotated[int, typer.Option(min=1, help="Squares of each picture.")]
ShrinkFirst = Annotated[
    int | None, typer.Option(min=1, help="Shrink pictures whose longer side has more pixels than this first.")
]
HeldOut = Annotated[float, typer.Option(help="Share of the pictures that are held out for testing.")]
SkipPairs = Annotated[
    bool, typer.Option("--skip-existing", help="Leave out pictures whose pairs are there; continues a stopped run.")
]
