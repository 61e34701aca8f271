"""LPIPS: how different two pictures look to a network that learned to name what is in them.

Zhang, Isola, Efros, Shechtman and Wang, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", 2018.
With the maps y_l of layer l, scaled to unit length at every place, and weights w_l >= 0 fitted to people's judgement::

    d(x, x0) = sum over l of mean over places of  sum over channels of  w_l (y_l(x) - y_l(x0))^2        (equation 1)
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from imtrans.errors import InputError, MissingExtraError, WeightsError
from imtrans.metrics.networks.files import ALEXNET, blank, fill
from imtrans.nn.vgg import VGG
from imtrans.weights import digests
from imtrans.weights.download import Progress
from imtrans.weights.published import VGG16, Published, obtain
from imtrans.weights.reader import read

Backbone = Literal["alex", "vgg"]

SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)
"""ImageNet's mean and spread, for pictures from -1 to 1."""

_FILES: Mapping[Backbone, Published] = {"alex": ALEXNET, "vgg": VGG16}
_LINEAR: Mapping[Backbone, str] = {
    "alex": "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
    "vgg": "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
}
"""Digests of the authors' linear layers, version 0.1, which torchmetrics carries."""


class AlexNet(nn.Module):
    """The convolutions of AlexNet, with torchvision's keys.

    Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014.

    Attributes:
        minimum: pixels a side below which a pooling has nothing left.
    """

    minimum = 31

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2)]
        layers += [nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)]
        layers += [nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()]
        layers += [nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()]
        layers += [nn.Conv2d(256, 256, 3, padding=1), nn.ReLU()]
        self.features = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """The five maps after a ReLU of pictures (N, 3, H, W), shallow ones first."""
        maps = {}
        for index, layer in enumerate(self.features):
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                maps[f"relu{index}"] = x
        return maps


def vgg16() -> VGG:
    """VGG-16 up to the last ReLU of its fifth block."""
    return VGG(16, ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"))


class Lpips(nn.Module):
    """Distance (N,) of pictures (N, 3, H, W) from 0 to 1: 0 for equal ones, about 0.7 for unrelated ones.

    Args:
        backbone: what looks: pictures to maps by name, with an attribute ``minimum``, pixels a side.
        linear: w_l of every tap, each (channels,).
        name: for labels.
        digest: sha256 of the backbone's file, for labels.
    """

    def __init__(
        self, backbone: nn.Module, linear: Sequence[Tensor], name: str = "LPIPS", digest: str | None = None
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.minimum = int(getattr(backbone, "minimum", 1))
        self.name = name
        self.digest = digest
        self.linear = nn.ParameterList([nn.Parameter(weights, requires_grad=False) for weights in linear])
        self.register_buffer("shift", torch.tensor(SHIFT).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor(SCALE).view(1, 3, 1, 1))
        self.shift: Tensor
        self.scale: Tensor
        self.requires_grad_(False).eval()

    def forward(self, pictures: Tensor, others: Tensor) -> Tensor:
        """Compare pictures one by one.

        Raises:
            InputError: they are too small for the backbone.
        """
        if min(pictures.shape[-2:]) < self.minimum:
            height, width = pictures.shape[-2:]
            raise InputError(
                f"{self.name} needs pictures of at least {self.minimum} pixels a side, not {width} x {height}."
            )
        distance = pictures.new_zeros(len(pictures))
        for one, other, weights in zip(self._maps(pictures), self._maps(others), self.linear, strict=True):
            squares = (one - other).square() * weights.view(1, -1, 1, 1)
            distance = distance + squares.sum(1).mean((1, 2))
        return distance

    def _maps(self, pictures: Tensor) -> list[Tensor]:
        maps = self.backbone((pictures * 2 - 1 - self.shift) / self.scale)
        return [x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10) for x in maps.values()]


def load_lpips(
    backbone: Backbone = "alex",
    weights: Path | None = None,
    *,
    offline: bool = False,
    progress: Progress | None = None,
    option: str | None = "--lpips-weights FILE",
) -> Lpips:
    """LPIPS 0.1 with the authors' linear layers.

    Args:
        backbone: ``"alex"``, which papers report, or ``"vgg"``.
        weights: the backbone's file; None takes the cache's, or downloads it.
        offline: never download.
        progress: called while downloading.
        option: what gives the file, for the message; None where nothing does.

    Raises:
        MissingExtraError: torchmetrics, which carries the linear layers, is not installed.
        WeightsError: a file cannot be had, or holds something else.
    """
    linear = _linear(backbone)  # first, because it costs nothing to find out
    network: nn.Module = blank(AlexNet) if backbone == "alex" else blank(vgg16)
    path = weights or obtain(_FILES[backbone], offline=offline, progress=progress, option=option)
    fill(network, read(path).tensors, path, what=_FILES[backbone].name)
    return Lpips(network, linear, f"LPIPS 0.1 ({backbone})", digests.sha256_of(path))


def _linear(backbone: Backbone) -> list[Tensor]:
    spec = importlib.util.find_spec("torchmetrics")
    if spec is None or spec.origin is None:
        raise MissingExtraError(
            "LPIPS needs the package torchmetrics, which carries the authors' linear layers.",
            hint="pip install 'imtrans[evaluate]'",
        )
    path = Path(spec.origin).parent / "functional" / "image" / "lpips_models" / f"{backbone}.pth"
    if not path.is_file():
        raise WeightsError(
            f"the installed torchmetrics has no file {path.name} of LPIPS.", hint="pip install 'torchmetrics>=1.4,<2'"
        )
    digests.check_published(path, _LINEAR[backbone])
    tensors = read(path).tensors
    return [tensors[f"lin{index}.model.1.weight"].flatten() for index in range(5)]
