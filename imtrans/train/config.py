"""Settings of a training run that do not depend on the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imtrans.data.cache import parse_bytes


@dataclass(frozen=True)
class TrainConfig:
    """How long, how much at once, how often to report."""

    epochs: int = 200
    """Rounds through the larger folder; counts only where steps is none."""
    steps: int | None = None
    """Training steps in all, instead of epochs."""
    batch_size: int = 1
    """Pictures of each domain in a step."""
    decay_from: float = 0.5
    """Share of the run after which the learning rate falls linearly to zero."""
    seed: int = 0
    """Of initial weights, order, augmentation, dropout and pools."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """bf16 computes under autocast with weights in fp32; auto takes it where the hardware computes in it."""
    backend: Literal["auto", "fused", "reference"] = "auto"
    """Who computes the operators: fused kernels where they fit, fused ones only, or plain PyTorch."""
    workers: int = 1
    """Processes that read pictures; 0 reads in the training process."""
    prefetch: int = 4
    """Batches that each of these processes reads ahead."""
    cache: str = "0"
    """Memory for decoded pictures, such as 2GB, for all processes together; 0 decodes each picture every time."""
    log_every: int = 50
    """Steps between two lines of log.jsonl."""
    sample_every: int = 500
    """Steps between two grids of samples."""
    checkpoint_every: int = 500
    """Steps between two checkpoints."""
    keep: int = 3
    """Checkpoints to keep; the oldest go first."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "log_every", "sample_every", "checkpoint_every", "keep", "prefetch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"steps must be at least 1, not {self.steps}")
        if self.workers < 0:
            raise ValueError(f"workers must not be negative, not {self.workers}")
        parse_bytes(self.cache)
        if not 0 <= self.decay_from <= 1:
            raise ValueError(f"decay_from must lie in 0..1, not be {self.decay_from}")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed must lie in 0..2^63-1, not be {self.seed}")

    @property
    def cache_bytes(self) -> int:
        """``cache`` in bytes."""
        return parse_bytes(self.cache)

    def total_steps(self, round_length: int) -> int:
        """Steps of the whole run over a data set with ``round_length`` items in a round."""
        return self.steps if self.steps is not None else -(-self.epochs * round_length // self.batch_size)

    def learning_rate_factor(self, step: int, total: int) -> float:
        """What the learning rate is multiplied by in ``step`` (from 0): 1, then linearly down to almost 0.

        The authors' ``lambda_rule``, 1 - max(0, t + 1 - constant) / (decaying + 1), counted in steps, not in epochs.
        """
        constant = round(self.decay_from * total)
        return 1.0 - max(0, step + 1 - constant) / (total - constant + 1)
