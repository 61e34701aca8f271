"""Networks that grow: how a new resolution is faded in, and the discriminator that PGGAN and StyleGAN share.

How far they have grown is their level, see :mod:`imtrans.nn.level`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from imtrans.errors import UsageError
from imtrans.nn.equalised import SLOPE, EqualisedConv2d, EqualisedLinear, minibatch_stddev
from imtrans.nn.level import LEAST, parts, side
from imtrans.ops.upfirdn2d import filter2d, setup_filter


def enlarge(x: Tensor, factor: int = 2) -> Tensor:
    """Each pixel becomes ``factor`` times ``factor`` pixels."""
    return x if factor == 1 else functional.interpolate(x, scale_factor=factor, mode="nearest")


def blur(x: Tensor) -> Tensor:
    """Each pixel with its neighbours, weighted 1 2 1 along both axes (Karras et al., StyleGAN, 2019, section 2.1)."""
    return filter2d(x, setup_filter([1.0, 2.0, 1.0]).to(x.device))


def at_level(pictures: Tensor, level: float) -> Tensor:
    """Real pictures as the discriminator of that level is to see them: shrunk, and faded as the fakes are.

    Args:
        pictures: (N, C, S, S), S a multiple of the level's side.
        level: how far the networks have grown.

    Returns:
        (N, C, side, side).

    Raises:
        UsageError: the pictures are too small or not square.
    """
    height, width = pictures.shape[2:]
    wanted = side(level)
    if height != width or height % wanted:
        raise UsageError(
            f"pictures of {height}x{width} pixels cannot be shrunk to {wanted}x{wanted}.",
            hint="Train on pictures of the generator's size: --load-size and --crop-size.",
        )
    pictures = functional.avg_pool2d(pictures, height // wanted)
    _, share = parts(level)
    return pictures if share == 0 else enlarge(functional.avg_pool2d(pictures, 2)).lerp(pictures, share)


class GrowingDiscriminator(nn.Module):
    """Pictures of any level to scores: convolutions and means over 2x2 pixels, down to 4x4, and then linear layers.

    Keys are those of pytorch_GAN_zoo: ``fromRGBLayers.i``, ``scaleLayers.i.j``, ``groupScaleZero.j`` and
    ``decisionLayer``, each with ``module``.

    Args:
        widths: channels at 4, 8, 16, ... pixels.
        channels: of the pictures.
        stddev: whether the last convolution sees how much the pictures of a batch differ.
        blurred: whether features are low-pass filtered before they are shrunk, as in StyleGAN's paper.
    """

    def __init__(self, widths: Sequence[int], channels: int = 3, *, stddev: bool = True, blurred: bool = False) -> None:
        super().__init__()
        self.top, self.stddev, self.blurred = len(widths) - 1, stddev, blurred
        least = widths[0]
        self.fromRGBLayers = nn.ModuleList(EqualisedConv2d(channels, width, 1) for width in widths)
        self.scaleLayers = nn.ModuleList(
            nn.ModuleList([EqualisedConv2d(width, width, 3), EqualisedConv2d(width, below, 3)])
            for below, width in itertools.pairwise(widths)
        )
        self.groupScaleZero = nn.ModuleList(
            [EqualisedConv2d(least + stddev, least, 3), EqualisedLinear(least * LEAST**2, least)]
        )
        self.decisionLayer = EqualisedLinear(least, 1)

    def forward(self, pictures: Tensor, level: float | None = None) -> Tensor:
        """Pictures (N, C, side, side) of a level, None for the highest, -> scores (N, 1), high for real ones.

        Raises:
            UsageError: pictures of another size.
        """
        level = self.top if level is None else level
        if tuple(pictures.shape[2:]) != (side(level),) * 2:
            raise UsageError(
                f"at level {level:g} the discriminator judges pictures of {side(level)}x{side(level)} pixels,"
                f" not {tuple(pictures.shape)}."
            )
        whole, share = parts(level)
        if share == 0:
            x = self._read(pictures, whole)
        else:
            old = self._read(functional.avg_pool2d(pictures, 2), whole)
            x = old.lerp(self._shrink(self._read(pictures, whole + 1), whole), share)
        for scale in reversed(range(whole)):
            x = self._shrink(x, scale)
        return self._decide(x)

    def _read(self, pictures: Tensor, level: int) -> Tensor:
        """Pictures to the features of their resolution."""
        return functional.leaky_relu(self.fromRGBLayers[level](pictures), SLOPE)

    def _shrink(self, x: Tensor, scale: int) -> Tensor:
        """Features of level ``scale + 1`` to those of ``scale``."""
        first, second = self.scaleLayers[scale].children()
        x = functional.leaky_relu(first(x), SLOPE)
        x = functional.leaky_relu(second(blur(x) if self.blurred else x), SLOPE)
        return functional.avg_pool2d(x, 2)

    def _decide(self, x: Tensor) -> Tensor:
        """Features (N, C, 4, 4) to scores (N, 1)."""
        convolution, linear = self.groupScaleZero
        x = functional.leaky_relu(convolution(minibatch_stddev(x) if self.stddev else x), SLOPE)
        x = functional.leaky_relu(linear(x.flatten(1)), SLOPE)
        scores: Tensor = self.decisionLayer(x)
        return scores
