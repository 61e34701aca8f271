"""photo2cartoon's generator: U-GAT-IT's, with hourglasses at both ends and soft-AdaLIN in the decoder.

Keys of the state dict are those of the authors' ``models/networks.py``, so their checkpoints load as they are; layers
are therefore counted as the authors counted them (see :mod:`imtrans_photo2cartoon.hourglass`).
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from imtrans.errors import UsageError
from imtrans.nn import LIN, InstanceNorm2d, ReflectConv2d, SoftAdaLIN
from imtrans.nn.cam import Attended, class_logits, heatmap_of, weighted_maps
from imtrans_photo2cartoon.config import GeneratorConfig
from imtrans_photo2cartoon.hourglass import HALVINGS, Hourglass

BLOCKS = 4
"""Residual blocks of the encoder, and of the decoder."""


def build_generator(config: GeneratorConfig) -> Generator:
    """The generator that ``config`` describes, with PyTorch's initial weights, as the authors begin."""
    return Generator(config)


class Generator(nn.Module):
    """Hourglasses, encoder, attention, decoder, hourglasses.

    Maps (N, 3, H, W) in [-1, 1] to (N, 3, H, W) in [-1, 1]. H and W are multiples of ``multiple`` and at least
    ``minimum``; those of the full network (without ``config.light``) equal ``fixed_size``, which is None for the light
    one.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        # An hourglass at full size halves it four times, to two pixels or more: a border of one needs a second pixel.
        self.multiple, self.minimum = 2**HALVINGS, 2 ** (HALVINGS + 1)
        self.fixed_size = None if config.light else config.img_size
        ngf, width = config.ngf, 4 * config.ngf
        self.ConvBlock1 = _convolution(3, ngf, 7)
        self.HourGlass1, self.HourGlass2 = Hourglass(ngf), Hourglass(ngf)
        self.DownBlock1, self.DownBlock2 = (
            _convolution(ngf, 2 * ngf, 3, stride=2),
            _convolution(2 * ngf, width, 3, stride=2),
        )
        for number in range(1, BLOCKS + 1):
            self.add_module(f"EncodeBlock{number}", EncoderBlock(width))
        self.gap_fc, self.gmp_fc = nn.Linear(width, 1), nn.Linear(width, 1)
        self.conv1x1 = nn.Conv2d(2 * width, width, 1)
        places = 1 if config.light else (config.img_size // 4) ** 2
        self.FC = nn.Sequential(nn.Linear(places * width, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        for number in range(1, BLOCKS + 1):
            self.add_module(f"DecodeBlock{number}", DecoderBlock(width))
        self.UpBlock1, self.UpBlock2 = _doubling(width, 2 * ngf), _doubling(2 * ngf, ngf)
        self.HourGlass3, self.HourGlass4 = Hourglass(ngf), Hourglass(ngf, sketch_only=True)
        self.ConvBlock2 = nn.Sequential(nn.Identity(), ReflectConv2d(3, 3, 7, padding=3, bias=False), nn.Tanh())

    def forward(self, x: Tensor, attention: bool = False) -> Tensor | Attended:
        """Translate pictures; see the class for shapes and ranges.

        Args:
            x: the pictures.
            attention: give logits and heat map as well.

        Raises:
            UsageError: the network is bound to pictures of another size.
        """
        self._require_size(x)
        x, content = self._encode(x)
        maps = functional.relu(weighted_maps(x, self.gap_fc, self.gmp_fc, self.conv1x1))
        image = self._decode(maps, content, self._style(maps))
        return Attended(image, class_logits(x, self.gap_fc, self.gmp_fc), heatmap_of(maps)) if attention else image

    def _encode(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Maps (N, 4 ngf, H / 4, W / 4), and their averages (N, 4 ngf) behind each residual block."""
        for layer in (self.ConvBlock1, self.HourGlass1, self.HourGlass2, self.DownBlock1, self.DownBlock2):
            x = layer(x)
        content = []
        for number in range(1, BLOCKS + 1):
            x = self.get_submodule(f"EncodeBlock{number}")(x)
            content.append(x.mean(dim=(2, 3)))
        return x, content

    def _style(self, x: Tensor) -> Tensor:
        style: Tensor = self.FC(x.mean(dim=(2, 3)) if self.config.light else x.flatten(1))
        return style

    def _decode(self, x: Tensor, content: list[Tensor], style: Tensor) -> Tensor:
        """The decoder unwinds the encoder: its first block gets the averages of the encoder's last."""
        for number, averages in enumerate(reversed(content), start=1):
            x = self.get_submodule(f"DecodeBlock{number}")(x, averages, style)
        for layer in (self.UpBlock1, self.UpBlock2, self.HourGlass3, self.HourGlass4, self.ConvBlock2):
            x = layer(x)
        return x

    def _require_size(self, x: Tensor) -> None:
        if self.fixed_size is not None and x.shape[-2:] != (self.fixed_size, self.fixed_size):
            height, width = x.shape[-2:]
            raise UsageError(
                f"the full photo2cartoon network takes pictures of {self.fixed_size} x {self.fixed_size} pixels, not "
                f"{width} x {height}.",
                have="A layer of it has a weight for every pixel of the feature maps.",
                hint="Resize them, which imtrans run does by itself, or train the light network, which takes any size.",
            )


class EncoderBlock(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))), at constant width and size."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.Identity(), ReflectConv2d(width, width, 3, padding=1, bias=False),
            InstanceNorm2d(width, activation="relu", pad=1), nn.Identity(),
            nn.Identity(), ReflectConv2d(width, width, 3, padding=1, padded=True, bias=False),
            InstanceNorm2d(width),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) to the same shape."""
        *layers, norm = self.conv_block
        y = x
        for layer in layers:
            y = layer(y)
        out: Tensor = norm(y, residual=x)
        return out


class DecoderBlock(nn.Module):
    """The same with soft-AdaLIN, which is told by content and style how to scale and shift."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = ReflectConv2d(width, width, 3, padding=1, bias=False)
        self.norm1 = SoftAdaLIN(width, activation="relu", pad=1)
        self.conv2 = ReflectConv2d(width, width, 3, padding=1, padded=True, bias=False)
        self.norm2 = SoftAdaLIN(width)

    def forward(self, x: Tensor, content: Tensor, style: Tensor) -> Tensor:
        """(N, width, H, W) to the same shape, by content and style (N, width)."""
        y = self.norm1(self.conv1(x), content, style)
        out: Tensor = self.norm2(self.conv2(y), content, style, residual=x)
        return out


def _convolution(entering: int, leaving: int, side: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Identity(), ReflectConv2d(entering, leaving, side, padding=side // 2, stride=stride, bias=False),
        InstanceNorm2d(leaving, activation="relu"), nn.Identity(),
    )  # fmt: skip


def _doubling(entering: int, leaving: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Upsample(scale_factor=2.0, mode="nearest"), nn.Identity(),
        ReflectConv2d(entering, leaving, 3, padding=1, bias=False),
        LIN(leaving, activation="relu"), nn.Identity(),
    )  # fmt: skip
