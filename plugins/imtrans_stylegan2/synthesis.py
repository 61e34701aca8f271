"""The synthesis network: from styles to a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, cast

import torch
from torch import Tensor, nn

from imtrans.errors import UsageError
from imtrans.ops.modulated_conv2d import modulated_conv2d
from imtrans.ops.upfirdn2d import upsample2d
from imtrans_stylegan2.config import GeneratorConfig
from imtrans_stylegan2.layers import FullyConnected, low_pass

NoiseMode = Literal["random", "const", "none"]
NOISE_MODES = ("random", "const", "none")


class SynthesisLayer(nn.Module):
    """A 3x3 convolution whose weights a style scales, then noise, bias, leaky ReLU.

    Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", 2020, section 2.2. ``noise_const`` is one
    picture of noise for good, so that a latent always gives the same picture.
    """

    resample_filter: Tensor
    noise_const: Tensor

    def __init__(
        self, in_channels: int, out_channels: int, w_dim: int, resolution: int, up: int = 1, clamp: float = 0.0
    ) -> None:
        super().__init__()
        self.resolution, self.up, self.clamp = resolution, up, clamp
        self.register_buffer("resample_filter", low_pass())
        self.affine = FullyConnected(w_dim, in_channels, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(
        self,
        x: Tensor,
        style: Tensor,
        noise: Tensor | None = None,
        *,
        next_style: Tensor | None = None,
        modulated: bool = False,
    ) -> Tensor:
        """Features (N, C_in, R / up, R / up) -> features (N, C_out, R, R).

        Args:
            x: the features.
            style: ``affine(w)``, (N, C_in).
            noise: (N, 1, R, R) or (R, R); None for none.
            next_style: the style of the layer that takes the result, which is then multiplied by it here, in the same
                pass over memory.
            modulated: whether x was so multiplied by ``style``.
        """
        return modulated_conv2d(
            x,
            self.weight,
            style,
            self.bias,
            noise=noise,
            noise_strength=None if noise is None else self.noise_strength,
            next_style=next_style,
            activation="lrelu",
            clamp=self.clamp or None,
            modulated=modulated,
            up=self.up,
            padding=1,
            resample_filter=self.resample_filter,
            flip_weight=self.up == 1,
        )


class ToRGB(nn.Module):
    """A 1x1 convolution whose weights a style scales, without demodulation: features to colours."""

    def __init__(self, in_channels: int, w_dim: int, clamp: float = 0.0) -> None:
        super().__init__()
        self.clamp = clamp
        self.affine = FullyConnected(w_dim, in_channels, bias_init=1.0)
        self.weight = nn.Parameter(torch.randn(3, in_channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(3))
        self.weight_gain = 1 / math.sqrt(in_channels)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Features (N, C, R, R) and styles (N, w_dim) -> a part of the picture, (N, 3, R, R)."""
        style = self.affine(w) * self.weight_gain
        return modulated_conv2d(x, self.weight, style, self.bias, demodulate=False, clamp=self.clamp or None)


