"""Settings of a training run that do not depend on the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from imtrans.data.cache import parse_bytes
from imtrans.train.schedule import Schedule

if TYPE_CHECKING:
    from imtrans.train.ema import Decay


@dataclass(frozen=True)
class TrainConfig:
    """How long, how much at once, how precisely, how often to report."""

    epochs: int = 200
    """Rounds through the larger folder; counts only where steps is none."""
    steps: int | None = None
    """Training steps in all, instead of epochs."""
    batch_size: int = 1
    """Pictures of each domain in a step, over all devices and portions."""
    accumulate: int = 1
    """Portions in which a step's batch is computed one after the other, for batches that do not fit into memory."""
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    """How the learning rate falls from decay_from on."""
    decay_from: float = 0.5
    """Share of the run after which the learning rate falls to zero."""
    warmup: int = 0
    """Steps in which the learning rate rises from zero."""
    clip_norm: float = 0.0
    """Largest norm of a phase's gradient; 0 lets any pass."""
    ema: float = 0.0
    """Share of the running average of the translators' weights that each step leaves, such as 0.999; 0 keeps none."""
    ema_half_life: float = 0.0
    """Instead of ema: pictures after which half of the average is new; 0 keeps none."""
    ema_ramp_up: float = 0.0
    """With ema_half_life: it is at most this share of the pictures seen so far; 0 for no such bound."""
    seed: int = 0
    """Of initial weights, order, augmentation, dropout and pools."""
    init_from: str = ""
    """A run, a checkpoint or a file of weights to start from instead of random weights."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """bf16 and fp16 compute under autocast with weights in fp32; auto takes bf16 where the hardware computes in it."""
    backend: Literal["auto", "fused", "reference"] = "auto"
    """Who computes the operators: fused kernels where they fit, fused ones only, or plain PyTorch."""
    compile: bool = False
    """Let torch.compile make code of the networks."""
    channels_last: bool = True
    """Keep pictures and weights in NHWC order, the fast one."""
    workers: int = 1
    """Processes that read pictures, for each device; 0 reads in the training process."""
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
    """Checkpoints to keep; the oldest go first, the best never."""
    evaluate_every: int = 0
    """Steps between two evaluations; 0 for none."""
    metrics: str = ""
    """What is evaluated, with commas, as imtrans evaluate names it; empty: kid for sets, psnr,ssim,l1 for pairs."""
    evaluate_limit: int = 50
    """Held-out pictures of each domain that are evaluated, the first ones."""
    evaluate_features: str = "inception"
    """Network of KID and FID: inception, a file of its weights, or MODULE:NAME."""
    best_metric: str = ""
    """The metric whose best checkpoint is kept, by its name in the log such as a2b/kid; empty keeps none."""
    tensorboard: bool = True
    """Write TensorBoard events, where its library is installed."""
    wandb: str = ""
    """The Weights & Biases project to report to as well; empty for none."""

    def __post_init__(self) -> None:
        every = ("log_every", "sample_every", "checkpoint_every")
        for name in ("epochs", "batch_size", "accumulate", "prefetch", "evaluate_limit", *every, "keep"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"steps must be at least 1, not {self.steps}")
        for name in ("workers", "evaluate_every"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, not {getattr(self, name)}")
        if not 0 <= self.clip_norm < float("inf"):
            raise ValueError(f"clip_norm must be 0 or a positive number, not {self.clip_norm}")
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema must lie in 0..1 without 1, not be {self.ema}")
        parse_bytes(self.cache)
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed must lie in 0..2^63-1, not be {self.seed}")
        if self.batch_size % self.accumulate:
            raise ValueError(f"batch_size ({self.batch_size}) must be a multiple of accumulate ({self.accumulate})")
        if self.best_metric and not self.evaluate_every:
            raise ValueError("best_metric needs evaluate_every, the steps between two evaluations")
        for name in ("ema_half_life", "ema_ramp_up"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be 0 or a positive number, not {getattr(self, name)}")
        if self.ema and self.ema_half_life:
            raise ValueError("an average decays by ema or by ema_half_life; leave one of them away")
        if self.ema_ramp_up and not self.ema_half_life:
            raise ValueError("ema_ramp_up bounds ema_half_life, which is not given")
        self.learning_rate  # noqa: B018 - checks its own values

    @property
    def learning_rate(self) -> Schedule:
        """The schedule of every phase that names none of its own."""
        return Schedule(self.schedule, self.decay_from, self.warmup)

    @property
    def averaging(self) -> Decay | None:
        """How the average of the translators' weights decays; None where there is none."""
        from imtrans.train.ema import Decay  # it needs torch, and listing settings should not

        if self.ema_half_life:
            return Decay(half_life=self.ema_half_life, ramp_up=self.ema_ramp_up or None)
        return Decay(self.ema) if self.ema else None

    @property
    def cache_bytes(self) -> int:
        """``cache`` in bytes."""
        return parse_bytes(self.cache)

    def total_batches(self, round_length: int) -> int:
        """Batches in ``epochs`` rounds through a data set with ``round_length`` items in a round."""
        return -(-self.epochs * round_length // self.batch_size)
