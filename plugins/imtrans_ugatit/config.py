"""Settings of U-GAT-IT's networks and of its training; the defaults are the authors', with the light generator."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class GeneratorConfig:
    """Hyper-parameters of the generator, under the names of the authors' command line where it has one."""

    input_nc: int = 3
    """Channels of the input picture."""
    output_nc: int = 3
    """Channels of the output picture."""
    ngf: int = 64
    """Filters of the first convolution (the authors' --ch); the feature maps in the middle have four times as many."""
    blocks: int = 4
    """Residual blocks of the encoder, and as many of the decoder (the authors' --n_res)."""
    light: bool = True
    """Scale and shift of the decoder come from the mean of the feature maps; false: from all of their pixels, which
    fixes the size of the pictures and takes a layer of 1 GiB at 256 pixels (the paper's network)."""
    img_size: int = 256
    """Side of the pictures that the full network takes, a multiple of 4; without effect on the light one."""

    def __post_init__(self) -> None:
        for name, least in (("input_nc", 1), ("output_nc", 1), ("ngf", 1), ("blocks", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, not {getattr(self, name)}")
        if self.img_size % 4 or self.img_size < 8:
            raise ValueError(f"img_size must be a multiple of 4 from 8 up, not {self.img_size}")


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Hyper-parameters of the discriminators: one that sees large patches and one that sees small ones, a domain."""

    input_nc: int = 3
    """Channels of the pictures that they judge."""
    ndf: int = 64
    """Filters of the first convolution."""
    global_layers: int = 7
    """Convolutions of the global discriminator, two of them not strided: 7 need crops of 96 pixels, 6 of 48."""
    local_layers: int = 5
    """Convolutions of the local discriminator, two of them not strided."""

    def __post_init__(self) -> None:
        for name, least in (("input_nc", 1), ("ndf", 1), ("global_layers", 3), ("local_layers", 3)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, not {getattr(self, name)}")


@dataclass(frozen=True)
class UGATITConfig:
    """How U-GAT-IT learns (section 3 of the paper and its appendix)."""

    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    """Both generators."""
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    """All four discriminators."""
    lambda_gan: float = 1.0
    """Weight of the least-squares adversarial losses, of patches and of attention logits alike."""
    lambda_cycle: float = 10.0
    """Weight of the cycle-consistency loss, in both directions."""
    lambda_identity: float = 10.0
    """Weight of the identity loss: a picture of the target domain should stay as it is."""
    lambda_cam: float = 1000.0
    """Weight of the loss of the generators' own classifiers, from which the attention comes."""
    lr: float = 1e-4
    """Learning rate of Adam, before its linear decay."""
    beta1: float = 0.5
    """Adam's decay of the first moment."""
    beta2: float = 0.999
    """Adam's decay of the second moment."""
    weight_decay: float = 1e-4
    """L2 penalty on all weights, as Adam adds it to the gradient."""

    def __post_init__(self) -> None:
        for name in ("lambda_gan", "lambda_cycle", "lambda_identity", "lambda_cam", "weight_decay"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, not {getattr(self, name)}")
        if self.generator.input_nc != self.generator.output_nc:
            raise ValueError("generator.input_nc and generator.output_nc must be equal: one generator feeds the other")
