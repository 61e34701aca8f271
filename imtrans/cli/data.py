"""``imtrans data check DIR``: what a folder of pictures is, and what is wrong with it."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imtrans.cli.options import Json
from imtrans.cli.printing import print_heading, print_json, print_line, print_table
from imtrans.errors import ConfigError, ImtransError, InputError, UsageError, did_you_mean

if TYPE_CHECKING:
    from imtrans.card import Card
    from imtrans.data.survey import FolderSurvey, Survey

app = typer.Typer(no_args_is_help=True)

_SHOWN = 10
"""Rows of each list; --json has all of them."""


@app.callback()
def data() -> None:
    """Look at data sets."""


@app.command(short_help="Say what a folder of pictures is good for.")
def check(
    folder: Annotated[Path, typer.Argument(help="The folder that --data is to name.", show_default=False)],
    kind: Annotated[
        str | None, typer.Option("--kind", help="unpaired, paired, labels, single or classes.", show_default=False)
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="The model to train with it.", show_default=False)
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Read the headers of files only.")] = False,
    as_json: Json = False,
) -> None:
    """Say what a folder of pictures is good for, and which files are broken or lack a partner.

    Status 0 means that it can be trained with: by the model or as the kind that is named, or as any kind.

    For example:

        imtrans data check portraits/

        imtrans data check faces/ --model cyclegan
    """
    from imtrans.data.folders import check_folder
    from imtrans.data.kinds import KINDS, fitting
    from imtrans.data.survey import survey

    card = _trainable(model) if model is not None else None
    wanted = _wanted(kind, card, list(KINDS))
    check_folder(folder)
    fits = fitting(folder)
    candidates = [name for name, layout in fits.items() if isinstance(layout, str)]
    found = survey(folder, {*candidates, *([wanted] if wanted else [])}, quick=quick, ticker=_ticker(as_json))
    refusal = _refusal(folder, wanted, card, fits)
    next_commands = [] if refusal else _next_commands(folder, [wanted] if wanted else candidates, card)
    if as_json:
        print_json(_record(found, fits, wanted, refusal, next_commands))
    else:
        _print_survey(found, fits, next_commands)
        if refusal is None and not next_commands:
            print_line(f"\nNo installed model learns from the kind {wanted or ' or '.join(candidates)}.")
    if refusal is not None:
        raise refusal


def _trainable(model: str) -> Card:
    from imtrans import registry

    card = registry.find(model)
    if card.method is None:
        raise UsageError(
            f"the model {model!r} can be run, but not trained.", hint="'imtrans models' lists what can be trained."
        )
    return card


def _wanted(kind: str | None, card: Card | None, kinds: list[str]) -> str | None:
    """The kind that the folder is to be."""
    own = card.method.load().data if card is not None and card.method is not None else None
    if kind is not None and kind not in kinds:
        raise UsageError(
            f"there is no kind {kind!r}.", have=f"Kinds: {', '.join(kinds)}.", hint=did_you_mean(kind, kinds)
        )
    if kind is not None and own is not None and kind != own:
        assert card is not None
        raise UsageError(f"{card.name} learns from the kind {own!r}, not {kind!r}.", hint="Leave --kind away.")
    return kind or own


def _refusal(
    folder: Path, wanted: str | None, card: Card | None, fits: dict[str, str | InputError]
) -> ImtransError | None:
    """What training would say before it starts; None when it would start."""
    from imtrans.data.augmentation import Augmentation
    from imtrans.data.kinds import KINDS, open_data

    if wanted is None:
        if any(isinstance(layout, str) for layout in fits.values()):
            return None
        reasons = " ".join(
            f"{KINDS[name].name}: {error.what}" for name, error in fits.items() if not isinstance(error, str)
        )
        return InputError(
            "this is no data set of any kind.", have=reasons, hint="docs/data.md shows how each is laid out."
        )
    augmentation, classes = Augmentation(), None
    if card is not None and card.method is not None and card.method_config is not None:
        method = card.method.load()
        augmentation, classes = method.augmentation, method.classes(card.method_config.load()())
    try:
        open_data(KINDS[wanted].name, folder, augmentation, classes=classes)
    except (InputError, ConfigError) as error:
        return error
    return None


def _next_commands(folder: Path, kinds: list[str], card: Card | None) -> list[str]:
    """What to type next: a command for each model that learns from such a folder."""
    from imtrans import registry

    cards = [card] if card is not None else [each for _, each in sorted(registry.cards().items())]
    return [
        f"imtrans train {each.name} --data {folder} --output runs/{each.name}"
        for each in cards
        if _learns_from(each) in kinds
    ]


def _learns_from(card: Card) -> str | None:
    try:
        return str(card.method.load().data) if card.method is not None else None
    except Exception:  # a plugin that is broken has its row in 'imtrans plugins'
        return None


def _ticker(as_json: bool) -> Any:
    """A progress bar on a terminal."""
    if as_json or not sys.stderr.isatty():
        return None
    from rich.console import Console
    from rich.progress import track

    def ticker(found: Iterable[Any], total: int) -> Iterable[Any]:
        return track(found, "Reading", total=total, console=Console(stderr=True), transient=True)

    return ticker


# --- what is printed --------------------------------------------------------------------------------------------------


def _print_survey(found: Survey, fits: dict[str, str | InputError], commands: list[str]) -> None:
    print_line(f"{found.root}: {found.count} pictures")
    rows = [_row(folder) for folder in found.folders[:_SHOWN]]
    if rows:
        print()
        print_table(("Folder", "Pictures", "Width", "Height", "Modes"), rows)
    if len(found.folders) > _SHOWN:
        print_line(f"… and {len(found.folders) - _SHOWN} more folders")
    for sentence in found.idx:
        print_line(sentence)
    if found.labels:
        counts = found.labels
        unknown = f"{counts['with_unknown']} hold 255 (unknown)"
        print_line(f"\n{counts['maps']} label maps with {counts['classes']} classes; {unknown}")
    print_heading("What it may be")
    print_table(
        ("Kind", "Fits", "How, or why not"),
        [
            (name, "yes" if isinstance(layout, str) else "no", layout if isinstance(layout, str) else layout.what)
            for name, layout in fits.items()
        ],
    )
    _print_trouble(found)
    if commands:
        print_heading("Next")
        for command in commands:
            print_line(command)


def _print_trouble(found: Survey) -> None:
    if found.broken:
        print_heading(f"Broken: {len(found.broken)}; training leaves them out")
        _print_some(list(found.broken.values()))
    if found.unmatched:
        print_heading("Without a partner")
        for folder, names in found.unmatched.items():
            print_line(f"only in {folder}/: {len(names)}")
            _print_some([f"  {name}" for name in names])
    if found.duplicates:
        print_heading(f"The same file more than once: {len(found.duplicates)}")
        _print_some([" = ".join(group[:4]) + (" …" if len(group) > 4 else "") for group in found.duplicates])


def _print_some(lines: list[str]) -> None:
    for line in lines[:_SHOWN]:
        print_line(line)
    if len(lines) > _SHOWN:
        print_line(f"… and {len(lines) - _SHOWN} more; --json lists all")


def _row(folder: FolderSurvey) -> tuple[str, ...]:
    modes = ", ".join(f"{number} {mode}" for mode, number in folder.modes.items())
    return folder.name, str(folder.count), _spread(folder.widths), _spread(folder.heights), modes


def _spread(values: tuple[int, int, int] | None) -> str:
    if values is None:
        return "-"
    return str(values[0]) if values[0] == values[2] else "{} / {} / {}".format(*values)


def _record(
    found: Survey,
    fits: dict[str, str | InputError],
    wanted: str | None,
    refusal: ImtransError | None,
    commands: list[str],
) -> dict[str, Any]:
    return {
        "folder": str(found.root),
        "pictures": found.count,
        "folders": [dataclasses.asdict(folder) for folder in found.folders],
        "idx": found.idx,
        "kinds": {
            name: {"fits": True, "layout": layout}
            if isinstance(layout, str)
            else {"fits": False, "reason": layout.what}
            for name, layout in fits.items()
        },
        "wanted": wanted,
        "ready": refusal is None,
        "broken": found.broken,
        "unmatched": found.unmatched,
        "labels": found.labels,
        "duplicates": found.duplicates,
        "next": commands,
    }
