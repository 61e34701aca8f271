"""PGGAN's generator: a latent vector to 4x4 pixels, and twice the size again and again."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from imtrans.nn.equalised import SLOPE, EqualisedConv2d, EqualisedLinear, pixel_norm
from imtrans.nn.growing import enlarge
from imtrans.nn.level import LEAST, parts, side
from imtrans_pggan.config import GeneratorConfig


class Generator(nn.Module):
    """Karras et al., 2018, table 2 (with one convolution at 4x4 pixels).

    Keys are those of pytorch_GAN_zoo: ``formatLayer``, ``groupScale0.0``, ``scaleLayers.i.j``, ``toRGBLayers.i``, each
    with ``module``. It keeps the contract of :class:`imtrans.nn.generative.GenerativeNetwork`; pictures always have the
    full size, enlarged where the network has not grown to it.
    """

    level: Tensor
    """How far the network has grown; no part of the state dict, whose keys are the authors'."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.z_dim, self.classes = config.z_dim, 0
        self.output_size = (config.size, config.size)
        widths = config.widths
        self.formatLayer = EqualisedLinear(config.z_dim, LEAST**2 * widths[0])
        self.groupScale0 = nn.ModuleList([EqualisedConv2d(widths[0], widths[0], 3)])
        self.scaleLayers = nn.ModuleList(
            nn.ModuleList([EqualisedConv2d(below, width, 3), EqualisedConv2d(width, width, 3)])
            for below, width in itertools.pairwise(widths)
        )
        self.toRGBLayers = nn.ModuleList(EqualisedConv2d(width, config.channels, 1) for width in widths)
        level = config.top if config.level < 0 else config.level
        self.register_buffer("level", torch.tensor(float(level)), persistent=False)

    def forward(self, z: Tensor) -> Tensor:
        """Latents (N, z_dim) from N(0, 1) -> pictures (N, C, S, S), about -1 to 1."""
        pictures = self.draw(z, float(self.level))
        return enlarge(pictures, self.output_size[0] // pictures.shape[2])

    def draw(self, z: Tensor, level: float) -> Tensor:
        """The same in the size of a level: (N, C, side, side)."""
        whole, share = parts(level)
        x = self._begin(z)
        for scale in range(whole):
            x = self._grow(x, scale)
        pictures: Tensor = self.toRGBLayers[whole](x)
        if share:
            pictures = enlarge(pictures).lerp(self.toRGBLayers[whole + 1](self._grow(x, whole)), share)
        assert pictures.shape[2] == side(level)
        return pictures

    def _begin(self, z: Tensor) -> Tensor:
        """(N, z_dim) -> (N, C, 4, 4)."""
        x = functional.leaky_relu(self.formatLayer(pixel_norm(z)), SLOPE)
        return self._activate(self.groupScale0[0](pixel_norm(x.view(len(z), -1, LEAST, LEAST))))

    def _grow(self, x: Tensor, scale: int) -> Tensor:
        """Features of level ``scale`` to those of the next."""
        x = enlarge(x)
        for layer in self.scaleLayers[scale].children():
            x = self._activate(layer(x))
        return x

    @staticmethod
    def _activate(x: Tensor) -> Tensor:
        return pixel_norm(functional.leaky_relu(x, SLOPE))


def build_generator(config: GeneratorConfig) -> Generator:
    """The generator of that configuration, with random weights."""
    return Generator(config)
