"""Settings of the networks and of the training; a variant is a set of other defaults. Defaults are the papers'."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

LEAST = 4
"""Pixels a side of the first feature map of the convolutional networks."""


@dataclass(frozen=True)
class DenseGeneratorConfig:
    """Hyper-parameters of the fully connected generator (Goodfellow et al., 2014)."""

    size: int = 28
    """Pixels a side of the pictures."""
    channels: int = 1
    """1 for grey pictures, 3 for colour."""
    z_dim: int = 100
    """Numbers in a latent vector."""
    hidden: int = 1200
    """Units in each of the two hidden layers."""
    classes: int = 0
    """Classes that a picture can be asked for; 0 for none."""

    def __post_init__(self) -> None:
        _check_pictures(self.size, self.channels, self.classes)
        if self.z_dim < 1 or self.hidden < 1:
            raise ValueError(f"z_dim and hidden must be at least 1, not {self.z_dim} and {self.hidden}")


@dataclass(frozen=True)
class ConditionalDenseGeneratorConfig(DenseGeneratorConfig):
    """Hyper-parameters of the fully connected generator with classes (Mirza and Osindero, 2014)."""

    classes: int = 10
    """Classes that a picture can be asked for."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_conditional(self.classes)


@dataclass(frozen=True)
class ConvGeneratorConfig:
    """Hyper-parameters of DCGAN's generator, by the names of mmagic where it has one."""

    size: int = 64
    """Pixels a side of the pictures: 8, 16, 32, 64, …"""
    channels: int = 3
    """1 for grey pictures, 3 for colour."""
    z_dim: int = 100
    """Numbers in a latent vector."""
    base_channels: int = 1024
    """Channels at 4 x 4 pixels; every doubling of the size halves them."""
    classes: int = 0
    """Classes that a picture can be asked for; 0 for none."""
    order: Literal["RGB", "BGR"] = "RGB"
    """In which order the weights were trained to give the channels; pictures come out as RGB either way."""

    def __post_init__(self) -> None:
        _check_pictures(self.size, self.channels, self.classes)
        doublings = _doublings(self.size)
        if self.z_dim < 1:
            raise ValueError(f"z_dim must be at least 1, not {self.z_dim}")
        if self.base_channels < 1 or self.base_channels % 2 ** (doublings - 1):
            raise ValueError(
                f"base_channels must be a multiple of {2 ** (doublings - 1)} for pictures of {self.size} pixels, "
                f"not {self.base_channels}"
            )


@dataclass(frozen=True)
class ConditionalConvGeneratorConfig(ConvGeneratorConfig):
    """Hyper-parameters of DCGAN's generator with classes."""

    classes: int = 10
    """Classes that a picture can be asked for."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_conditional(self.classes)


@dataclass(frozen=True)
class DenseDiscriminatorConfig:
    """Hyper-parameters of the fully connected discriminator, of maxout units with dropout."""

    hidden: int = 240
    """Maxout units in each hidden layer."""
    pieces: int = 5
    """Linear pieces of a maxout unit, of which the largest counts."""
    dropout: float = 0.5
    """Share of the hidden units that dropout silences."""

    def __post_init__(self) -> None:
        if self.hidden < 1 or self.pieces < 1:
            raise ValueError(f"hidden and pieces must be at least 1, not {self.hidden} and {self.pieces}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must lie in 0..1 without 1, not be {self.dropout}")


@dataclass(frozen=True)
class ConvDiscriminatorConfig:
    """Hyper-parameters of DCGAN's discriminator."""

    base_channels: int = 128
    """Channels after the first halving of the size; every further one doubles them."""
    norm: Literal["batch", "layer", "none"] = "batch"
    """Normalisation after the inner convolutions; a gradient penalty wants layer or none (Gulrajani et al.)."""

    def __post_init__(self) -> None:
        if self.base_channels < 1:
            raise ValueError(f"base_channels must be at least 1, not {self.base_channels}")


@dataclass(frozen=True)
class UnmixedDiscriminatorConfig(ConvDiscriminatorConfig):
    """Hyper-parameters of a critic that sees each picture by itself, for the gradient penalty."""

    norm: Literal["batch", "layer", "none"] = "layer"
    """Normalisation after the inner convolutions; batch would let the pictures of a batch mix in the penalty."""


Loss = Literal["vanilla", "lsgan", "hinge", "wgan"]


