"""U-GAT-IT's generator, light and full, with the keys of the authors' ``networks.py``.

Layers are counted as the authors counted them, so an ``nn.Identity`` holds the place of an activation that a fused
normalisation applies, and of a padding that it, or the convolution behind it, sees to.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from imtrans.errors import UsageError
from imtrans.nn import LIN, AdaLIN, InstanceNorm2d, ReflectConv2d
from imtrans.nn import generator_config as shared
from imtrans.nn.cam import Attended, class_logits, heatmap_of, weighted_maps
from imtrans.nn.generators import ResizeConv2d, ResnetBlock
from imtrans_ugatit.config import GeneratorConfig
from imtrans_ugatit.room import require_room

_BLOCK = shared.GeneratorConfig(norm="instance", padding="reflect", bias=False)
"""Of the encoder's residual blocks, which are CycleGAN's without biases."""


def build_generator(config: GeneratorConfig) -> Generator:
    """The generator that ``config`` describes, with PyTorch's initial weights, as the authors begin.

    Raises:
        UsageError: the full network's largest layer does not fit into memory.
    """
    if not config.light:
        require_room(config)
    return Generator(config)


class Generator(nn.Module):
    """Encoder, attention, decoder with adaptive normalisation (section 3.1.1 of the paper).

    Maps (N, input_nc, H, W) in [-1, 1] to (N, output_nc, H, W) in [-1, 1]. H and W are multiples of ``multiple`` and at
    least ``minimum``; those of the full network equal ``fixed_size``, which is None for the light one.
    """

    multiple = 4
    minimum = 8
    """Reflection needs more pixels than it adds: 3 at full size, and 1 at a quarter of it."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.light = config.light
        self.fixed_size = None if config.light else config.img_size
        ngf, width = config.ngf, 4 * config.ngf
        self.DownBlock = _encoder(config)
        self.gap_fc = nn.Linear(width, 1, bias=False)
        self.gmp_fc = nn.Linear(width, 1, bias=False)
        self.conv1x1 = nn.Conv2d(2 * width, width, 1)
        entering = width if config.light else (config.img_size // 4) ** 2 * width
        self.FC = nn.Sequential(
            nn.Linear(entering, width, bias=False), nn.ReLU(), nn.Linear(width, width, bias=False), nn.ReLU()
        )
        self.gamma = nn.Linear(width, width, bias=False)
        self.beta = nn.Linear(width, width, bias=False)
        # The authors call them UpBlock1_1, UpBlock1_2 and so on; the last one writes no border for a next one.
        self.adaptive_blocks = [f"UpBlock1_{number}" for number in range(1, config.blocks + 1)]
        for name in self.adaptive_blocks:
            first, last = name == self.adaptive_blocks[0], name == self.adaptive_blocks[-1]
            self.add_module(name, AdaptiveBlock(width, padded=not first, border=0 if last else 1))
        self.UpBlock2 = nn.Sequential(
            nn.Identity(), nn.Identity(), Doubling(width, 2 * ngf), LIN(2 * ngf, activation="relu"), nn.Identity(),
            nn.Identity(), nn.Identity(), Doubling(2 * ngf, ngf), LIN(ngf, activation="relu", pad=3), nn.Identity(),
            nn.Identity(), ReflectConv2d(ngf, config.output_nc, 7, padding=3, padded=True, bias=False), nn.Tanh(),
        )  # fmt: skip

    def forward(self, x: Tensor, attention: bool = False) -> Tensor | Attended:
        """Translate pictures; see the class for shapes and ranges.

        Args:
            x: the pictures.
            attention: give the classifier's logits and the heatmap besides.

        Raises:
            UsageError: they are not of the full network's size.
        """
        self._check_size(x)
        features = self.DownBlock(x)
        maps = functional.relu(weighted_maps(features, self.gap_fc, self.gmp_fc, self.conv1x1))
        seen = self.FC(maps.mean((2, 3)) if self.light else maps.flatten(1))
        gamma, beta = self.gamma(seen), self.beta(seen)
        y = maps
        for name in self.adaptive_blocks:
            y = self.get_submodule(name)(y, gamma, beta)
        image: Tensor = self.UpBlock2(y)
        if not attention:
            return image
        return Attended(image, class_logits(features, self.gap_fc, self.gmp_fc), heatmap_of(maps))

    def _check_size(self, x: Tensor) -> None:
        if self.fixed_size is not None and x.shape[-2:] != (self.fixed_size, self.fixed_size):
            height, width = x.shape[-2:]
            raise UsageError(
                f"the full U-GAT-IT network takes pictures of {self.fixed_size} x {self.fixed_size} pixels, not "
                f"{width} x {height}.",
                have="A layer of it has a weight for every pixel of the feature maps.",
                hint="Resize them, which imtrans run does by itself, or train the light network, which takes any size.",
            )


class AdaptiveBlock(nn.Module):
    """x + AdaLIN(conv(relu(AdaLIN(conv(x))))), at constant width and size; scale and shift come with the picture.

    Args:
        width: channels of the maps.
        padded: x comes with a border of one reflected pixel, which the residual addition leaves out.
        border: reflected pixels that the output is to have on each side, for the block that follows.
    """

    def __init__(self, width: int, *, padded: bool, border: int) -> None:
        super().__init__()
        self.conv1 = ReflectConv2d(width, width, 3, padding=1, padded=padded, bias=False)
        self.norm1 = AdaLIN(width, activation="relu", pad=1)
        self.conv2 = ReflectConv2d(width, width, 3, padding=1, padded=True, bias=False)
        self.norm2 = AdaLIN(width, pad=border)

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        """(N, C, H, W) with gamma and beta (N, C) to the same shape, borders apart."""
        y = self.norm1(self.conv1(x), gamma, beta)
        return self.norm2(self.conv2(y), gamma, beta, residual=x)


class Doubling(ResizeConv2d):
    """Double the size by repeating pixels, then convolve 3x3, under the authors' key ``weight``."""

    def __init__(self, entering: int, leaving: int) -> None:
        super().__init__(entering, leaving, bias=False)
        self.register_state_dict_post_hook(_to_authors_key)
        self.register_load_state_dict_pre_hook(_from_authors_key)


def _to_authors_key(layer: nn.Module, state: dict[str, Tensor], prefix: str, _: object) -> None:
    state[f"{prefix}weight"] = state.pop(f"{prefix}conv.weight")


def _from_authors_key(layer: nn.Module, state: dict[str, Tensor], prefix: str, *_: object) -> None:
    if f"{prefix}weight" in state:
        state[f"{prefix}conv.weight"] = state.pop(f"{prefix}weight")


def _encoder(config: GeneratorConfig) -> nn.Sequential:
    """Two halvings and the residual blocks; every border but the picture's own is written by the norm before it."""
    ngf = config.ngf
    between = [1] * config.blocks + [0]
    return nn.Sequential(
        nn.Identity(), ReflectConv2d(config.input_nc, ngf, 7, padding=3, bias=False),
        InstanceNorm2d(ngf, activation="relu", pad=1), nn.Identity(),
        nn.Identity(), ReflectConv2d(ngf, 2 * ngf, 3, padding=1, padded=True, stride=2, bias=False),
        InstanceNorm2d(2 * ngf, activation="relu", pad=1), nn.Identity(),
        nn.Identity(), ReflectConv2d(2 * ngf, 4 * ngf, 3, padding=1, padded=True, stride=2, bias=False),
        InstanceNorm2d(4 * ngf, activation="relu", pad=between[0]), nn.Identity(),
        *(ResnetBlock(4 * ngf, _BLOCK, border=border) for border in between[1:]),
    )  # fmt: skip
