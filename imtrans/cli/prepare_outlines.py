"""``imtrans prepare outlines``: pairs of a line drawing and a picture for networks that learn to colour drawings."""

from __future__ import annotations

from typing import Annotated

import typer

from imtrans.cli.options import (
    Crop,
    Crops,
    DataSet,
    HeldOut,
    Inputs,
    JsonLines,
    MoreInputs,
    Recursive,
    ShrinkFirst,
    SkipPairs,
)
from imtrans.cli.prepare_report import make_data_set
from imtrans.errors import UsageError


def outlines(
    more: MoreInputs = None,
    inputs: Inputs = None,
    output: DataSet = None,
    width: Annotated[
        float, typer.Option(help="Sigma of the fine Gaussian, as a share of the picture's shorter side.")
    ] = 1 / 160,
    threshold: Annotated[
        float, typer.Option(help="Contrast, 0 to 1, that a line needs; more leaves fewer lines.")
    ] = 0.005,
    steepness: Annotated[float, typer.Option(help="How fast lines get black beyond the threshold.")] = 150.0,
    seed: Annotated[int, typer.Option(min=0, help="Settles parts and which pictures are held out.")] = 0,
    crop: Crop = None,
    crops: Crops = 1,
    max_size: ShrinkFirst = None,
    layout: Annotated[
        str, typer.Option(help="folders (trainA/ drawn, trainB/ pictures) or aligned (both side by side in train/).")
    ] = "folders",
    test: HeldOut = 0.0,
    split: Annotated[str, typer.Option(help="Where the others go: train, or test to hold all of them out.")] = "train",
    tag: Annotated[str, typer.Option(help="Ends every name: a.jpg becomes a-TAG.png.", show_default=False)] = "",
    recursive: Recursive = False,
    skip_existing: SkipPairs = False,
    as_json: JsonLines = False,
) -> None:
    """Draw the outlines of pictures, for networks that learn to make pictures of drawings.

    For example:

        imtrans prepare outlines photos/ --output outlines/ --test 0.1

        imtrans train pix2pix --data outlines/ --output runs/o1

    Leaves with 0 when every picture gave its pairs, 1 when some failed, 2 when the command made no sense.
    """
    from imtrans.data.prepare.outlines import OutlineSettings, maker
    from imtrans.data.prepare.pairs import plan
    from imtrans.infer.plan import collect

    if output is None:
        raise UsageError("no folder was given for the data set.", hint="Name one: --output outlines/")
    settings = OutlineSettings(width, threshold, steepness, seed, crop, crops, max_size)
    sources = collect([*(inputs or []), *(more or [])], recursive=recursive, leave_out=output)
    places = {source.path: source.relative for source in sources}
    jobs = plan(
        places, output, pairs=crops, layout=layout, test=test, split=split, seed=seed, tag=tag  # type: ignore[arg-type]  # any word is refused
    )  # fmt: skip
    make_data_set(jobs, maker(settings), output, skip_existing=skip_existing, as_json=as_json)