@dataclass(frozen=True)
class _Game:
    """What all variants share: who plays how against whom."""

    loss: Loss = "vanilla"
    """What generator and discriminator minimise: vanilla (cross entropy), lsgan, hinge or wgan."""
    critics: int = 1
    """Steps of the discriminator for each step of the generator."""
    gradient_penalty: float = 0.0
    """Weight of WGAN-GP's penalty on the critic's gradient; 0 for none."""
    clip: float = 0.0
    """Clamp the critic's weights into [-clip, clip] after each of its steps (WGAN); 0 for none."""
    real_label: float = 1.0
    """What vanilla and lsgan call real; 0.9 is one-sided label smoothing."""
    optimiser: Literal["adam", "rmsprop"] = "adam"
    """What both networks learn with."""
    lr: float = 2e-4
    """Learning rate of both networks."""
    beta1: float = 0.5
    """Adam's decay of the first moment."""
    beta2: float = 0.999
    """Adam's decay of the second moment."""

    def __post_init__(self) -> None:
        if self.critics < 1:
            raise ValueError(f"critics must be at least 1, not {self.critics}")
        for name in ("gradient_penalty", "clip"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, not {getattr(self, name)}")
        if self.real_label != 1 and self.loss not in ("vanilla", "lsgan"):
            raise ValueError(f"the loss {self.loss} has no label to smooth; leave real_label at 1")
        judge = getattr(self, "discriminator", None)
        if self.gradient_penalty and isinstance(judge, ConvDiscriminatorConfig) and judge.norm == "batch":
            raise ValueError("a gradient penalty needs a critic without batch norm: discriminator.norm=layer or none")


@dataclass(frozen=True)
class GANConfig(_Game):
    """The first GAN: fully connected, cross entropy."""

    generator: DenseGeneratorConfig = field(default_factory=DenseGeneratorConfig)
    """The network that draws."""
    discriminator: DenseDiscriminatorConfig = field(default_factory=DenseDiscriminatorConfig)
    """The network that judges."""


@dataclass(frozen=True)
class CGANConfig(_Game):
    """The same with classes."""

    generator: ConditionalDenseGeneratorConfig = field(default_factory=ConditionalDenseGeneratorConfig)
    """The network that draws."""
    discriminator: DenseDiscriminatorConfig = field(default_factory=DenseDiscriminatorConfig)
    """The network that judges a picture as one of its class."""


@dataclass(frozen=True)
class DCGANConfig(_Game):
    """Convolutions, batch norm, Adam with a small beta1."""

    generator: ConvGeneratorConfig = field(default_factory=ConvGeneratorConfig)
    """The network that draws."""
    discriminator: ConvDiscriminatorConfig = field(default_factory=ConvDiscriminatorConfig)
    """The network that judges."""


@dataclass(frozen=True)
class CDCGANConfig(_Game):
    """The same with classes."""

    generator: ConditionalConvGeneratorConfig = field(default_factory=ConditionalConvGeneratorConfig)
    """The network that draws."""
    discriminator: ConvDiscriminatorConfig = field(default_factory=ConvDiscriminatorConfig)
    """The network that judges a picture as one of its class."""


@dataclass(frozen=True)
class LSGANConfig(DCGANConfig):
    """Least squares in place of cross entropy."""

    loss: Loss = "lsgan"
    """What generator and discriminator minimise: vanilla (cross entropy), lsgan, hinge or wgan."""


@dataclass(frozen=True)
class WGANConfig(DCGANConfig):
    """The Wasserstein distance, by a critic with clipped weights (algorithm 1 of the paper)."""

    loss: Loss = "wgan"
    """What generator and discriminator minimise: vanilla (cross entropy), lsgan, hinge or wgan."""
    critics: int = 5
    """Steps of the critic for each step of the generator."""
    clip: float = 0.01
    """Clamp the critic's weights into [-clip, clip] after each of its steps."""
    optimiser: Literal["adam", "rmsprop"] = "rmsprop"
    """What both networks learn with."""
    lr: float = 5e-5
    """Learning rate of both networks."""


@dataclass(frozen=True)
class WGANGPConfig(_Game):
    """The Wasserstein distance, by a critic whose gradient is held at norm 1 (algorithm 1 of the paper)."""

    generator: ConvGeneratorConfig = field(default_factory=ConvGeneratorConfig)
    """The network that draws."""
    discriminator: UnmixedDiscriminatorConfig = field(default_factory=UnmixedDiscriminatorConfig)
    """The critic."""
    loss: Loss = "wgan"
    """What generator and discriminator minimise: vanilla (cross entropy), lsgan, hinge or wgan."""
    critics: int = 5
    """Steps of the critic for each step of the generator."""
    gradient_penalty: float = 10.0
    """Weight of the penalty on the critic's gradient."""
    lr: float = 1e-4
    """Learning rate of both networks."""
    beta1: float = 0.0
    """Adam's decay of the first moment."""
    beta2: float = 0.9
    """Adam's decay of the second moment."""


def _check_pictures(size: int, channels: int, classes: int) -> None:
    if size < 1:
        raise ValueError(f"size must be at least 1, not {size}")
    if channels not in (1, 3):
        raise ValueError(f"channels must be 1 (grey) or 3 (colour), not {channels}")
    if classes < 0:
        raise ValueError(f"classes must not be negative, not {classes}")


def _check_conditional(classes: int) -> None:
    if classes < 1:
        raise ValueError(f"a conditional model has at least one class, not {classes}")


def _doublings(size: int) -> int:
    """How often 4 pixels have to be doubled to make ``size``."""
    doublings = (size // LEAST).bit_length() - 1
    if size < 2 * LEAST or LEAST * 2**doublings != size:
        raise ValueError(f"size must be 8, 16, 32, 64 or a further doubling, not {size}")
    return doublings
