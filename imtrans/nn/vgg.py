"""VGG-16 and VGG-19 as networks to look through: pictures in, named inner maps out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from torch import Tensor, nn

from imtrans.errors import UsageError, did_you_mean

Depth = Literal[16, 19]

_CONVOLUTIONS: dict[int, tuple[int, ...]] = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
"""Convolutions in each of the five blocks; a halving stands after each block."""

_WIDTHS = (1, 2, 4, 8, 8)


def layer_names(depth: Depth) -> tuple[str, ...]:
    """The name of each layer in order, so that its place is its index in the authors' and torchvision's ``features``.

    ``conv3_2`` is the second convolution of the third block, before its ReLU, ``relu3_2`` after it, ``pool3`` the
    halving at the block's end.

    Raises:
        UsageError: there is no VGG of that depth here.
    """
    if depth not in _CONVOLUTIONS:
        raise UsageError(f"there is no VGG-{depth} here.", have="Depths: 16 and 19.")
    names: list[str] = []
    for block, count in enumerate(_CONVOLUTIONS[depth], start=1):
        for place in range(1, count + 1):
            names += [f"conv{block}_{place}", f"relu{block}_{place}"]
        names.append(f"pool{block}")
    return tuple(names)


class VGG(nn.Module):
    """The convolutions of VGG-16 or VGG-19, up to the deepest layer that is asked for.

    Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2015, configurations D
    and E. State-dict keys are torchvision's ``features.N.weight`` and ``features.N.bias``.

    Args:
        depth: 16 or 19.
        layers: the layers whose outputs are wanted, by :func:`layer_names`.
        width: channels of the first block; the published networks have 64.

    Raises:
        UsageError: no layers, or one that this depth does not have.
    """

    def __init__(self, depth: Depth, layers: Iterable[str], width: int = 64) -> None:
        super().__init__()
        names = layer_names(depth)
        wanted = set(layers)
        if not wanted:
            raise UsageError("a VGG that no layer is asked of sees nothing.", have=f"Layers: {', '.join(names)}.")
        for name in wanted.difference(names):
            raise UsageError(
                f"VGG-{depth} has no layer {name!r}.",
                have=f"Layers: {', '.join(names)}. {did_you_mean(name, names)}".strip(),
            )
        self.depth, self.wanted = depth, frozenset(wanted)
        self.names = names[: 1 + max(map(names.index, wanted))]
        self.minimum = 2 ** sum(name.startswith("pool") for name in self.names)
        """Pixels a side below which a halving has nothing left."""
        self.features = nn.Sequential(*_layers(self.names, width))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """The wanted maps of pictures (N, 3, H, W) by layer, shallow ones first.

        Raises:
            UsageError: the pictures have other than 3 channels, or are smaller than ``minimum``.
        """
        if x.dim() != 4 or x.shape[1] != 3 or min(x.shape[2:]) < self.minimum:
            raise UsageError(
                f"VGG-{self.depth} up to {self.names[-1]} cannot look at pictures of shape {tuple(x.shape)}.",
                have=f"It takes (N, 3, H, W) with H and W of at least {self.minimum}.",
            )
        maps = {}
        for name, layer in zip(self.names, self.features, strict=True):
            x = layer(x)
            if name in self.wanted:
                maps[name] = x
        return maps


def _layers(names: Iterable[str], width: int) -> list[nn.Module]:
    """No ReLU works in place: the map before it may be wanted too."""
    layers: list[nn.Module] = []
    channels = 3
    for name in names:
        if name.startswith("conv"):
            block = int(name[4]) - 1
            layers.append(nn.Conv2d(channels, width * _WIDTHS[block], 3, padding=1))
            channels = width * _WIDTHS[block]
        else:
            layers.append(nn.ReLU() if name.startswith("relu") else nn.MaxPool2d(2))
    return layers