class SynthesisBlock(nn.Module):
    """All layers of one resolution; the first one begins with a constant, all others double their input's resolution.

    The picture is a sum over resolutions, each block's colours added to the one below enlarged ("skip", figure 7b of
    the paper).
    """

    resample_filter: Tensor

    def __init__(self, in_channels: int, out_channels: int, w_dim: int, resolution: int, clamp: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("resample_filter", low_pass())
        self.convolutions = 1 if in_channels == 0 else 2
        if in_channels == 0:
            self.const = nn.Parameter(torch.randn(out_channels, resolution, resolution))
        else:
            self.conv0 = SynthesisLayer(in_channels, out_channels, w_dim, resolution, up=2, clamp=clamp)
        self.conv1 = SynthesisLayer(out_channels, out_channels, w_dim, resolution, clamp=clamp)
        self.torgb = ToRGB(out_channels, w_dim, clamp)

    def forward(
        self, x: Tensor | None, picture: Tensor | None, ws: Tensor, noises: Sequence[Tensor | None]
    ) -> tuple[Tensor, Tensor]:
        """Features and picture with those of this resolution added.

        Args:
            x: features of the block below, or None in the first block.
            picture: of the block below, or None.
            ws: this block's styles, (N, convolutions + 1, w_dim).
            noises: one for each convolution.
        """
        style = self.conv1.affine(ws[:, -2])
        if x is None:
            x = self.conv1(self.const.unsqueeze(0).repeat(len(ws), 1, 1, 1), style, noises[0])
        else:
            x = self.conv0(x, self.conv0.affine(ws[:, 0]), noises[0], next_style=style)
            x = self.conv1(x, style, noises[1], modulated=True)
        colours: Tensor = self.torgb(x, ws[:, -1])
        if picture is not None:
            colours = colours + upsample2d(picture, self.resample_filter)
        return x, colours

    @property
    def layers(self) -> tuple[SynthesisLayer, ...]:
        """The convolutions in their order."""
        return (self.conv0, self.conv1) if self.convolutions == 2 else (self.conv1,)


class SynthesisNetwork(nn.Module):
    """The blocks, one a resolution. Each takes its styles in turn, and its colours share one with the next block."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        below = 0
        for resolution in config.resolutions:
            width = config.width(resolution)
            block = SynthesisBlock(below, width, config.w_dim, resolution, config.conv_clamp)
            self.add_module(f"b{resolution}", block)
            below = width
        self.noise_shapes = [(layer.resolution, layer.resolution) for layer in self.layers]
        """Height and width of each layer's noise."""

    @property
    def blocks(self) -> tuple[SynthesisBlock, ...]:
        """From the lowest resolution to the highest."""
        return tuple(cast(SynthesisBlock, self.get_submodule(f"b{each}")) for each in self.config.resolutions)

    @property
    def layers(self) -> tuple[SynthesisLayer, ...]:
        """The convolutions of all blocks in their order."""
        return tuple(layer for block in self.blocks for layer in block.layers)

    def forward(self, ws: Tensor, noise_mode: NoiseMode = "const", noise: Sequence[Tensor] | None = None) -> Tensor:
        """Styles (N, num_ws, w_dim) -> pictures (N, 3, R, R), about -1 to 1.

        Args:
            ws: from the mapping network.
            noise_mode: ``"const"`` is the network's own noise, ``"none"`` is none, ``"random"`` is ``noise``.
            noise: (N, 1, H, W) for each of ``noise_shapes``; None draws it from torch's global generator.

        Raises:
            UsageError: another number or size of styles, or a noise that does not exist.
        """
        wanted = (self.config.num_ws, self.config.w_dim)
        if ws.dim() != 3 or tuple(ws.shape[1:]) != wanted:
            raise UsageError(
                f"styles for this generator are (N, {wanted[0]}, {wanted[1]}), not {tuple(ws.shape)}.",
                hint="They have to come from its own mapping network.",
            )
        noises = self._noises(ws, noise_mode, noise)
        x = picture = None
        first = 0
        for block in self.blocks:
            count = block.convolutions
            styles = ws[:, first : first + count + 1]
            x, picture = block(x, picture, styles, noises[first : first + count])
            first += count
        assert picture is not None
        return picture

    def _noises(self, ws: Tensor, mode: NoiseMode, noise: Sequence[Tensor] | None) -> Sequence[Tensor | None]:
        """One for each layer."""
        if mode == "none":
            return [None] * len(self.layers)
        if mode == "const":
            return [layer.noise_const for layer in self.layers]
        if mode != "random":
            raise UsageError(f"there is no noise {mode!r}.", have=f"Noise: {', '.join(NOISE_MODES)}.")
        if noise is not None:
            return noise
        # In float32 whatever the network computes in, so that a seed stands for one noise.
        return [torch.randn(len(ws), 1, *shape, device=ws.device).to(ws.dtype) for shape in self.noise_shapes]
