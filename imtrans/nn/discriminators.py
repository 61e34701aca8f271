"""The discriminators that pix2pix and CycleGAN share: PatchGAN and PixelGAN; keys as in the authors' files."""

from __future__ import annotations

from torch import Tensor, nn

from imtrans.nn.generator_config import DiscriminatorConfig
from imtrans.nn.generators import normalise
from imtrans.nn.small_maps import Conv2d


def build_discriminator(config: DiscriminatorConfig) -> nn.Module:
    """The discriminator that ``config`` describes, with PyTorch's initial weights."""
    return PatchDiscriminator(config) if config.kind == "patch" else PixelDiscriminator(config)


class PatchDiscriminator(nn.Module):
    """A convolutional network that scores every patch of a picture (Isola et al., 2017).

    Maps (N, input_nc, H, W) in [-1, 1] to scores (N, 1, h, w), without an activation; with 3 layers a score sees
    70x70 pixels and h = H / 8 - 2, or with a ``padding`` of 2 about H / 8 + 3. H and W are at least ``minimum``, which
    leaves one score.
    """

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        widths = [config.ndf * min(2**layer, 8) for layer in range(config.layers + 1)]
        pad = config.padding
        layers: list[nn.Module] = [nn.Conv2d(config.input_nc, config.ndf, 4, stride=2, padding=pad), nn.LeakyReLU(0.2)]
        for depth in range(1, config.layers + 1):
            stride = 2 if depth < config.layers else 1
            before, after = widths[depth - 1], widths[depth]
            layers.append(Conv2d(before, after, 4, stride=stride, padding=pad, bias=config.has_bias))
            layers += normalise(config.norm, after, "leaky_relu")
        layers.append(nn.Conv2d(widths[-1], 1, 4, padding=pad))
        self.model = nn.Sequential(*layers)
        # With a padding of 1 each of the last two convolutions takes a row and a column away; 2 adds instead.
        self.minimum = 3 * 2**config.layers if pad == 1 else 1

    def forward(self, x: Tensor) -> Tensor:
        """Score pictures; see the class for shapes."""
        return self.model(x)


class PixelDiscriminator(nn.Module):
    """1x1 convolutions only: scores (N, 1, H, W), each from the one pixel (Isola et al., 2017, section 4.4)."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        ndf = config.ndf
        self.net = nn.Sequential(
            nn.Conv2d(config.input_nc, ndf, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(ndf, 2 * ndf, 1, bias=config.has_bias),
            *normalise(config.norm, 2 * ndf, "leaky_relu"),
            nn.Conv2d(2 * ndf, 1, 1, bias=config.has_bias),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Score pictures; see the class for shapes."""
        return self.net(x)
