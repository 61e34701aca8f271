"""``imtrans``: the commands put together, and what becomes of an error."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from typing import Annotated, NoReturn

import typer
from typer.core import TyperGroup

from imtrans.cli.convert import convert
from imtrans.cli.data import app as data
from imtrans.cli.doctor import doctor
from imtrans.cli.evaluate import evaluate
from imtrans.cli.export import export
from imtrans.cli.generate import generate
from imtrans.cli.inspect import inspect
from imtrans.cli.kernels import app as kernels
from imtrans.cli.leaving import BUG, INTERRUPTED
from imtrans.cli.models import app as models
from imtrans.cli.plugins import app as plugins
from imtrans.cli.prepare import app as prepare
from imtrans.cli.printing import print_error
from imtrans.cli.project import project
from imtrans.cli.run import run
from imtrans.cli.runs import app as runs
from imtrans.cli.train import train
from imtrans.errors import ImtransError
from imtrans.version import __version__


class _Commands(TyperGroup):
    """The group of all commands. Ctrl-C ends it with one word, whichever release of typer serves."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]  # typer's own class, older or newer
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            print("Interrupted.", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=_Commands,
    name="imtrans",
    help="Images into images with generative networks.",
    epilog="First steps: imtrans models; imtrans run cyclegan --input photo.jpg; imtrans doctor",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: [brackets] in it stay, and it takes half the time
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"imtrans {__version__}")
        raise typer.Exit()


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Images into images with generative networks."""


app.command(short_help="Translate pictures.")(run)
app.command(short_help="Draw pictures from seeds.")(generate)
app.command(short_help="Find the latent that draws a picture again.")(project)
app.command(short_help="Train a model, or go on with a stopped run.")(train)
app.command(short_help="Measure results, or a model on held-out data.")(evaluate)
app.command(short_help="Write a trained network into one file.")(export)
app.command(short_help="Say what a checkpoint is and how to run it.")(inspect)
app.command(short_help="Write any checkpoint as safetensors.")(convert)
app.add_typer(data, name="data")
app.add_typer(prepare, name="prepare")
app.add_typer(runs, name="runs")
app.add_typer(models, name="models")
app.add_typer(plugins, name="plugins")
app.add_typer(kernels, name="kernels")
app.command(short_help="Look at this machine, kernels and plugins.")(doctor)


def main() -> None:
    """The console script: run the command of ``sys.argv`` and leave the process with its exit status."""
    try:
        app(prog_name="imtrans")
    except ImtransError as error:
        _fail(error)
    except OSError as error:  # a full disk, a folder without permission: the machine's trouble, and no bug
        where = f": {error.filename}" if error.filename else ""
        _fail(ImtransError(f"{error.strerror or error}{where}"))
    except Exception as bug:
        _report_bug(bug)
        sys.exit(BUG)


def _fail(error: ImtransError) -> NoReturn:
    if _debugging():
        traceback.print_exc()
    print_error(error)
    sys.exit(error.exit_status)


def _report_bug(bug: Exception) -> None:
    """One line for the user; the traceback goes where a report can be made from, however long the run was."""
    first_line = (str(bug).strip().splitlines() or ["no message"])[0]
    print(f"imtrans stopped on an error that it did not foresee: {type(bug).__name__}: {first_line}", file=sys.stderr)
    if _debugging():
        traceback.print_exception(bug)
        return
    try:
        with tempfile.NamedTemporaryFile("w", prefix="imtrans-", suffix=".log", delete=False, encoding="utf-8") as log:
            log.write(f"imtrans {__version__}\n{' '.join(sys.argv)}\n\n{''.join(traceback.format_exception(bug))}")
    except OSError:
        print("  Please report it with what IMTRANS_DEBUG=1 prints.", file=sys.stderr)
    else:
        print(f"  Please report it with the file {log.name} (IMTRANS_DEBUG=1 prints it instead).", file=sys.stderr)


def _debugging() -> bool:
    return os.environ.get("IMTRANS_DEBUG", "") not in ("", "0")
