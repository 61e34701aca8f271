"""``imtrans prepare faces``: portraits out of photographs, upright, cut out and on white."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imtrans.cli.leaving import leave_after
from imtrans.errors import UsageError

if TYPE_CHECKING:
    from imtrans.data.prepare.faces.geometry import Margins

WHICH = ("largest", "all", "error")


def faces(
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
            "--output", "-o", help="Folder of the portraits, or for one picture a file [default: imtrans-output]."
        ),
    ] = None,
    which: Annotated[
        str, typer.Option("--faces", help="Of several in a picture: largest, all (as NAME-1, NAME-2), or error.")
    ] = "largest",
    size: Annotated[int, typer.Option(min=16, max=4096, help="Side of the portraits, in pixels.")] = 256,
    margins: Annotated[
        str, typer.Option(help="Around the face: above, below and at each side, as shares of its height and width.")
    ] = "0.8,0.3,0.3",
    segment: Annotated[bool, typer.Option("--segment/--no-segment", help="Lay people on white.")] = True,
    background: Annotated[
        str, typer.Option(help="white, or transparent: keep the outline as an alpha channel besides.")
    ] = "white",
    detector: Annotated[str, typer.Option(help="mediapipe, or package.module:name of your own.")] = "mediapipe",
    segmenter: Annotated[str, typer.Option(help="mediapipe, or package.module:name of your own.")] = "mediapipe",
    kind: Annotated[str, typer.Option("--format", help="same (as the input), png, jpg, webp, tiff or bmp.")] = "png",
    quality: Annotated[int, typer.Option(min=1, max=100, help="Of JPEG and WebP.")] = 95,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Look into folders of folders.")] = False,
    skip_existing: Annotated[
        bool,
        typer.Option("--skip-existing", help="Leave out pictures whose portrait is there; continues a stopped run."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")] = False,
) -> None:
    """Make portraits as models of faces are trained with: eyes level, head in the middle, white behind.

    Pictures without a face are reported and left out.

    For example:

        imtrans prepare faces photo.jpg --output portraits/

        imtrans prepare faces photos/ --output faces/trainA --faces all --size 286

    Leaves with 0 when every picture gave a portrait, 1 when some did not, 2 when the command made no sense.
    """
    from imtrans.infer.plan import OUTPUT, collect, plan

    # What is quick to refuse is refused before networks are loaded.
    if which not in WHICH:
        raise UsageError(f"--faces is one of {', '.join(WHICH)}, not {which!r}.")
    if background not in ("white", "transparent") or (background == "transparent" and not segment):
        raise UsageError(
            f"--background {background} cannot be meant{' with --no-segment' if not segment else ''}.",
            have="Backgrounds are white and transparent; without segmentation there is no outline to keep.",
        )
    around = _margins(margins)
    sources = collect([*(inputs or []), *(more or [])], recursive=recursive, leave_out=output or OUTPUT)
    jobs = plan(sources, output, kind=kind if output is None or not output.suffix else "same")

    from imtrans.cli.prepare_faces_report import FacesReporter
    from imtrans.data.prepare.faces.portrait import PortraitOptions, Portraits
    from imtrans.data.prepare.faces.tools import load_detector, load_segmenter
    from imtrans.infer.portraits import prepare_files

    options = PortraitOptions(size, around, which, background == "transparent")  # type: ignore[arg-type]  # looked at above
    portraits = Portraits(load_detector(detector), load_segmenter(segmenter) if segment else None, options)
    reporter = FacesReporter(as_json, len(jobs), output or OUTPUT, size)
    with reporter.working():
        summary = prepare_files(portraits, jobs, skip_existing=skip_existing, quality=quality, on_event=reporter.report)
    reporter.end(summary)
    leave_after(summary)


def _margins(text: str) -> Margins:
    from imtrans.data.prepare.faces.geometry import Margins

    try:
        top, bottom, sides = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(
            f"--margins are three numbers with commas between them, not {text!r}.",
            hint="Type --margins 0.8,0.3,0.3: above, below, at each side.",
        ) from None
    return Margins(top, bottom, sides)
