"""``imtrans plugins`` and ``imtrans plugins new NAME``: what is registered, what is broken, and how to write one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imtrans import registry
from imtrans.cli import scaffold
from imtrans.cli.options import Json
from imtrans.cli.printing import print_json, print_table

app = typer.Typer(invoke_without_command=True)


@app.callback()
def plugins(
    ctx: typer.Context,
    as_json: Json = False,
) -> None:
    """List every registered plugin, broken ones with the reason.

    For example:

        imtrans plugins

        imtrans plugins new mymodel --output ~/src
    """
    if ctx.invoked_subcommand is not None:
        return
    entries = registry.entries()
    if as_json:
        print_json([_record(entry) for entry in entries])
        return
    print_table(
        ("Plugin", "Distribution", "Version", "Status"),
        [(entry.name, entry.distribution, entry.version, _status(entry)) for entry in entries],
        empty="No plugins are registered.",
    )


@app.command(short_help="Write a small plugin as a start for yours.")
def new(
    name: Annotated[str, typer.Argument(help="The model's name: lower-case letters, digits, '-' and '_'.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to make the distribution in.")] = Path(),
) -> None:
    """Write a small plugin that runs, trains and passes its tests: a start for your own.

    For example:

        imtrans plugins new mymodel --output ~/src
    """
    root = scaffold.write(name, output)
    print(f"Wrote the plugin {name!r} to {root}.")
    print(f"  Install it:    pip install -e {root}")
    print(f"  Test it:       pytest {root}")
    print(f"  Train it:      imtrans train {name} --data FOLDER --output RUN   (FOLDER holds trainA/ and trainB/)")


def _status(entry: registry.Entry) -> str:
    if entry.card is None:
        return f"broken: {entry.reason}"
    return f"name shared: {entry.reason}" if entry.reason else "ok"


def _record(entry: registry.Entry) -> dict[str, object]:
    return {
        "name": entry.name,
        "distribution": entry.distribution,
        "version": entry.version,
        "target": entry.target,
        "status": "broken" if entry.card is None else "shared" if entry.reason else "ok",
        "reason": entry.reason,
    }
