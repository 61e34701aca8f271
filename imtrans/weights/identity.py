"""Which model and configuration a weights file of ours says it holds.

A safetensors file carries text by key. Under ``"imtrans"`` ours have one JSON object,
``{"model": "cyclegan", "config": {...}}``, so that nothing has to be guessed from the tensors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imtrans.config import to_dict
from imtrans.errors import WeightsError

KEY = "imtrans"
"""The key of the safetensors metadata that holds the identity."""


@dataclass(frozen=True)
class Identity:
    """What a weights file holds."""

    model: str
    """The name of the model's card."""
    config: Mapping[str, Any]
    """The configuration of the network, as plain data."""


def metadata_for(model: str, config: object, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Metadata for :func:`imtrans.weights.writer.save`.

    Args:
        model: the name of the model's card.
        config: an instance of the card's ``network_config``.
        extra: further text by key, such as a licence or the training command.
    """
    identity = {"model": model, "config": to_dict(config)}
    return {**(extra or {}), KEY: json.dumps(identity, sort_keys=True)}


def identity_in(metadata: Mapping[str, str], where: object) -> Identity | None:
    """What the ``metadata`` of the file ``where`` says of it, or None where it says nothing.

    Raises:
        WeightsError: there is an identity, and it is not of the form above.
    """
    text = metadata.get(KEY)
    if text is None:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{where}: its {KEY!r} metadata is not JSON ({error}).") from error
    model = found.get("model") if isinstance(found, dict) else None
    config = found.get("config") if isinstance(found, dict) else None
    if not isinstance(model, str) or not isinstance(config, dict):
        raise WeightsError(f"{where}: its {KEY!r} metadata lacks a model's name or a configuration.")
    return Identity(model, config)
