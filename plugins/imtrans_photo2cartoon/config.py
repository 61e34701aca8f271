"""Settings of photo2cartoon's networks and of its training; the defaults are the authors'."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class GeneratorConfig:
    """Hyper-parameters of the generator, under the authors' names."""

    ngf: int = 32
    """Filters at full size, a multiple of 4; the inner layers have four times as many."""
    light: bool = True
    """Whether the style is read from the averages of the inner maps, for any size of picture, or from every place in
    them, which binds the network to img_size and takes 67 million weights at 256 pixels."""
    img_size: int = 256
    """Side of the only pictures that the network takes without light, a multiple of 16."""

    def __post_init__(self) -> None:
        if self.ngf < 4 or self.ngf % 4:
            raise ValueError(f"ngf must be a multiple of 4, not {self.ngf}: blocks divide their maps into quarters")
        if self.img_size < 32 or self.img_size % 16:
            raise ValueError(f"img_size must be a multiple of 16 from 32 on, not {self.img_size}")


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Hyper-parameters of the discriminators, of which each domain has two."""

    ndf: int = 32
    """Filters of the first convolution."""
    global_layers: int = 7
    """Depth of the one that judges large parts of a picture: 5 halvings."""
    local_layers: int = 5
    """Depth of the one that judges details: 3 halvings."""

    def __post_init__(self) -> None:
        for name, least in (("ndf", 1), ("global_layers", 3), ("local_layers", 3)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, not {getattr(self, name)}")


@dataclass(frozen=True)
class FaceIdentityConfig:
    """The network that tells people apart; it is the user's own, and the loss is off without it."""

    embedding: str | None = None
    """Where the network is, as package.module:name of a torch module, or of a class or function that makes one. It maps
    (N, 3, 112, 112) in [-1, 1] to vectors (N, D)."""
    weights: Path | None = None
    """A checkpoint with the network's weights, where it does not bring its own."""

    def __post_init__(self) -> None:
        if self.weights is not None and self.embedding is None:
            raise ValueError("weights without embedding: name the network that they belong to as well")


@dataclass(frozen=True)
class Photo2CartoonConfig:
    """How photo2cartoon learns, as its authors' train.py does."""

    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    """Both generators."""
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    """All four discriminators."""
    face_identity: FaceIdentityConfig = field(default_factory=FaceIdentityConfig)
    """Who says whether two faces are one person's."""
    lambda_gan: float = 1.0
    """Weight of the adversarial losses, of patches and of attention alike."""
    lambda_cycle: float = 50.0
    """Weight of the cycle-consistency loss, in both directions."""
    lambda_identity: float = 10.0
    """Weight of the change to a picture that is of the target domain already."""
    lambda_cam: float = 1000.0
    """Weight of the generators' classifiers, whose maps of attention tell the domains apart."""
    lambda_faceid: float = 1.0
    """Weight of the distance between the persons in a photograph and in its cartoon, where there is an embedding."""
    lr: float = 1e-4
    """Learning rate of Adam, before its linear decay."""
    beta1: float = 0.5
    """Adam's decay of the first moment."""
    beta2: float = 0.999
    """Adam's decay of the second moment."""
    weight_decay: float = 1e-4
    """Share of every weight that Adam adds to its gradient."""

    def __post_init__(self) -> None:
        for name in ("lambda_gan", "lambda_cycle", "lambda_identity", "lambda_cam", "lambda_faceid", "weight_decay"):
            value = getattr(self, name)
            if value < 0 or not math.isfinite(value):
                raise ValueError(f"{name} must not be negative, not {value}")
