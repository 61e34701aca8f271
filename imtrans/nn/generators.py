"""The generators that pix2pix and CycleGAN share: a residual network and a U-Net.

Keys of the state dicts are those of the authors' ``models/networks.py``, so their checkpoints load as they are. Layers
are therefore counted as the authors counted them: an ``nn.Identity`` holds the place of an activation that a fused
normalisation applies, and the place of a padding that it, or the convolution behind it, sees to.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from imtrans.nn import InstanceNorm2d, ReflectConv2d
from imtrans.nn.antialiasing import BlurDown, BlurUp
from imtrans.nn.generator_config import GeneratorConfig, Norm
from imtrans.ops import reflect_conv2d
from imtrans.ops.arguments import Activation
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
        # Every border but the picture's own is written by the norm before it, where that can write borders at all.
        between = [block_border(config)] * config.blocks + [0]
        layers: list[nn.Module] = [
            nn.Identity(), ReflectConv2d(config.input_nc, ngf, 7, padding=3, bias=config.has_bias),
            *normalise(config.norm, ngf, "relu"),
            *halving(ngf, config),
            *halving(2 * ngf, config, border=between[0]),
            *(ResnetBlock(4 * ngf, config, border=border) for border in between[1:]),
            *doubling(4 * ngf, config),
            *doubling(2 * ngf, config, border=3 if writes_borders(config.norm) else 0),
            nn.Identity(), ReflectConv2d(ngf, config.output_nc, 7, padding=3, padded=writes_borders(config.norm)),
            nn.Tanh(),
        ]  # fmt: skip
        self.model = nn.Sequential(*layers)
        # Reflection needs more pixels than it adds: 3 at full size, and 1 in the blocks at a quarter of it.
        self.minimum = 8 if config.padding == "reflect" else 4

    def forward(self, x: Tensor) -> Tensor:
        """Translate pictures; see the class for shapes and ranges."""
        return self.model(x)


class ResnetBlock(nn.Module):
    """x + norm(conv(dropout(relu(norm(conv(x)))))), at constant width and size.

    Where :func:`block_border` is 1, x comes with a border of one reflected pixel. The first convolution takes it as it
    is, and the residual addition leaves it out.

    Args:
        width: channels of the maps.
        config: of the generator.
        border: reflected pixels that the output is to have on each side, for the block that follows.
    """

    def __init__(self, width: int, config: GeneratorConfig, border: int = 0) -> None:
        super().__init__()
        # Dropout after the norm would treat a pixel and its reflection differently, so a border has to come later.
        inside = 0 if config.dropout else block_border(config)
        layers = padded_convolution(width, config, padded=block_border(config) > 0)
        layers += normalise(config.norm, width, "relu", border=inside)
        layers += [nn.Dropout(0.5)] if config.dropout else []
        layers += padded_convolution(width, config, padded=inside > 0)
        # No activation follows, so nothing stands after the norm: it adds the residual in the same write.
        layers += normalise(config.norm, width, "none", border=border)[:1]
        self.conv_block = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape, borders apart."""
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
            return reflect_conv2d(doubled, self.conv.weight, self.conv.bias, padding=1)
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


def halving(width: int, config: GeneratorConfig, border: int = 0) -> list[nn.Module]:
    """Half the size and twice the channels: a strided convolution, or one that a blur halves the map of.

    Args:
        width: channels of the map that enters.
        config: says which kind.
        border: reflected pixels around the result.
    """
    blurs = config.downsample == "blur"
    convolution = nn.Conv2d(width, 2 * width, 3, stride=1 if blurs else 2, padding=1, bias=config.has_bias)
    layers = [convolution, *normalise(config.norm, 2 * width, "relu", border=0 if blurs else border)]
    return [*layers, BlurDown(2 * width, border)] if blurs else layers


def doubling(width: int, config: GeneratorConfig, border: int = 0) -> list[nn.Module]:
    """Twice the size and half the channels: :func:`upsampling`, or a blur that doubles the map for a convolution.

    Args:
        width: channels of the map that enters.
        config: says which kind.
        border: reflected pixels around the result.
    """
    if config.upsample == "blur":
        layers = [BlurUp(width), nn.Conv2d(width, width // 2, 3, padding=1, bias=config.has_bias)]
    else:
        layers = [upsampling(width, width // 2, config, kernel_size=3, bias=config.has_bias)]
    return [*layers, *normalise(config.norm, width // 2, "relu", border=border)]


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


def writes_borders(norm: Norm) -> bool:
    """Whether this normalisation can write its output with a reflected border, for the convolution behind it."""
    return norm == "instance"


def block_border(config: GeneratorConfig) -> int:
    """Reflected pixels around the maps that enter residual blocks: 1 where the norms write the blocks' borders."""
    return 1 if writes_borders(config.norm) and config.padding == "reflect" else 0


def padded_convolution(width: int, config: GeneratorConfig, *, padded: bool) -> list[nn.Module]:
    """A 3x3 convolution that keeps the size, behind a layer for its padding unless that is of zeros.

    Args:
        width: channels of the maps.
        config: says how to pad.
        padded: the maps come with their reflected border.
    """
    if config.padding == "zero":
        return [nn.Conv2d(width, width, 3, padding=1, bias=config.has_bias)]
    if config.padding == "replicate":
        return [nn.ReplicationPad2d(1), nn.Conv2d(width, width, 3, bias=config.has_bias)]
    return [nn.Identity(), ReflectConv2d(width, width, 3, padding=1, padded=padded, bias=config.has_bias)]


def normalise(norm: Norm, channels: int, activation: Activation, *, border: int = 0) -> list[nn.Module]:
    """Two layers, the normalisation and the activation; instance norm does both and an identity fills the place.

    Args:
        norm: the kind of normalisation.
        channels: channels of the map.
        activation: ``"none"``, ``"relu"`` or ``"leaky_relu"`` (slope 0.2).
        border: reflected pixels around the output; more than 0 only where the norm :func:`writes_borders`.
    """
    if norm == "instance":
        return [InstanceNorm2d(channels, activation=activation, slope=0.2, pad=border), nn.Identity()]
    activations = {"none": nn.Identity(), "relu": nn.ReLU(), "leaky_relu": nn.LeakyReLU(0.2)}
    return [nn.BatchNorm2d(channels) if norm == "batch" else nn.Identity(), activations[activation]]
