"""Perceptual and style losses: pictures are compared as a network that learned to name things sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from imtrans.errors import UsageError
from imtrans.nn.vgg import Depth
from imtrans.train.losses.precision import full_precision, widen
from imtrans.train.losses.reconstruction import l1_loss, l2_loss
from imtrans.train.losses.vgg_weights import load_vgg
from imtrans.weights.download import Progress

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of RGB pictures from 0 to 1, as torchvision's networks were trained."""


@dataclass(frozen=True)
class Perception:
    """What is looked at, and how it is compared."""

    content: Mapping[str, float] = field(default_factory=dict)
    """Weight by layer of the distance between maps."""
    style: Mapping[str, float] = field(default_factory=dict)
    """Weight by layer of the distance between Gram matrices."""
    depth: Depth = 19
    distance: Literal["l1", "l2"] = "l1"
    """Between maps: E |a - b| or E (a - b)^2. Gram matrices are compared by the sum of squares."""
    normalise: bool = True
    """Give the network pictures of ImageNet's mean and spread, as it was trained; some authors leave that out."""
    scale: float = 1.0
    """What maps are multiplied by before they are compared."""

    @property
    def layers(self) -> tuple[str, ...]:
        """Every layer that is looked at."""
        return tuple(dict.fromkeys((*self.content, *self.style)))


PIX2PIXHD = Perception(
    content={"relu1_1": 1 / 32, "relu2_1": 1 / 16, "relu3_1": 1 / 8, "relu4_1": 1 / 4, "relu5_1": 1.0}, normalise=False
)
"""pix2pixHD and SPADE (weight 10): pictures from -1 to 1 go into the network as they are."""

DEBLURGAN = Perception(content={"conv3_3": 1.0}, distance="l2", normalise=False)
"""DeblurGAN (Kupyn et al., 2018, equation 4; weight 100): the map before the ReLU, pictures as they are."""

DEBLURGAN_V2 = Perception(content={"conv3_3": 1.0}, distance="l2")
"""DeblurGAN-v2 (Kupyn et al., 2019; weight 0.006, beside half the mean squared error of the pixels)."""

SRGAN = Perception(content={"relu5_4": 1.0}, distance="l2", scale=1 / 12.75)
"""SRGAN (Ledig et al., 2017, equation 5): maps divided by 12.75, which is the loss times 0.006."""

ESRGAN = Perception(content={"conv5_4": 1.0})
"""ESRGAN (Wang et al., 2018, section 3.3): before the activation, where maps are not yet sparse."""

JOHNSON = Perception(
    content={"relu2_2": 1.0},
    style={"relu1_2": 1.0, "relu2_2": 1.0, "relu3_3": 1.0, "relu4_3": 1.0},
    depth=16,
    distance="l2",
)
"""Fast style transfer (Johnson et al., 2016, section 4.1); the ratio of content and style is the user's."""


class PerceptualLoss(nn.Module):
    """The distance of two pictures through VGG: with maps phi_l of layer l and Gram matrices G_l::

        sum over l of content[l] * distance(phi_l(x), phi_l(y)) + style[l] * E ||G_l(x) - G_l(y)||_F^2

    Johnson, Alahi, Fei-Fei: "Perceptual Losses for Real-Time Style Transfer and Super-Resolution", 2016, equations 2 to
    4; what each family of models makes of it: :data:`PIX2PIXHD` and its neighbours.

    The network is frozen and follows the pictures to their device. It is part of no checkpoint: keep the loss as an
    attribute of the method, outside ``networks``.

    Args:
        perception: layers, weights, distance.
        weights: a file with torchvision's keys; None for the published one, from the cache or downloaded.
        value_range: black and white in the pictures that will come.
        autocast: let the network compute in half precision under autocast, faster and a little less exact; distances
            and Gram matrices are float32 in any case.
        offline: never download.
        progress: called while downloading.

    Raises:
        WeightsError: the file cannot be had, or holds another network.
        UsageError: no layers, or one that does not exist.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        perception: Perception,
        weights: str | Path | None = None,
        *,
        value_range: tuple[float, float] = (-1.0, 1.0),
        autocast: bool = False,
        offline: bool = False,
        progress: Progress | None = None,
    ) -> None:
        super().__init__()
        self.perception, self.autocast = perception, autocast
        self.network = load_vgg(perception.depth, perception.layers, weights, offline=offline, progress=progress)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
        low, high = value_range
        # (x - low) / (high - low), then ImageNet's mean and spread: one subtraction and one division.
        mean = torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1) * (high - low) + low
        std = torch.tensor(IMAGENET_STD).view(1, 3, 1, 1) * (high - low)
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The distance of x to y.

        Args:
            x: pictures (N, 3, H, W), or grey ones (N, 1, H, W), in the value range.
            y: pictures of the same shape; they are detached.

        Returns:
            A scalar in float32 (float64 where the loss itself was made so).

        Raises:
            UsageError: shapes that differ, or that the network cannot take.
        """
        if x.shape != y.shape:
            raise UsageError(f"pictures of shapes {tuple(x.shape)} and {tuple(y.shape)} cannot be compared.")
        with torch.no_grad():
            wanted = self.look(y)
        return self.compare(self.look(x), wanted)

    def look(self, pictures: Tensor) -> dict[str, Tensor]:
        """The maps of ``pictures`` by layer, for :meth:`compare`: one look can serve several comparisons."""
        if self.mean.device != pictures.device:
            self.to(pictures.device)
        seen = pictures.to(self.mean.dtype)
        if seen.dim() == 4 and seen.shape[1] == 1:
            seen = seen.expand(-1, 3, -1, -1)
        if self.perception.normalise:
            seen = (seen - self.mean) / self.std
        if self.autocast:
            return self._maps(seen)
        with full_precision(seen):
            return self._maps(seen)

    def _maps(self, seen: Tensor) -> dict[str, Tensor]:
        return {layer: widen(found) * self.perception.scale for layer, found in self.network(seen).items()}

    def compare(self, maps: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> Tensor:
        """The distance of ``maps`` to those ``wanted``, both from :meth:`look`; see the class."""
        distance = l1_loss if self.perception.distance == "l1" else l2_loss
        terms = [weight * distance(maps[layer], wanted[layer]) for layer, weight in self.perception.content.items()]
        for layer, weight in self.perception.style.items():
            terms.append(weight * gram_distance(maps[layer], wanted[layer]))
        return torch.stack(terms).sum()


def gram_matrix(maps: Tensor) -> Tensor:
    """Which channels go together, wherever in the picture: G = F F^T / (C H W) for F of shape (C, H W).

    Johnson et al., 2016, equation 3, after Gatys et al., 2015.

    Args:
        maps: (N, C, H, W).

    Returns:
        (N, C, C) in float32 (float64 for float64 maps).
    """
    flat = widen(maps).flatten(2)
    with full_precision(flat):
        return flat @ flat.transpose(1, 2) / (flat.shape[1] * flat.shape[2])


def gram_distance(maps: Tensor, wanted: Tensor) -> Tensor:
    """E ||G(maps) - G(wanted)||_F^2 over pictures (Johnson et al., 2016, equation 4); the sizes may differ."""
    return (gram_matrix(maps) - gram_matrix(wanted)).square().sum((1, 2)).mean()
