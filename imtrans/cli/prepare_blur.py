"""``imtrans prepare blur``: pairs of blurred and sharp pictures for networks that learn to deblur."""

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


def blur(
    more: MoreInputs = None,
    inputs: Inputs = None,
    output: DataSet = None,
    seed: Annotated[int, typer.Option(min=0, help="Settles, with a picture's name, its parts and kernels.")] = 0,
    crop: Crop = None,
    crops: Crops = 1,
    kernels: Annotated[int, typer.Option(min=1, help="Kernels that each square is blurred with.")] = 1,
    length: Annotated[float, typer.Option(min=0, help="Pixels of the camera's way in the longest exposure.")] = 60.0,
    anxiety: Annotated[
        list[float] | None,
        typer.Option(
            help="How much the hand shakes, 0 for straight lines; repeatable, one is drawn [default: 0.003 to 0.01]."
        ),
    ] = None,
    exposure: Annotated[
        list[float] | None,
        typer.Option(help="Share of the way with an open shutter; repeatable, one is drawn [default: 0.1, 0.5, 1]."),
    ] = None,
    gamma: Annotated[float, typer.Option(help="1 adds up the values of files as the authors do, 2.2 light.")] = 1.0,
    max_size: ShrinkFirst = None,
    layout: Annotated[
        str, typer.Option(help="folders (trainA/ blurred, trainB/ sharp) or aligned (both side by side in train/).")
    ] = "folders",
    test: HeldOut = 0.0,
    recursive: Recursive = False,
    skip_existing: SkipPairs = False,
    as_json: JsonLines = False,
) -> None:
    """Blur pictures as a shaking hand does, for networks that learn to deblur.

    For example:

        imtrans prepare blur photos/ --output blurred/ --crop 256 --crops 8 --test 0.1

        imtrans train deblurgan --data blurred/ --output runs/d1

    Leaves with 0 when every picture gave its pairs, 1 when some failed, 2 when the command made no sense.
    """
    from imtrans.data.prepare.blur.files import maker, plan
    from imtrans.data.prepare.blur.kernel import EXPOSURES
    from imtrans.data.prepare.blur.pairs import BlurSettings
    from imtrans.data.prepare.blur.trajectory import ANXIETIES
    from imtrans.infer.plan import collect

    if output is None:
        raise UsageError("no folder was given for the data set.", hint="Name one: --output blurred/")
    settings = BlurSettings(
        seed, crop, crops, kernels, length, tuple(anxiety or ANXIETIES), tuple(exposure or EXPOSURES), gamma, max_size
    )
    sources = collect([*(inputs or []), *(more or [])], recursive=recursive, leave_out=output)
    places = {source.path: source.relative for source in sources}
    jobs = plan(places, output, settings, layout=layout, test=test)  # type: ignore[arg-type]  # any word is refused
    make_data_set(jobs, maker(settings), output, skip_existing=skip_existing, as_json=as_json)
