"""``imtrans.load``: a model by its name, as what its card says that it is."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch

from imtrans import registry
from imtrans.card import Card
from imtrans.errors import UsageError
from imtrans.infer import generator, translator
from imtrans.infer.generator import Generator
from imtrans.infer.translator import Translator
from imtrans.weights.choosing import choose
from imtrans.weights.download import Progress


def load(
    name: str | Card | None = None,
    *,
    weights: str | Path | None = None,
    device: str | torch.device = "auto",
    precision: str = "auto",
    backend: str = "auto",
    norm: Literal["auto", "eval", "train"] = "auto",
    sample_noise: bool | None = None,
    seed: int = 0,
    offline: bool = False,
    progress: Progress | None = None,
) -> Translator | Generator:
    """Load a model with its weights: a Translator, or for a card with ``task="generate"`` a Generator.

    Without a ``name``, the weights say which model they are of; where several fit, the error lists them
    (:func:`imtrans.weights.choosing.choose`).

    Args and errors are those of :func:`imtrans.infer.translator.load` and
    :func:`imtrans.infer.generator.load_generator`; ``norm``, ``sample_noise`` and ``seed`` are a translator's alone.
    """
    if name is None:
        if weights is None:
            raise UsageError("neither a model nor weights were given.", hint="Type imtrans.load('cyclegan').")
        card, weights = choose(weights)
    else:
        card = name if isinstance(name, Card) else registry.find(name)
    if card.task == "translate":
        return translator.load(
            card,
            weights=weights,
            device=device,
            precision=precision,
            backend=backend,
            norm=norm,
            sample_noise=sample_noise,
            seed=seed,
            offline=offline,
            progress=progress,
        )
    if norm != "auto" or sample_noise is not None or seed:
        raise UsageError(
            f"norm, sample_noise and seed are for models that translate; {card.name!r} generates.",
            hint="Seeds are given at each call: generator(seeds=[0, 1]).",
        )
    return generator.load_generator(
        card,
        weights=weights,
        device=device,
        precision=precision,
        backend=backend,
        offline=offline,
        progress=progress,
    )
