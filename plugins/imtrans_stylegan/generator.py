"""StyleGAN's generator: a constant, whose features get the statistics that a style says, at every resolution."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from imtrans.errors import UsageError
from imtrans.nn.equalised import SLOPE, EqualisedConv2d, EqualisedLinear
from imtrans.nn.growing import blur, enlarge
from imtrans.nn.level import LEAST, parts
from imtrans.ops.adain import adain_affine
from imtrans_stylegan.config import GeneratorConfig
from imtrans_stylegan.mapping import MappingNetwork

NoiseMode = Literal["random", "const", "none"]


class StyleNorm(nn.Module):
    """Adaptive instance norm with scale and shift from a style (equation 1 of the paper)."""

    def __init__(self, w_dim: int, channels: int) -> None:
        super().__init__()
        self.styleModulator = EqualisedLinear(w_dim, 2 * channels)
        _calm(self.styleModulator)
        with torch.no_grad():  # scales begin at 1
            self.styleModulator.module.bias[:channels] = 1 / self.styleModulator.gain

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Features (N, C, H, W) and styles (N, w_dim) -> features of the same shape."""
        scale, shift = self.styleModulator(w).chunk(2, dim=1)
        return adain_affine(x, scale, shift, eps=1e-8)


class Noise(nn.Module):
    """Noise times one learnt number, which begins at 0."""

    def __init__(self) -> None:
        super().__init__()
        self.module = nn.Conv2d(1, 1, 1, bias=False)
        nn.init.zeros_(self.module.weight)

    def forward(self, noise: Tensor) -> Tensor:
        """Any shape."""
        return noise * self.module.weight.view(())


