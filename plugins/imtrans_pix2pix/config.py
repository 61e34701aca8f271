"""Settings of pix2pix's networks and of its training; the defaults are the paper's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from imtrans.nn import generator_config as shared
from imtrans.nn.generator_config import Norm

Direction = Literal["AtoB", "BtoA"]


@dataclass(frozen=True)
class GeneratorConfig(shared.GeneratorConfig):
    """Hyper-parameters of the generator, under the names that the authors' command line gave them where it has one."""

    kind: Literal["resnet", "unet"] = "unet"
    """The U-Net of the paper, or the residual network of Johnson et al."""
    downs: int = 8
    """Halvings of the picture (unet only): 7 for 128 pixels, 8 for 256 (the authors' unet_256), 9 for 512."""
    norm: Norm = "batch"
    """Normalisation after the convolutions; of one picture at a time, batch norm is instance norm with a scale."""
    dropout: bool = True
    """Dropout of one half in the inner levels of the U-Net's decoder, or inside the residual blocks."""


@dataclass(frozen=True)
class DiscriminatorConfig(shared.DiscriminatorConfig):
    """Hyper-parameters of the discriminator, which sees the input and an output as one picture."""

    input_nc: int = 6
    """Channels of the input and of the output together."""
    norm: Norm = "batch"
    """Normalisation after the convolutions."""


@dataclass(frozen=True)
class Pix2PixConfig:
    """How pix2pix learns (sections 3 and 6.2 of the paper)."""

    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    """The network that translates."""
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    """The network that judges input and output together."""
    direction: Direction = "AtoB"
    """Which picture of a pair is the input: A for AtoB, B for BtoA."""
    gan_loss: Literal["vanilla", "lsgan"] = "vanilla"
    """The cross entropy of the original GAN, or least squares (Mao et al.)."""
    lambda_l1: float = 100.0
    """Weight of the distance between the output and the true picture."""
    lr: float = 2e-4
    """Learning rate of Adam, before its linear decay."""
    beta1: float = 0.5
    """Adam's decay of the first moment."""
    beta2: float = 0.999
    """Adam's decay of the second moment."""

    def __post_init__(self) -> None:
        if self.lambda_l1 < 0:
            raise ValueError(f"lambda_l1 must not be negative, not {self.lambda_l1}")
