"""Settings of DeblurGAN's networks and of its training; the defaults are the paper's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from imtrans.nn import generator_config as shared

Direction = Literal["AtoB", "BtoA"]


@dataclass(frozen=True)
class GeneratorConfig(shared.GeneratorConfig):
    """Hyper-parameters of the generator, under the names that the authors' command line gave them where it has one."""

    kind: Literal["resnet", "fpn-mobilenet"] = "resnet"  # type: ignore[assignment]  # another network takes a place
    """The paper's residual network, or the feature pyramid on MobileNet of DeblurGAN-v2."""
    downs: int = 8
    """Without meaning here, where no generator is a U-Net."""
    dropout: bool = True
    """Dropout of one half inside the residual blocks."""
    learn_residual: bool = True
    """Whether the network gives what is to be added to the picture, G(x), or the sharp picture itself."""
    bound: Literal["clamp", "halve"] = "clamp"
    """How x + G(x) gets back to [-1, 1]: cut off there, or halved as in the Keras version."""
    block: Literal["double", "single"] = "double"
    """Convolutions of a residual block: two, or the one that the authors' code has had since 2019-03-24."""
    backbone: float = 1.0
    """Width of MobileNet, relative to its paper's (fpn-mobilenet only)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.125 <= self.backbone <= 4:
            raise ValueError(f"backbone must lie in 0.125..4, not be {self.backbone}")
        if self.kind == "fpn-mobilenet" and (self.input_nc, self.output_nc, self.ngf % 2) != (3, 3, 0):
            raise ValueError("fpn-mobilenet takes and gives 3 channels (input_nc, output_nc), and its ngf is even")


@dataclass(frozen=True)
class CriticConfig(shared.DiscriminatorConfig):
    """Hyper-parameters of the critic, a PatchGAN without an activation at its end."""

    kind: Literal["patch"] = "patch"
    """A PatchGAN, which judges overlapping patches."""
    padding: int = 2
    """Zeros around the maps before each convolution."""


@dataclass(frozen=True)
class DeblurGANConfig:
    """How DeblurGAN learns (sections 3 and 5 of the paper)."""

    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    """The network that deblurs."""
    critic: CriticConfig = field(default_factory=CriticConfig)
    """The network that judges sharpness."""
    direction: Direction = "AtoB"
    """Which picture of a pair is the blurred one: A for AtoB, B for BtoA."""
    gan_loss: Literal["wgan-gp", "lsgan", "vanilla"] = "wgan-gp"
    """Wasserstein with gradient penalty, least squares, or the cross entropy of the original GAN."""
    lambda_gan: float = 1.0
    """Weight of the adversarial loss; 0 leaves the critic untrained, for a stage that learns from the content alone."""
    critic_steps: int = 5
    """Updates of the critic before each of the generator."""
    penalty: Literal["pixel", "picture"] = "pixel"
    """What of the critic's gradient is to have norm 1: the authors' code takes each pixel, the paper the picture."""
    lambda_penalty: float = 10.0
    """Weight of the gradient penalty (wgan-gp only)."""
    content: Literal["vgg19", "vgg16", "l2", "l1"] = "vgg19"
    """How output and true picture are compared: through VGG-19 up to conv3_3 as the authors do, through VGG-16 up to
    relu3_3 as the Keras version does, or pixel by pixel, which needs no file."""
    lambda_content: float = 100.0
    """Weight of that distance."""
    vgg: str = ""
    """A file of VGG's weights with torchvision's keys; empty takes the published one, from the cache or downloaded."""
    lr: float = 1e-4
    """Learning rate of Adam, before its linear decay."""
    beta1: float = 0.5
    """Adam's decay of the first moment."""
    beta2: float = 0.999
    """Adam's decay of the second moment."""

    def __post_init__(self) -> None:
        for name in ("lambda_gan", "lambda_penalty", "lambda_content"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, not {getattr(self, name)}")
        if self.critic_steps < 1:
            raise ValueError(f"critic_steps must be at least 1, not {self.critic_steps}")
        if self.gan_loss == "wgan-gp" and self.lambda_gan > 0 and self.critic.norm == "batch":
            raise ValueError("critic.norm must not be batch with wgan-gp: the penalty takes each picture for itself")
