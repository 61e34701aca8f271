"""How good are the translators by now? The hook for a judge, and the checkpoint that it likes best."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from imtrans.card import Card
from imtrans.data.atomic import atomic_file
from imtrans.data.pixels import luma
from imtrans.errors import ConfigError, did_you_mean
from imtrans.train.checkpoint import checkpoints, step_of

BEST = "best.json"

Translate = Callable[[Tensor], Tensor]
"""Pictures (N, 3, H, W), RGB from 0 to 1 in; float pictures of the same kind, H and W times the scale, out."""


class Evaluator(Protocol):
    """Measures translators on pictures of its own; made before training and called at every evaluation."""

    @property
    def higher_is_better(self) -> Mapping[str, bool]:
        """For every number that a call gives, by its name, whether more of it is better."""

    def __call__(self, translators: Mapping[str, Translate]) -> dict[str, float]:
        """Named numbers, such as ``{"a2b/kid": 0.031}``, of the translators by direction (``"a2b"``)."""


@dataclass(frozen=True)
class Best:
    """The checkpoint with the best number so far."""

    step: int
    metric: str
    value: float


def check_metric(evaluator: Evaluator | None, every: int, metric: str) -> None:
    """Refuse a metric that nobody measures.

    Raises:
        ConfigError: nobody does; the message names those that exist.
    """
    if evaluator is None and every:
        raise ConfigError(
            "nothing evaluates this run.",
            have="Evaluation needs pictures that the training does not see.",
            hint="Leave train.evaluate_every and train.best_metric away, or give the trainer an evaluator.",
        )
    if evaluator is not None and metric and metric not in evaluator.higher_is_better:
        known = sorted(evaluator.higher_is_better)
        raise ConfigError(
            f"there is no metric {metric!r} for train.best_metric.",
            have=f"Measured are: {', '.join(known)}. {did_you_mean(metric, known)}".strip(),
            hint=f"Type one of them: --set train.best_metric={next(iter(known), 'NAME')}.",
        )


def read_best(folder: Path) -> Best | None:
    """The best checkpoint in a run's ``checkpoints`` folder; None where none was chosen, or it is gone."""
    try:
        found = json.loads((folder / BEST).read_bytes())
        best = Best(int(found["step"]), str(found["metric"]), float(found["value"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return best if any(step_of(path) == best.step for path in checkpoints(folder)) else None


def write_best(folder: Path, best: Best) -> None:
    """Note which checkpoint is the best; it has to be there already.

    Raises:
        OSError: the disk refuses.
    """
    with atomic_file(folder / BEST) as file:
        file.write(json.dumps(asdict(best)).encode())


def is_better(best: Best, before: Best | None, *, higher: bool) -> bool:
    """Whether ``best`` beats the one before; a NaN beats nothing, and another metric's number does not count."""
    if best.value != best.value:
        return False
    if before is None or before.metric != best.metric:
        return True
    return best.value > before.value if higher else best.value < before.value


def as_translate(network: nn.Module, card: Card, device: torch.device) -> Translate:
    """A network in the card's value range and channels as a function on RGB pictures from 0 to 1, on any device."""
    low, high = card.value_range

    def translate(pictures: Tensor) -> Tensor:
        x = pictures.to(device)
        x = x.flip(1) if card.channels == "BGR" else x
        if card.channels == "L":
            x = luma(x)
        # With batch statistics, the other pictures of a batch would change the result.
        portions = x.split(1 if card.norm_at_inference == "train" else max(1, len(x)))
        y = torch.cat([network(portion * (high - low) + low).float() for portion in portions])
        y = ((y - low) / (high - low)).clamp(0, 1)
        y = y.flip(1) if card.channels == "BGR" else y
        return (y.expand(-1, 3, -1, -1) if card.channels == "L" else y).to(pictures.device)

    return translate
