"""CycleGAN's residual generator as anyone would write it in PyTorch, without a line of imtrans.

It is what imtrans is compared with, what other runtimes get, and, in float64, what is right. Keys of its state dict are
those of the authors' code and so those of imtrans. Johnson, Alahi and Fei-Fei, 2016; Zhu et al., 2017, appendix 7.2.
"""

from __future__ import annotations

from torch import Tensor, nn


class PlainBlock(nn.Module):
    """x + norm(conv(relu(norm(conv(x)))))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3),
            nn.InstanceNorm2d(width),
            nn.ReLU(inplace=True),
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3),
            nn.InstanceNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        return x + self.conv_block(x)


class PlainGenerator(nn.Module):
    """Maps pictures (N, 3, H, W) in [-1, 1] to pictures of the same shape and range; H and W are multiples of 4."""

    def __init__(self, ngf: int = 64, blocks: int = 9) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, ngf, 7), *_norm_and_relu(ngf)]
        for width in (ngf, 2 * ngf):
            layers += [nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), *_norm_and_relu(2 * width)]
        layers += [PlainBlock(4 * ngf) for _ in range(blocks)]
        for width in (4 * ngf, 2 * ngf):
            doubling = nn.ConvTranspose2d(width, width // 2, 3, stride=2, padding=1, output_padding=1)
            layers += [doubling, *_norm_and_relu(width // 2)]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(ngf, 3, 7), nn.Tanh()]
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Translate pictures."""
        return self.model(x)


def _norm_and_relu(channels: int) -> list[nn.Module]:
    return [nn.InstanceNorm2d(channels), nn.ReLU(inplace=True)]
