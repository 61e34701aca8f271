"""What a network takes and gives, and what pictures are to everybody else: the way in, and the way out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from imtrans.card import Card
from imtrans.data.pixels import luma
from imtrans.infer.padding import Sizes


@dataclass(frozen=True)
class Conventions:
    """The value range, order of channels, scale and sizes that the network's authors chose."""

    card: Card
    sizes: Sizes

    def enter(self, batch: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
        """RGB pictures (N, 3, H, W), uint8 0..255 or float 0..1, as the network takes them, in channels-last layout."""
        images = batch.to(device).float()
        if batch.dtype == torch.uint8:
            images = images / 255
        if self.card.channels == "BGR":
            images = images.flip(1)
        elif self.card.channels == "L":
            images = luma(images)
        low, high = self.card.value_range
        images = self.sizes.enter(images * (high - low) + low)
        return images.to(dtype).contiguous(memory_format=torch.channels_last)

    def expected(self, entered: Tensor) -> tuple[int, ...]:
        """The shape that the network has to give for what entered it."""
        return (*entered.shape[:2], *(side * self.card.scale for side in entered.shape[-2:]))

    def leave(self, output: Tensor, height: int, width: int) -> Tensor:
        """The way back: RGB (N, 3, height * scale, width * scale), float32 around 0..1, of pictures of that size."""
        low, high = self.card.value_range
        images = (self.resized(output, height, width) - low) / (high - low)
        if self.card.channels == "BGR":
            images = images.flip(1)
        return images.expand(-1, 3, -1, -1).clone() if self.card.channels == "L" else images

    def resized(self, output: Tensor, height: int, width: int) -> Tensor:
        """What came of pictures of that size, in float32, without padding or resizing."""
        return self.sizes.leave(output.float(), height * self.card.scale, width * self.card.scale)
