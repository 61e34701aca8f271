"""``imtrans runs``: look at training runs, finished, stopped or under way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imtrans.cli.options import Json
from imtrans.cli.printing import print_heading, print_json, print_line, print_table

if TYPE_CHECKING:
    from imtrans.train.history import Run

app = typer.Typer(no_args_is_help=True)

Curves = Annotated[Path | None, typer.Option(help="Draw the losses and metrics into this PNG.", show_default=False)]
Samples = Annotated[Path | None, typer.Option(help="Put samples side by side into this PNG.", show_default=False)]


@app.callback()
def runs() -> None:
    """Look at training runs, finished, stopped or under way.

    For example:

        imtrans runs list runs

        imtrans runs compare runs/p1 runs/p2 --curves curves.png
    """


@app.command(name="list")
def list_runs(
    folder: Annotated[Path, typer.Argument(help="The folder that your runs are in.")] = Path("runs"),
    as_json: Json = False,
) -> None:
    """List the runs in a folder with how far they are."""
    from imtrans.train.history import runs_in

    found = runs_in(folder)
    if as_json:
        print_json([_record(run) for run in found])
        return
    rows = [(run.name, run.model, _progress(run), _values(run.losses), _best(run)) for run in found]
    print_table(("Run", "Model", "Steps", "Losses", "Best"), rows, empty=f"{folder} holds no runs.")


@app.command()
def show(
    run: Annotated[Path, typer.Argument(help="Folder of a run.", show_default=False)],
    curves: Curves = None,
    samples: Samples = None,
    as_json: Json = False,
) -> None:
    """Show one run: its settings, its last numbers, its checkpoints.

    For example:

        imtrans runs show runs/p1 --curves curves.png --samples samples.png
    """
    from imtrans.train.charts import draw_curves, draw_strip, spread
    from imtrans.train.history import read_run

    found = read_run(run)
    written = []
    if curves is not None:
        written.append(_write(draw_curves({found.name: found.curves()}), curves))
    if samples is not None:
        grids = {f"step {step}": found.samples[step] for step in spread(list(found.samples), 4)}
        written.append(_write(draw_strip(grids), samples))
    if as_json:
        print_json({**_record(found), "settings": found.settings, "written": written})
        return
    print_line(f"{found.root}: {found.model}, step {_progress(found)}")
    for title, values in (("Losses", found.losses), ("Metrics", found.metrics)):
        if values:
            print_heading(title)
            print_table(("", ""), [(name, f"{value:.4g}") for name, value in values.items()])
    print_heading("Settings")
    print_table(("", ""), list(_flat(found.settings).items()))
    print_heading("Checkpoints")
    print_line(", ".join(map(str, found.checkpoints)) or "none")
    if found.best:
        print_line(f"the best: {_best(found)}")
    for path in written:
        print_line(f"wrote {path}")


@app.command(short_help="Compare runs: where they differ, and how far.")
def compare(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.", show_default=False)],
    curves: Curves = None,
    samples: Samples = None,
    as_json: Json = False,
) -> None:
    """Compare runs: the settings in which they differ, and their last numbers.

    For example:

        imtrans runs compare runs/p1 runs/p2 --curves curves.png --samples samples.png
    """
    from imtrans.train.charts import draw_curves, draw_strip, spread, stack
    from imtrans.train.history import read_run

    found = _named([read_run(folder) for folder in folders])
    written = []
    if curves is not None:
        written.append(_write(draw_curves({name: run.curves() for name, run in found.items()}), curves))
    if samples is not None:
        strips = []
        for name, run in found.items():
            steps = spread(list(run.samples), 3)
            strips.append(draw_strip({f"{name}, step {step}": run.samples[step] for step in steps}))
        written.append(_write(stack(strips), samples))
    differences = _differences(found)
    if as_json:
        records = {name: _record(run) for name, run in found.items()}
        print_json({"runs": records, "differences": differences, "written": written})
        return
    rows = [("step", *(_progress(run) for run in found.values())), *((key, *row) for key, row in differences.items())]
    print_table(("Settings", *found), rows)
    for title, tables in (
        ("Losses", [run.losses for run in found.values()]),
        ("Metrics", [run.metrics for run in found.values()]),
    ):
        names = dict.fromkeys(name for table in tables for name in table)
        if names:
            print()
            cells = [(name, *(f"{t[name]:.4g}" if name in t else "-" for t in tables)) for name in names]
            print_table((title, *found), cells)
    for path in written:
        print_line(f"wrote {path}")


def _named(runs: list[Run]) -> dict[str, Run]:
    """The runs by name, or by path where two have the same name."""
    names = [run.name for run in runs]
    return {run.name if names.count(run.name) == 1 else str(run.root): run for run in runs}


def _differences(runs: dict[str, Run]) -> dict[str, list[str]]:
    """The settings that are not the same in all, each with its value in every run."""
    tables = [_flat(run.settings) for run in runs.values()]
    keys = dict.fromkeys(key for table in tables for key in table)
    rows = {key: [table.get(key, "-") for table in tables] for key in keys}
    return {key: row for key, row in rows.items() if len(set(row)) > 1}


def _flat(table: dict[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = str(value).lower() if isinstance(value, bool) else str(value)
    return flat


def _progress(run: Run) -> str:
    train = run.settings.get("train")
    total = train.get("steps") if isinstance(train, dict) else None
    return f"{run.step}/{total}" if isinstance(total, int) else str(run.step)


def _best(run: Run) -> str:
    return "{metric}={value:.4g} at {step}".format(**run.best) if run.best else ""


def _values(values: dict[str, float]) -> str:
    return " ".join(f"{name}={value:.3g}" for name, value in values.items())


def _record(run: Run) -> dict[str, Any]:
    return {
        "run": str(run.root),
        "model": run.model,
        "step": run.step,
        "losses": run.losses,
        "metrics": run.metrics,
        "images_per_second": run.speed,
        "checkpoints": list(run.checkpoints),
        "best": run.best,
    }


def _write(picture: Any, path: Path) -> str:
    from imtrans.data.picture import write_picture

    write_picture(picture, path)
    return str(path)
