"""Toy networks and cards, small enough that what comes out can be told by hand."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from imtrans.card import Card, Ref


@dataclass(frozen=True)
class ToyConfig:
    """Nothing to configure."""


class Identity(nn.Module):
    """Gives what it gets and remembers its shape and range. Insists on its declared sizes, as real networks do."""

    def __init__(self, multiple: int = 1, minimum: int = 1) -> None:
        super().__init__()
        self.multiple, self.minimum = multiple, minimum
        self.gain = nn.Parameter(torch.ones(1))
        self.seen: list[tuple[int, ...]] = []
        self.range = (0.0, 0.0)

    def forward(self, x: Tensor) -> Tensor:
        if type(x) is Tensor:  # and not a tensor without data, on which memory is estimated
            self.seen.append(tuple(x.shape))
            self.range = (float(x.min()), float(x.max()))
        height, width = x.shape[-2:]
        assert height % self.multiple == width % self.multiple == 0
        assert min(height, width) >= self.minimum
        return x * self.gain


class Negative(Identity):
    """Black to white and back, in a range that is symmetric about zero."""

    def forward(self, x: Tensor) -> Tensor:
        return -super().forward(x)


class Enlarge(Identity):
    """Every pixel as a square of ``factor`` pixels a side."""

    def __init__(self, factor: int = 2) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).repeat_interleave(self.factor, -1).repeat_interleave(self.factor, -2)


class Overflow(Identity):
    """Sound in fp32, infinite in anything lower."""

    def forward(self, x: Tensor) -> Tensor:
        return Identity.forward(self, x) if x.dtype == torch.float32 else x / 0


def build(config: ToyConfig) -> nn.Module:
    return Negative(multiple=4, minimum=8)


def recognise(shapes: dict[str, tuple[int, ...]]) -> ToyConfig | None:
    return ToyConfig() if set(shapes) == {"gain"} else None


CARD = Card(
    name="toy",
    summary="gives the negative",
    network_config=Ref(f"{__name__}:ToyConfig"),
    build=Ref(f"{__name__}:build"),
    recognise=Ref(f"{__name__}:recognise"),
)
UNIT = replace(CARD, value_range=(0.0, 1.0))
