"""``imtrans models`` and ``imtrans models show NAME``: what can be run and trained here."""

from __future__ import annotations

import dataclasses
import sys
from typing import Annotated, Any

import typer

from imtrans import config, registry
from imtrans.card import Card, Ref, Weights
from imtrans.cli.options import Json
from imtrans.cli.printing import print_heading, print_json, print_line, print_table
from imtrans.data.kind_names import KIND_WORDS
from imtrans.errors import ImtransError, PluginError

app = typer.Typer(invoke_without_command=True)


@app.callback()
def models(
    ctx: typer.Context,
    as_json: Json = False,
) -> None:
    """List the installed models.

    For example:

        imtrans models

        imtrans models show cyclegan
    """
    if ctx.invoked_subcommand is not None:
        return
    entries = registry.entries()
    rows = [(entry.label, entry.card) for entry in entries if entry.card is not None]
    if as_json:
        print_json([{"name": label, **_overview(card)} for label, card in rows])
    else:
        print_table(
            ("Model", "Task", "What it does", "Default weights", "Trainable"),
            [
                (label, card.task, card.summary, card.default_weights or "-", _yes(card.method is not None))
                for label, card in rows
            ],
            empty="No models are installed.",
        )
    if broken := len(entries) - len(rows):
        plugins = "1 plugin" if broken == 1 else f"{broken} plugins"
        print(f"{plugins} could not be loaded; 'imtrans plugins' says why.", file=sys.stderr)


@app.command(short_help="Show a model: weights, paper, every setting.")
def show(
    name: Annotated[str, typer.Argument(help="A model, as 'imtrans models' lists it.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Show a model's card: paper, licence, weights, and every setting with its default.

    For example:

        imtrans models show cyclegan

        imtrans models show cyclegan --json
    """
    card = registry.find(name)
    network = _settings(card, card.network_config)
    training = _settings(card, card.method_config) if card.method_config is not None else []
    if as_json:
        print_json(
            {
                "name": name,
                **_overview(card),
                **_descriptor(card),
                "data": _kind(card),
                "weights": [_weights_record(card, weights) for weights in card.weights],
                "network_settings": [_setting_record(setting) for setting in network],
                "training_settings": [_setting_record(setting) for setting in training],
            }
        )
        return
    print_line(f"{name}: {card.summary}\n")
    described = {**_descriptor(card), "learns from": _learns_from(card)}
    print_table(("", ""), [(title.replace("_", " "), _words(value)) for title, value in described.items() if value])
    _print_weights(card)
    _print_settings("Network settings", network)
    _print_settings("Training settings, for imtrans train --set KEY=VALUE", training)


# --- the card -------------------------------------------------------------------------------------------------------


def _overview(card: Card) -> dict[str, Any]:
    return {
        "task": card.task,
        "summary": card.summary,
        "default_weights": card.default_weights,
        "trainable": card.method is not None,
    }


def _descriptor(card: Card) -> dict[str, Any]:
    return {
        "task": card.task,
        "paper": card.paper,
        "licence": card.licence,
        "value_range": list(card.value_range),
        "channels": card.channels,
        "scale": card.scale,
        "norm_at_inference": card.norm_at_inference,
        "precisions": list(card.precisions),
        "heatmap": card.heatmap,
        "notes": card.notes,
    }


def _kind(card: Card) -> str | None:
    """The kind of data set that training expects; a card that leaves it away has its method imported for it."""
    if card.method is None or card.data is not None:
        return card.data
    try:
        return str(card.method.load().data)
    except Exception as error:  # the plugin's own code, imported here for the first time
        raise PluginError(
            f"the method of {card.name!r} cannot be read: {type(error).__name__}: {error}",
            hint="'imtrans plugins' tells which distribution the plugin comes from.",
        ) from error


def _learns_from(card: Card) -> str:
    kind = _kind(card)
    if kind is None or kind not in KIND_WORDS:
        return kind or ""
    words = KIND_WORDS[kind]
    return f"{kind}: {words.summary} ({words.batch}); imtrans data check DIR --model {card.name}"


# --- the weights ----------------------------------------------------------------------------------------------------


def _print_weights(card: Card) -> None:
    """The weights as a table; terms are long and shared by many, so the table numbers them and they follow it."""
    print_heading("Weights")
    licences = list(dict.fromkeys(weights.licence for weights in card.weights))
    rows = []
    for weights in card.weights:
        record = _weights_record(card, weights)
        name = f"{weights.name} (default)" if weights.name == card.default_weights else weights.name
        note = f"[{licences.index(weights.licence) + 1}]"
        rows.append((name, weights.summary, record["state"], _size(record["size"]), note))
    titles = ("Name", "What they do", "Where", "Size", "Licence")
    print_table(titles, rows, empty="None by name; give a file: --weights PATH.")
    for number, licence in enumerate(licences, start=1):
        print_line(f"[{number}] {licence}")


def _weights_record(card: Card, weights: Weights) -> dict[str, Any]:
    state, size = _whereabouts(card, weights)
    return {
        "name": weights.name,
        "summary": weights.summary,
        "licence": weights.licence,
        "state": state,
        "size": size,
        "file": weights.file,
        "url": weights.url,
        "sha256": weights.sha256,
    }


def _whereabouts(card: Card, weights: Weights) -> tuple[str, int | None]:
    """Where the weights are, in words, and their size in bytes if known."""
    from imtrans.weights import store

    if weights.file is not None:
        try:
            return "shipped", store.locate(card, weights.name).path.stat().st_size
        except ImtransError:
            return "missing from the plugin", weights.size
    if store.is_here(card, weights):
        return "cached", store.cached_path(card, weights).stat().st_size
    return "to be downloaded", weights.size


def _size(size: int | None) -> str:
    return "unknown" if size is None else f"{size / 1e6:.1f} MB"


# --- the settings ---------------------------------------------------------------------------------------------------


def _settings(card: Card, reference: Ref) -> list[config.Setting]:
    try:
        return config.describe(reference.load())
    except Exception as error:  # the plugin's own code, imported here for the first time
        raise PluginError(
            f"the settings of {card.name!r} cannot be read: {type(error).__name__}: {error}",
            hint="'imtrans plugins' tells which distribution the plugin comes from.",
        ) from error


def _print_settings(title: str, settings: list[config.Setting]) -> None:
    if settings:
        print_heading(title)
        rows = [(each.key, _default(each), each.type, each.help) for each in settings]
        print_table(("Setting", "Default", "Allowed", "Meaning"), rows)


def _default(setting: config.Setting) -> str:
    return "required" if setting.default is dataclasses.MISSING else _words(setting.default)


def _setting_record(setting: config.Setting) -> dict[str, Any]:
    required = setting.default is dataclasses.MISSING
    return {
        "key": setting.key,
        "type": setting.type,
        "required": required,
        "default": None if required else setting.default,
        "help": setting.help,
    }


def _words(value: Any) -> str:
    """A value as ``--set`` takes it."""
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(_words(item) for item in value) or "[]"
    return str(value)


def _yes(value: bool) -> str:
    return "yes" if value else "no"
