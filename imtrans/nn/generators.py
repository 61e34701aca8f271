"""The generators that pix2pix and CycleGAN share: a residual network and a U-Net.

Keys of the state dicts are those of the authors' ``models/networks.py``, so their checkpoints load as they are. Layers
are therefore counted as the authors counted them: where a fused normalisation applies its own activation, an
``nn.Identity`` holds the activation's place.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from imtrans.nn.generator_config import GeneratorConfig, Norm
from imtrans.nn.instance_norm import InstanceNorm2d
from imtrans.ops.instance_norm import Activation
from imtrans.ops.packed_convolution import Layer


def build_generator(config: GeneratorConfig) -> nn.Module:
    """The generator that ``config`` describes, with PyTorch's initial weights."""
    return ResnetGenerator(config) if config.kind == "resnet" else UnetGenerator(config)


class ResnetGenerator(nn.Module):
    """Two halvings, residual blocks, two doublings (Johnson, Alahi and Fei-Fei, 2016; appendix 7.2 of CycleGAN).

    Maps (N, input_nc, H, W) in [-1, 1] to (N, output_nc, H, W) in [-1, 1]; H and W are multiples of ``multiple`` and
    at least ``minimum``.
    """

    multiple = 4

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        ngf = config.ngf
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(config.input_nc, ngf, 7, bias=config.has_bias)]
        layers += normalise(config.norm, ngf, "relu")
        for width in (ngf, 2 * ngf):
            layers.append(nn.Conv2d(width, 2 * width, 3, stride=2, padding=1, bias=config.has_bias))
            layers += normalise(config.norm, 2 * width, "relu")
        layers += [ResnetBlock(4 * ngf, config) for _ in range(config.blocks)]
        for width in (4 * ngf, 2 * ngf):
            layers.append(upsampling(width, width // 2, config, kernel_size=3, bias=config.has_bias))
            layers += normalise(config.norm, width // 2, "relu")
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(ngf, config.output_nc, 7), nn.Tanh()]
        self.model = nn.Sequential(*layers)
        # Reflection needs more pixels than it adds: 3 at full size, and 1 in the blocks at a quarter of it.
        self.minimum = 8 if config.padding == "reflect" else 4

    def forward(self, x: Tensor) -> Tensor:
        """Translate pictures; see the class for shapes and ranges."""
        return self.model(x)


class ResnetBlock(nn.Module):
    """x + norm(conv(dropout(relu(norm(conv(x)))))), at constant width and size."""

    def __init__(self, width: int, config: GeneratorConfig) -> None:
        super().__init__()
        layers = padded_convolution(width, config)
        layers += normalise(config.norm, width, "relu")
        layers += [nn.Dropout(0.5)] if config.dropout else []
        layers += padded_convolution(width, config)
        # No activation follows, so nothing stands after the norm: it adds the residual in the same write.
        layers += normalise(config.norm, width, "none")[:1]
        self.conv_block = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        *layers, norm = self.conv_block
        y = x
        for layer in layers:
            y = layer(y)
        if isinstance(norm, InstanceNorm2d):
            return norm(y, residual=x)
        return x + norm(y)


class UnetGenerator(nn.Module):
    """The encoder-decoder with skip connections of pix2pix (Isola et al., 2017).

    Maps (N, input_nc, H, W) in [-1, 1] to (N, output_nc, H, W) in [-1, 1]; H and W are multiples of 2**downs.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        ngf = config.ngf
        block = UnetBlock(8 * ngf, 8 * ngf, 8 * ngf, None, config, dropout=False)
        for _ in range(config.downs - 5):
            block = UnetBlock(8 * ngf, 8 * ngf, 8 * ngf, block, config, dropout=config.dropout)
        for width in (4 * ngf, 2 * ngf, ngf):
            block = UnetBlock(width, width, 2 * width, block, config, dropout=False)
        self.model = UnetBlock(config.input_nc, config.output_nc, ngf, block, config, dropout=False, outermost=True)
        self.multiple = self.minimum = 2**config.downs

    def forward(self, x: Tensor) -> Tensor:
        """Translate pictures; see the class for shapes and ranges."""
        return self.model(x)


class UnetBlock(nn.Module):
    """Halve, hand to the inner block, double, and stand beside the input: one level of the U-Net.

    Gives ``outer`` channels for the outermost level, and otherwise the input's channels followed by ``outer`` more.
    """

    def __init__(
        self,
        entering: int,
        outer: int,
        inner: int,
        inside: UnetBlock | None,
        config: GeneratorConfig,
        *,
        dropout: bool,
        outermost: bool = False,
    ) -> None:
        super().__init__()
        self.outermost = outermost
        # A level with another inside gets that one's output beside its own: twice the channels.
        rising = inner if inside is None else 2 * inner
        down: list[nn.Module] = [nn.Conv2d(entering, inner, 4, stride=2, padding=1, bias=config.has_bias)]
        up: list[nn.Module] = [nn.ReLU()]
        up.append(upsampling(rising, outer, config, kernel_size=4, bias=outermost or config.has_bias))
        if outermost:
            up.append(nn.Tanh())
        else:
            # The activation is applied in forward, where the skip connection needs its result too.
            down.insert(0, nn.Identity())
            if inside is not None:
                down += normalise(config.norm, inner, "none")[:1]
            up += normalise(config.norm, outer, "none")[:1]
        middle: list[nn.Module] = [] if inside is None else [inside]
        self.model = nn.Sequential(*down, *middle, *up, *([nn.Dropout(0.5)] if dropout else []))

    def forward(self, x: Tensor) -> Tensor:
        """(N, entering, H, W) to (N, outer, H, W) or (N, entering + outer, H, W)."""
        if self.outermost:
            return self.model(x)
        # The authors' LeakyReLU works in place, so their skip connection carries the activated map; so does ours.
        x = functional.leaky_relu(x, 0.2)
        return torch.cat([x, self.model(x)], dim=1)


class ResizeConv2d(nn.Module):
    """Double the size by repeating pixels, then convolve 3x3 over a reflected border: no checkerboard.

    Odena, Dumoulin and Olah, "Deconvolution and Checkerboard Artifacts", Distill, 2016. A large doubled map is never
    made: it would be the largest in the network, and four of nine products would serve where it repeats itself.
    """

    worth_a_kernel = 1024
    """Pixels from which assembling :meth:`doubling_kernel` costs less than it saves."""

    def __init__(self, entering: int, leaving: int, *, bias: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(entering, leaving, 3, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, entering, H, W) to (N, leaving, 2H, 2W)."""
        if x.shape[0] * x.shape[2] * x.shape[3] < self.worth_a_kernel:
            doubled = functional.interpolate(x, scale_factor=2.0, mode="nearest")
            return self.conv(functional.pad(doubled, (1, 1, 1, 1), mode="reflect"))
        # In the doubled map a border pixel's reflection is its own twin, so the small map repeats its border.
        bordered = functional.pad(x, (1, 1, 1, 1), mode="replicate")
        return functional.conv_transpose2d(bordered, self.doubling_kernel(), self.conv.bias, stride=2, padding=3)

    def packed_layer(self) -> tuple[Layer, Tensor, Tensor | None]:
        """The one convolution that the layer is, for networks that are packed for the CPU."""
        entering, leaving = self.conv.in_channels, self.conv.out_channels
        layer = Layer(entering, leaving, 4, stride=2, padding=1, transposed=True, border="replicate")
        return layer, self.doubling_kernel(), self.conv.bias

    def doubling_kernel(self) -> Tensor:
        """(entering, leaving, 4, 4): what one small pixel, that is four equal ones, adds to the doubled map around it.

        A convolution spreads a pixel by its kernel turned half round; four pixels spread by the sum of four such.
        """
        spread = functional.pad(self.conv.weight.flip(2, 3), (1, 1, 1, 1))
        rows = spread[:, :, 1:] + spread[:, :, :-1]
        return (rows[..., 1:] + rows[..., :-1]).transpose(0, 1)


def upsampling(entering: int, leaving: int, config: GeneratorConfig, *, kernel_size: int, bias: bool) -> nn.Module:
    """The layer that doubles the size, of the kind that ``config.upsample`` names.

    Args:
        entering: channels of the map.
        leaving: channels of the doubled map.
        config: says which kind.
        kernel_size: of the transposed convolution; the authors take 3 in the residual network and 4 in the U-Net.
        bias: whether it has one.
    """
    if config.upsample == "resize":
        return ResizeConv2d(entering, leaving, bias=bias)
    odd = kernel_size % 2  # an odd kernel falls one pixel short of the double
    return nn.ConvTranspose2d(entering, leaving, kernel_size, stride=2, padding=1, output_padding=odd, bias=bias)


def padded_convolution(width: int, config: GeneratorConfig) -> list[nn.Module]:
    """A 3x3 convolution that keeps the size, with its padding as a layer of its own unless it is of zeros."""
    if config.padding == "zero":
        return [nn.Conv2d(width, width, 3, padding=1, bias=config.has_bias)]
    pad = nn.ReflectionPad2d(1) if config.padding == "reflect" else nn.ReplicationPad2d(1)
    return [pad, nn.Conv2d(width, width, 3, bias=config.has_bias)]


def normalise(norm: Norm, channels: int, activation: Activation) -> list[nn.Module]:
    """Two layers, the normalisation and the activation; instance norm does both and an identity fills the place.

    Args:
        norm: the kind of normalisation.
        channels: channels of the map.
        activation: ``"none"``, ``"relu"`` or ``"leaky_relu"`` (slope 0.2).
    """
    if norm == "instance":
        return [InstanceNorm2d(channels, activation=activation, slope=0.2), nn.Identity()]
    activations = {"none": nn.Identity(), "relu": nn.ReLU(), "leaky_relu": nn.LeakyReLU(0.2)}
    return [nn.BatchNorm2d(channels) if norm == "batch" else nn.Identity(), activations[activation]]
