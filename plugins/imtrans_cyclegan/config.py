"""Settings of CycleGAN's networks and of its training; the defaults are the paper's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from imtrans.nn.generator_config import DiscriminatorConfig, GeneratorConfig

__all__ = ["CycleGANConfig", "DiscriminatorConfig", "GeneratorConfig"]


@dataclass(frozen=True)
class CycleGANConfig:
    """How CycleGAN learns (section 4 and appendix 7.2 of the paper)."""

    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    """Both generators."""
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    """Both discriminators."""
    gan_loss: Literal["lsgan", "vanilla"] = "lsgan"
    """Least squares (Mao et al.), or the cross entropy of the original GAN."""
    lambda_cycle: float = 10.0
    """Weight of the cycle-consistency loss, in both directions."""
    lambda_identity: float = 0.5
    """Weight of the identity loss, relative to lambda_cycle."""
    pool_size: int = 50
    """Translated pictures that the discriminators may be shown again (Shrivastava et al.); 0 for none."""
    lr: float = 2e-4
    """Learning rate of Adam, before its linear decay."""
    beta1: float = 0.5
    """Adam's decay of the first moment."""
    beta2: float = 0.999
    """Adam's decay of the second moment."""

    def __post_init__(self) -> None:
        for name in ("lambda_cycle", "lambda_identity", "pool_size"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, not {getattr(self, name)}")
        if self.generator.input_nc != self.generator.output_nc:
            raise ValueError("generator.input_nc and generator.output_nc must be equal: one generator feeds the other")