class Generator(nn.Module):
    """Karras, Laine, Aila, "A Style-Based Generator Architecture for GANs", 2019, figure 1b.

    Keys are those of pytorch_GAN_zoo but for the average style, which is the mapping network's here. It keeps the
    contract of :class:`imtrans.nn.generative.StyleNetwork`; pictures always have the full size, enlarged where the
    network has not grown to it.
    """

    level: Tensor
    """How far the network has grown; no part of the state dict, whose keys are the authors'."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        widths, least = config.widths, config.widths[0]
        self.config = config
        self.z_dim, self.w_dim, self.num_ws, self.classes = config.z_dim, config.w_dim, 2 * len(widths), 0
        self.output_size = (config.size, config.size)
        self.noise_shapes = [(LEAST * 2 ** (layer // 2),) * 2 for layer in range(self.num_ws)]
        self.mapping = MappingNetwork(config.z_dim, config.w_dim, self.num_ws, config.mapping_layers)
        self.baseScale0 = nn.Parameter(torch.ones(1, least, LEAST, LEAST))
        self.adain00, self.adain01 = StyleNorm(config.w_dim, least), StyleNorm(config.w_dim, least)
        self.noiseMod00, self.noiseMod01 = Noise(), Noise()
        self.conv0 = EqualisedConv2d(least, least, 3)
        self.scaleLayers = nn.ModuleList(_scale(config.w_dim, *pair) for pair in itertools.pairwise(widths))
        self.noiseModulators = nn.ModuleList(nn.ModuleList([Noise(), Noise()]) for _ in widths[1:])
        self.toRGBLayers = nn.ModuleList(EqualisedConv2d(width, config.channels, 1) for width in widths[1:])
        for layer in self.toRGBLayers:
            _calm(layer)
        self._keep_noise()
        level = config.top if config.level < 0 else config.level
        self.register_buffer("level", torch.tensor(float(level)), persistent=False)

    def _keep_noise(self) -> None:
        """The constant noise, which the zoo's files do not hold: the same numbers in every network."""
        for layer, shape in enumerate(self.noise_shapes):
            drawn = torch.randn(shape, generator=torch.Generator().manual_seed(layer))
            self.register_buffer(f"noise{layer}", drawn, persistent=False)

    def forward(
        self,
        z: Tensor,
        labels: Tensor | None = None,
        *,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        noise_mode: NoiseMode = "const",
    ) -> Tensor:
        """Latents (N, z_dim) from N(0, 1) -> pictures (N, C, S, S), about -1 to 1; see ``mapping``, ``synthesis``."""
        return self.synthesis(self.mapping(z, labels, truncation_psi, truncation_cutoff), noise_mode)

    def synthesis(self, ws: Tensor, noise_mode: NoiseMode = "const", noise: Sequence[Tensor] | None = None) -> Tensor:
        """Styles (N, num_ws, w_dim) -> pictures (N, C, S, S).

        Args:
            ws: from ``mapping``.
            noise_mode: ``"const"`` is the network's own noise, ``"none"`` is none, ``"random"`` is ``noise``.
            noise: (N, 1, H, W) for each of ``noise_shapes``; None draws it from torch's global generator.

        Raises:
            UsageError: another number or size of styles, or a noise that does not exist.
        """
        pictures = self.draw(ws, float(self.level), noise_mode, noise)
        return enlarge(pictures, self.output_size[0] // pictures.shape[2])

    def draw(
        self,
        ws: Tensor,
        level: float,
        noise_mode: NoiseMode = "random",
        noise: Sequence[Tensor] | None = None,
    ) -> Tensor:
        """The same in the size of a level from 1 on: (N, C, side, side)."""
        self._check(ws, noise_mode)
        whole, share = parts(level)
        x = self.baseScale0.expand(len(ws), -1, -1, -1)
        x = self._style(x, 0, self.noiseMod00, self.adain00, ws, noise_mode, noise)
        x = self._style(self.conv0(x), 1, self.noiseMod01, self.adain01, ws, noise_mode, noise)
        for scale in range(whole):
            x = self._grow(x, scale, ws, noise_mode, noise)
        pictures: Tensor = self.toRGBLayers[whole - 1](x)
        if share:
            finer = self.toRGBLayers[whole](self._grow(x, whole, ws, noise_mode, noise))
            pictures = enlarge(pictures).lerp(finer, share)
        return pictures

    def _grow(self, x: Tensor, scale: int, ws: Tensor, mode: NoiseMode, noise: Sequence[Tensor] | None) -> Tensor:
        """Features of level ``scale`` to those of the next."""
        first, first_norm, second, second_norm = self.scaleLayers[scale].children()
        one, other = self.noiseModulators[scale].children()
        layer = 2 * scale + 2
        x = first(enlarge(x))
        x = self._style(blur(x) if self.config.blur else x, layer, one, first_norm, ws, mode, noise)
        return self._style(second(x), layer + 1, other, second_norm, ws, mode, noise)

    def _style(
        self,
        x: Tensor,
        layer: int,
        modulator: nn.Module,
        norm: nn.Module,
        ws: Tensor,
        mode: NoiseMode,
        noise: Sequence[Tensor] | None,
    ) -> Tensor:
        """Noise, leaky ReLU, and the statistics that the layer's style says."""
        if mode == "const":
            x = x + modulator(self.get_buffer(f"noise{layer}"))
        elif mode == "random":
            # In float32 whatever the network computes in, so that a seed stands for one noise.
            drawn = torch.randn(len(x), 1, *x.shape[2:], device=x.device) if noise is None else noise[layer]
            x = x + modulator(drawn.to(x.dtype))
        styled: Tensor = norm(functional.leaky_relu(x, SLOPE), ws[:, layer])
        return styled

    def _check(self, ws: Tensor, mode: str) -> None:
        if ws.dim() != 3 or tuple(ws.shape[1:]) != (self.num_ws, self.w_dim):
            raise UsageError(
                f"styles for this generator are (N, {self.num_ws}, {self.w_dim}), not {tuple(ws.shape)}.",
                hint="They have to come from its own mapping network.",
            )
        if mode not in ("random", "const", "none"):
            raise UsageError(f"there is no noise {mode!r}.", have="Noise: random, const, none.")


def _scale(w_dim: int, below: int, width: int) -> nn.ModuleList:
    """The layers of a resolution."""
    return nn.ModuleList(
        [
            EqualisedConv2d(below, width, 3),
            StyleNorm(w_dim, width),
            EqualisedConv2d(width, width, 3),
            StyleNorm(w_dim, width),
        ]
    )


@torch.no_grad()
def _calm(layer: nn.Module) -> None:
    """Draw a layer that no leaky ReLU follows: its numbers should have variance 1, where He's constant gives 2."""
    nn.init.normal_(layer.get_parameter("module.weight"), std=0.5**0.5)


def build_generator(config: GeneratorConfig) -> Generator:
    """The generator of that configuration, with random weights."""
    return Generator(config)
