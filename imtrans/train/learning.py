"""One phase takes one step: its losses on every portion of the batch, one gradient, one update."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from imtrans.train.config import TrainConfig
from imtrans.train.engine import Engine
from imtrans.train.freezing import learning_only
from imtrans.train.method import Phase, Step
from imtrans.train.optimise import flattened, lay_alike, parameters_of, tune


def learn(
    phase: Phase,
    optimiser: torch.optim.Optimizer,
    portions: Sequence[Step],
    networks: nn.ModuleDict,
    engine: Engine,
    train: TrainConfig,
    total: int,
) -> dict[str, Tensor]:
    """Run ``phase`` once on the portions of one batch and update what it learns.

    The gradient is that of the mean over the portions and over the processes: of the whole batch, for losses that are
    means over pictures. Statistics over a batch (batch norm) are those of a portion.

    Returns:
        The losses by name, detached, each the mean over this process's portions.
    """
    schedule = phase.schedule or train.learning_rate
    tune(optimiser, phase, schedule.factor(portions[0].index, total))
    optimiser.zero_grad(set_to_none=True)
    means: dict[str, Tensor] = {}
    with learning_only(networks, phase):
        for portion in portions:
            losses = _differentiate(phase, portion, engine, len(portions))
            for name, loss in losses.items():
                means[name] = means[name] + loss if name in means else loss
        parameters = parameters_of(phase)
        engine.ranks.average_gradients(parameters)
    largest = train.clip_norm if phase.clip_norm is None else phase.clip_norm
    if largest > 0:
        engine.clip(optimiser, parameters, largest)
    lay_alike(optimiser)
    with flattened(optimiser):
        engine.step(optimiser)
    if phase.after is not None:
        with torch.no_grad():
            phase.after()
    return means


def _differentiate(phase: Phase, portion: Step, engine: Engine, count: int) -> dict[str, Tensor]:
    """Add the portion's part to the gradients, and give its losses over the number of portions."""
    with engine.autocast(), eager(phase.second_order):
        losses = phase.loss(portion)
        total = torch.stack([loss.float() for loss in losses.values()]).sum() / count
    engine.backward(total)
    return {name: loss.detach() / count for name, loss in losses.items()}


def eager(wanted: bool = True) -> contextlib.AbstractContextManager[Any]:
    """A context in which compiled networks run uncompiled, where ``wanted``."""
    return torch.compiler.set_stance("force_eager") if wanted else contextlib.nullcontext()


def in_portions(batch: Mapping[str, Tensor], count: int) -> list[dict[str, Tensor]]:
    """The batch as ``count`` equal runs of its items."""
    if count == 1:
        return [dict(batch)]
    parts = {name: tensor.chunk(count) for name, tensor in batch.items()}
    return [{name: chunks[place] for name, chunks in parts.items()} for place in range(count)]
