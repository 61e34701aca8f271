"""Settings of the networks and of the training; the defaults are pytorch_GAN_zoo's for 256 pixels."""

from __future__ import annotations

from dataclasses import dataclass, field

from imtrans.nn.growing_config import GrowingGeneratorConfig
from imtrans.train.growing_config import GrowingConfig


@dataclass(frozen=True)
class GeneratorConfig(GrowingGeneratorConfig):
    """Hyper-parameters of the generator."""


@dataclass(frozen=True)
class PGGANConfig(GrowingConfig):
    """How PGGAN learns (appendix A.1 of the paper)."""

    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    """The network that draws."""
    gradient_penalty: float = 10.0
    """Weight of WGAN-GP's penalty on the critic's gradient."""
    drift: float = 1e-3
    """Weight of the penalty on the critic's scores of real pictures."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.gradient_penalty <= 0 or self.drift < 0:
            raise ValueError("gradient_penalty must be above 0, and drift must not be negative")
