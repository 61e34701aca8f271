"""``imtrans kernels build``, ``list`` and ``clean``: the native kernels and their cache."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imtrans.cli.options import Json
from imtrans.cli.printing import print_json, print_table

if TYPE_CHECKING:
    from imtrans.ops.build import Built

app = typer.Typer(help="Build and manage the native kernels.", no_args_is_help=True)


@app.command()
def build(
    force: Annotated[bool, typer.Option("--force", help="Build again what is built already.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show every compiler command and its output.")
    ] = False,
    cuda: Annotated[
        bool | None,
        typer.Option(
            "--cuda/--no-cuda", help="CUDA kernels too, or none.", show_default="where torch and nvcc have it"
        ),
    ] = None,
) -> None:
    """Compile the native kernels for this machine into the cache.

    Needs a C++ compiler and takes about a minute. The variable MAX_JOBS limits how many compilers run at once.
    """
    from imtrans.ops.build import build as build_kernels
    from imtrans.ops.build import find_library

    path = build_kernels(verbose=verbose, force=force, cuda=cuda, report=_progress)
    print(path)
    used = find_library()
    if used is not None and used.path != path:
        _progress(f"imtrans goes on using {used.path}, which fits as well")


@app.command("list")
def list_built(as_json: Json = False) -> None:
    """List the native libraries of this machine, and which one is used."""
    from imtrans.ops.build import cache_folder, cached, find_library, shipped_library, why_no_library

    used = find_library()
    shipped = shipped_library()
    libraries = ([(shipped, "ahead of time")] if shipped else []) + [(built, "on demand") for built in cached()]
    rows = [_row(built, kind, in_use=used is not None and built.path == used.path) for built, kind in libraries]
    if as_json:
        print_json({"libraries": rows, "cache": str(cache_folder()), "why_none": None if used else why_no_library()})
        return
    titles = ("Key", "Built", "In use", "torch", "CUDA", "Size", "When", "Path")
    print_table(titles, [_cells(row) for row in rows], empty=f"No native library in {cache_folder()}.")
    if used is None:
        print(f"None is used: {why_no_library()} Build one: imtrans kernels build.")


@app.command(short_help="Remove every library from the cache.")
def clean() -> None:
    """Remove every library, log and remains of builds from the cache; the one inside the package stays."""
    from imtrans.ops.build import cache_folder
    from imtrans.ops.build import clean as clean_cache

    removed = clean_cache()
    for path in removed:
        print(f"removed {path}")
    if not removed:
        print(f"{cache_folder()} is clean already.")


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _row(built: Built, kind: str, in_use: bool) -> dict[str, Any]:
    made = datetime.fromtimestamp(built.path.stat().st_mtime).astimezone()
    return {
        "kind": kind,
        "in_use": in_use,
        "path": str(built.path),
        "bytes": built.size,
        "built": made.isoformat(timespec="seconds"),
        **built.recipe.to_json(),
    }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        row["key"],
        row["kind"],
        "yes" if row["in_use"] else "no",
        row["torch"],
        row["cuda"] or "-",
        f"{row['bytes'] / 1024:.0f} KiB",
        row["built"].replace("T", " ")[:16],
        row["path"],
    )
