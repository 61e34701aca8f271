"""Settings of the generators and discriminators that pix2pix and CycleGAN share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Norm = Literal["instance", "batch", "none"]


@dataclass(frozen=True)
class GeneratorConfig:
    """Hyper-parameters of a generator, under the names that the authors' command line gave them where it has one.

    The defaults are CycleGAN's; a model with others derives a class of its own.
    """

    kind: Literal["resnet", "unet"] = "resnet"
    """The residual network of Johnson et al., or the U-Net of pix2pix."""
    input_nc: int = 3
    """Channels of the input picture."""
    output_nc: int = 3
    """Channels of the output picture."""
    ngf: int = 64
    """Filters of the first convolution; deeper layers have multiples of it."""
    blocks: int = 9
    """Residual blocks (resnet only): the authors take 6 for 128 pixels and 9 for 256."""
    downs: int = 8
    """Halvings of the picture (unet only): 7 is the authors' unet_128, 8 their unet_256."""
    norm: Norm = "instance"
    """Normalisation after the convolutions."""
    padding: Literal["reflect", "replicate", "zero"] = "reflect"
    """How the residual blocks pad (resnet only)."""
    dropout: bool = False
    """Dropout of one half inside the residual blocks, or in the decoder of the U-Net."""
    downsample: Literal["stride", "blur"] = "stride"
    """The encoder (resnet only): the authors' strided convolution, or a convolution and CUT's blur (Zhang, 2019)."""
    upsample: Literal["transpose", "resize", "blur"] = "transpose"
    """The decoder: the authors' transposed convolution; nearest-neighbour resizing and a convolution, which leaves no
    checkerboard (Odena et al., 2016); or CUT's blur and a convolution (resnet only)."""
    bias: bool | None = None
    """Biases in the convolutions that a normalisation follows; none means what the authors do: only for instance."""

    def __post_init__(self) -> None:
        for name, least in (("input_nc", 1), ("output_nc", 1), ("ngf", 1), ("blocks", 0), ("downs", 5)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, not {getattr(self, name)}")
        if self.kind == "unet" and "blur" in (self.downsample, self.upsample):
            raise ValueError("downsample and upsample can be 'blur' in a resnet only, not in a unet")

    @property
    def has_bias(self) -> bool:
        """Whether a convolution that a normalisation follows has a bias."""
        return self.norm == "instance" if self.bias is None else self.bias


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Hyper-parameters of a discriminator."""

    kind: Literal["patch", "pixel"] = "patch"
    """A PatchGAN, which judges overlapping patches (70 pixels wide with 3 layers), or one that judges single pixels."""
    input_nc: int = 3
    """Channels of the picture it judges."""
    ndf: int = 64
    """Filters of the first convolution."""
    layers: int = 3
    """Strided convolutions (patch only)."""
    norm: Norm = "instance"
    """Normalisation after the convolutions."""

    def __post_init__(self) -> None:
        for name in ("input_nc", "ndf", "layers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")

    @property
    def has_bias(self) -> bool:
        """Whether a convolution that a normalisation follows has a bias."""
        return self.norm == "instance"
