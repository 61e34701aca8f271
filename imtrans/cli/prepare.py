"""``imtrans prepare``: data sets made from ordinary pictures, one file a way of making them."""

from __future__ import annotations

import typer

from imtrans.cli.prepare_blur import blur
from imtrans.cli.prepare_faces import faces
from imtrans.cli.prepare_outlines import outlines

app = typer.Typer(no_args_is_help=True)


@app.callback()
def prepare() -> None:
    """Make data sets from ordinary pictures."""


app.command(short_help="Portraits: upright, cut out, on white.")(faces)
app.command(short_help="Pairs of a shaken and a sharp picture.")(blur)
app.command(short_help="Pairs of a line drawing and a picture.")(outlines)
