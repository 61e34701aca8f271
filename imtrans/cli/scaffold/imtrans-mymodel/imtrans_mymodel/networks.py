"""The networks of mymodel, and how the generator's checkpoint is recognised."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from imtrans_mymodel.config import GeneratorConfig


class Generator(nn.Module):
    """y = clamp(x + conv(relu(conv(x)))): a change of the picture, learnt as what to add to it.

    Maps (N, 3, H, W) in [-1, 1] to the same shape and range, for any H and W.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, config.width, 3, padding=1)
        self.second = nn.Conv2d(config.width, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Translate pictures; see the class for shapes and ranges."""
        change: Tensor = self.second(self.first(x).relu())
        return (x + change).clamp(-1, 1)


class Discriminator(nn.Module):
    """Scores overlapping patches: (N, 3, H, W) in [-1, 1] to (N, 1, H / 4, W / 4), high for pictures of the set B."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 1, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Score pictures; see the class for shapes."""
        scores: Tensor = self.layers(x)
        return scores


def build_generator(config: GeneratorConfig) -> nn.Module:
    """The network that runs, with fresh weights."""
    return Generator(config)


def recognise(shapes: Mapping[str, tuple[int, ...]]) -> GeneratorConfig | None:
    """The settings of the generator whose state dict has these keys and shapes, or None if it is none of ours."""
    if set(shapes) != {"first.weight", "first.bias", "second.weight", "second.bias"}:
        return None
    first, second = shapes["first.weight"], shapes["second.weight"]
    fits = len(first) == 4 and first[1:] == (3, 3, 3) and second == (3, first[0], 3, 3)
    return GeneratorConfig(width=first[0]) if fits else None
