"""What the files of a checkpoint say of themselves, so that one of them is all that ``imtrans run`` needs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from imtrans import config
from imtrans.errors import TrainingError
from imtrans.weights.identity import KEY

GENERATES = "generator"
"""What stands for a direction where the network generates pictures instead of translating them."""


@dataclass(frozen=True)
class TranslatorFile:
    """A trained network in a checkpoint, one that is run: a translator or a generator."""

    path: Path
    direction: str
    step: int
    averaged: bool
    """Whether it holds the running average of the weights."""
    metadata: dict[str, str]
    """Of the safetensors file, as :func:`translator_metadata` made it."""


def translator_metadata(
    model: str, network_config: Any, direction: str, step: int, *, averaged: bool = False
) -> dict[str, str]:
    """Metadata of the file of a translator.

    Args:
        model: the card's name.
        network_config: an instance of the card's ``network_config``.
        direction: what it translates, such as ``"a2b"``.
        step: training steps behind it.
        averaged: whether it holds the running average of the weights.
    """
    identity = {"model": model, "config": config.to_dict(network_config), "direction": direction, "step": step}
    return {KEY: json.dumps({**identity, "averaged": True} if averaged else identity)}


def translators_in(checkpoint: Path, *, averaged: bool = True) -> dict[str, TranslatorFile]:
    """The translators of a checkpoint by direction, in alphabetical order; only headers are read.

    Args:
        checkpoint: the folder.
        averaged: prefer the running average of the weights, where the run kept one, to the weights themselves.

    Raises:
        TrainingError: a file is damaged.
    """
    found: dict[str, TranslatorFile] = {}
    for path in sorted(checkpoint.glob("*.safetensors")):
        try:
            with safe_open(path, framework="pt") as file:
                metadata = dict(file.metadata() or {})
            identity = json.loads(metadata.get(KEY, "{}"))
            if "direction" in identity:
                name, is_average = str(identity["direction"]), bool(identity.get("averaged", False))
                if name not in found or is_average == averaged:
                    step = int(identity.get("step", 0))
                    found[name] = TranslatorFile(path, name, step, is_average, metadata)
        except (OSError, ValueError, TypeError, SafetensorError) as error:
            raise TrainingError(
                f"{path} cannot be read: {str(error).rstrip('.')}.",
                have="It is damaged, or was not written by imtrans train.",
                hint="Take another checkpoint: --step N.",
            ) from error
    return dict(sorted(found.items()))
