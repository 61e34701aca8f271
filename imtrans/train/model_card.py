"""The model card of an exported network: what it is, what it learnt from, and how to train it again.

It travels in the metadata of the safetensors file, under ``model_card`` as Markdown and under ``recipe`` as the TOML of
the run, so that a file that has lost its folder still says where it comes from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tomli_w

from imtrans.config import read_toml
from imtrans.errors import ConfigError
from imtrans.train.evaluation import read_best
from imtrans.train.history import read_log
from imtrans.train.translators import GENERATES, TranslatorFile
from imtrans.version import __version__

_CARD = """\
# {model}, {direction}

A network of the model `{model}` that {does}, trained with imtrans {version}.

- Weights: {weights} after {step} steps, stored in {precision}
- Training pictures: {pictures}
- Licence: {licence}
{numbers}
To use it: `{use}`.
To train it again: save the metadata entry `recipe` as config.toml, then
`imtrans train {model} --config config.toml --data FOLDER --output RUN`.

{limits} It was not tested for
any other use.
"""
_NO_LICENCE = "whoever passes this file on states it; the pictures it learnt from may bind it"
_TRANSLATES = "It does to a picture what it saw in its training pictures, and invents where they say nothing."
_INVENTS = "Its pictures are inventions in the likeness of its training pictures, and may come close to some of them."


def card_metadata(
    run: Path, file: TranslatorFile, precision: str, *, pictures: str | None = None, licence: str | None = None
) -> dict[str, str]:
    """``model_card`` and ``recipe`` for the metadata of an exported file, and ``licence`` where there is one.

    A run whose config.toml is missing or damaged has a card that says less.

    Args:
        run: the folder of the run.
        file: the network that is exported.
        precision: what it is stored in.
        pictures: what it learnt from; None says the name of the folder.
        licence: the terms of the weights; None leaves them open.
    """
    try:
        settings = read_toml(run / "config.toml")
    except ConfigError:
        settings = {}
    # The folder's path says more of the machine than of the pictures.
    settings = {**settings, "data": Path(str(settings.get("data", ""))).name}
    if isinstance(train := settings.get("train"), dict) and train.get("init_from"):
        settings["train"] = {**train, "init_from": Path(str(train["init_from"])).name}
    model, generates = settings.get("model", "?"), file.direction == GENERATES
    card = _CARD.format(
        model=model,
        does="generates pictures" if generates else f"translates {file.direction}",
        use=f"imtrans generate {model} --weights FILE --seeds 0-15"
        if generates
        else f"imtrans run {model} --weights FILE --input PICTURE",
        limits=_INVENTS if generates else _TRANSLATES,
        direction=file.direction,
        version=__version__,
        weights="the running average of the weights" if file.averaged else "the weights",
        step=file.step,
        precision=precision,
        pictures=pictures or f"the folder `{settings['data'] or 'unknown'}`",
        licence=licence or _NO_LICENCE,
        numbers="".join(f"- {line}\n" for line in _numbers(run, file.step)),
    )
    return {"model_card": card, "recipe": tomli_w.dumps(settings), **({"licence": licence} if licence else {})}


def _numbers(run: Path, step: int) -> list[str]:
    """The last losses and metrics up to ``step``, as sentences without a full stop."""
    records = [record for record in read_log(run / "log.jsonl") if record.step <= step]
    lines = []
    for what, tables in (("Losses", [r.losses for r in records]), ("Metrics", [r.metrics for r in records])):
        last = {name: value for table in tables for name, value in table.items()}
        if last:
            lines.append(f"{what}: {_listed(last)}")
    best = read_best(run / "checkpoints")
    return [*lines, *([f"The best of its run by {best.metric}"] if best and best.step == step else [])]


def _listed(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())
