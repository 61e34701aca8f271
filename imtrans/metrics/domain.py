"""Does a translation pass for the target domain? A classifier that never saw a translation is asked.

Two classifiers tell two things apart. One sees colour; for a pair such as colour and grey pictures it is as easily
satisfied as a grey filter is written. The other sees luminance alone, and asks for the target's light, texture and
content. Both are small, see pictures of 64 pixels a side only, and are trained on real pictures under augmentation, so
that borders, sharpness and traces of compression tell them little.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from imtrans.data.pixels import luma

PREPARED = 80
"""Side of a prepared picture; 64 pixels of it are seen, which leaves room for random crops."""

SEEN = 64


@dataclass(frozen=True)
class ClassifierConfig:
    """What a classifier sees and how it is trained."""

    sees: Literal["colour", "luminance"]
    width: int = 24
    """Filters of the first convolution."""
    steps: int = 600
    """Training steps."""
    batch_size: int = 32
    """Pictures of both domains together in a step."""
    lr: float = 2e-3
    """Highest learning rate of Adam, which rises and falls once (Smith and Topin's 1cycle)."""
    seed: int = 0


class DomainClassifier(nn.Module):
    """Four strided convolutions and an average: prepared pictures (N, 3, 80, 80) to logits (N,), positive for B."""

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        channels = [3 if config.sees == "colour" else 1, width, 2 * width, 4 * width, 4 * width]
        layers: list[nn.Module] = []
        for entering, leaving in pairwise(channels):
            layers += [nn.Conv2d(entering, leaving, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(leaving)]
            layers.append(nn.ReLU())
        self.model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels[-1], 1))

    def forward(self, pictures: Tensor) -> Tensor:
        """Judge prepared pictures by their middle."""
        margin = (PREPARED - SEEN) // 2
        return self.judge(pictures[..., margin:-margin, margin:-margin])

    def judge(self, crops: Tensor) -> Tensor:
        """Judge crops (N, 3, 64, 64) from 0 to 1."""
        if self.config.sees == "luminance":
            crops = luma(crops)
        return self.model(crops * 2 - 1).squeeze(1)


def prepare(pictures: Tensor) -> Tensor:
    """Bring pictures (N, 3, H, W) from 0 to 1 to the size that classifiers take, without aliasing: (N, 3, 80, 80)."""
    size = (PREPARED, PREPARED)
    return functional.interpolate(pictures.float(), size, mode="bilinear", antialias=True).clamp(0, 1)


def train_classifier(
    a: Tensor, b: Tensor, config: ClassifierConfig, report: Callable[[int, float], None] = lambda step, loss: None
) -> DomainClassifier:
    """Train a classifier to tell prepared real pictures of A and of B apart.

    Args:
        a: (N, 3, 80, 80) from 0 to 1, see :func:`prepare`; the classifier is trained on the device that they are on.
        b: likewise.
        config: what it sees, and how long it trains.
        report: told the step and the loss now and then.
    """
    random = torch.Generator().manual_seed(config.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        classifier = DomainClassifier(config).to(a.device).train()
    optimiser = torch.optim.Adam(classifier.parameters(), lr=config.lr, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.lr, config.steps)
    half = config.batch_size // 2
    target = torch.cat([a.new_zeros(half), a.new_ones(half)])
    for step in range(config.steps):
        chosen = [pictures[torch.randint(len(pictures), (half,), generator=random)] for pictures in (a, b)]
        logits = classifier.judge(augment(torch.cat(chosen), random))
        loss = functional.binary_cross_entropy_with_logits(logits, target)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 100 == 99:
            report(step + 1, loss.item())
    return classifier.eval()


def augment(pictures: Tensor, random: torch.Generator) -> Tensor:
    """Crops (N, 3, 64, 64) at random places and sizes, mirrored, blurred, with other light and some noise."""
    count = len(pictures)

    def draw(low: float, high: float) -> Tensor:
        return (torch.rand(count, generator=random) * (high - low) + low).to(pictures.device).view(-1, 1, 1, 1)

    crops = _crop(pictures, draw)
    blurred = functional.avg_pool2d(functional.pad(crops, (1, 1, 1, 1), mode="reflect"), 3, stride=1)
    crops = torch.lerp(crops, blurred, draw(0, 1))
    mean = crops.mean((1, 2, 3), keepdim=True)
    crops = (crops - mean) * draw(0.8, 1.2) + mean + draw(-0.1, 0.1)
    noise = torch.randn(crops.shape, generator=random).to(crops.device)
    return (crops + noise * draw(0, 0.04)).clamp(0, 1)


def _crop(pictures: Tensor, draw: Callable[[float, float], Tensor]) -> Tensor:
    """64 pixels a side out of 64 to 80, at a random place, every second one mirrored."""
    scale = draw(SEEN / PREPARED, 1).squeeze((2, 3))
    mirror = draw(-1, 1).squeeze((2, 3)).sign()
    shift_x, shift_y = ((draw(-1, 1).squeeze((2, 3)) * (1 - scale)) for _ in range(2))
    nothing = torch.zeros_like(scale)
    rows = torch.cat([scale * mirror, nothing, shift_x], 1), torch.cat([nothing, scale, shift_y], 1)
    grid = functional.affine_grid(torch.stack(rows, 1), [len(pictures), 3, SEEN, SEEN], align_corners=False)
    return functional.grid_sample(pictures, grid, align_corners=False, padding_mode="reflection")


@torch.no_grad()
def verdicts(classifier: DomainClassifier, pictures: Tensor) -> Tensor:
    """How sure the classifier is that each picture (N, 3, H, W) from 0 to 1 is of domain B: (N,) from 0 to 1."""
    return torch.cat([classifier(prepare(part)).sigmoid() for part in pictures.split(32)])


def share_taken_for(classifier: DomainClassifier, pictures: Tensor, domain: Literal["A", "B"]) -> float:
    """The share of the pictures (N, 3, H, W) from 0 to 1 that the classifier takes for ``domain``, from 0 to 1."""
    taken_for_b = verdicts(classifier, pictures) > 0.5
    return (taken_for_b if domain == "B" else ~taken_for_b).float().mean().item()
