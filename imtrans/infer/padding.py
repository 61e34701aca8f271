"""Any size of picture for networks that take only some: pad by reflection and crop back, or resize and resize back."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Sizes:
    """What a network takes, and how any picture is brought to it."""

    multiple: int = 1
    """Of which height and width have to be multiples."""
    minimum: int = 1
    """Least height and width."""
    fixed: int | None = None
    """The one height and width that it takes, or None; the other two are then without effect."""

    @classmethod
    def of(cls, network: nn.Module) -> Sizes:
        """As the network's attributes ``multiple``, ``minimum`` and ``fixed_size`` say; each may be left out."""
        multiple, minimum = (int(getattr(network, name, 1)) for name in ("multiple", "minimum"))
        return cls(multiple, minimum, getattr(network, "fixed_size", None))

    @property
    def note(self) -> str | None:
        """What the user should know, as a sentence without a full stop."""
        if self.fixed is None:
            return None
        return f"this network takes pictures of {self.fixed} x {self.fixed} pixels; others are resized to that and back"

    def taken(self, height: int, width: int) -> tuple[int, int]:
        """Height and width that the network sees of a picture."""
        if self.fixed is not None:
            return self.fixed, self.fixed
        return padded_length(height, self.multiple, self.minimum), padded_length(width, self.multiple, self.minimum)

    def enter(self, images: Tensor) -> Tensor:
        """(N, C, H, W) to the size that the network takes, with the whole picture in it."""
        if self.fixed is None:
            return pad_up(images, self.multiple, self.minimum)
        if images.shape[-2:] == (self.fixed, self.fixed):
            return images
        # Squeezed into the square, as the authors of such networks do it, for they have seen nothing but squares.
        return functional.interpolate(images, (self.fixed, self.fixed), mode="bilinear", antialias=True)

    def leave(self, images: Tensor, height: int, width: int) -> Tensor:
        """What the network made of the picture, (N, C, height, width), without padding."""
        if self.fixed is None or images.shape[-2:] == (height, width):
            return images[..., :height, :width]
        # Torch 2.13 resizes contiguous pictures to columns of one pixel wrongly: every row becomes the first.
        images = images.contiguous(memory_format=torch.channels_last)
        return functional.interpolate(images, (height, width), mode="bicubic", antialias=True)


def padded_length(length: int, multiple: int, minimum: int) -> int:
    """The smallest multiple of ``multiple`` that is at least ``length`` and at least ``minimum``."""
    return -(-max(length, minimum) // multiple) * multiple


def pad_up(images: Tensor, multiple: int, minimum: int) -> Tensor:
    """Pad (N, C, H, W) at the right and the bottom until the network takes it; a size that fits is returned as it is.

    The padding is the picture's mirror image without its edge pixel, mirrored again as often as it takes, so that a
    3-pixel picture fills 256 pixels too. One pixel has no mirror image and is repeated.
    """
    height, width = images.shape[-2:]
    for dim, length in ((-2, height), (-1, width)):
        target = padded_length(length, multiple, minimum)
        if target != length:
            images = images.index_select(dim, _mirrored(length, target, images.device))
    return images


def _mirrored(length: int, target: int, device: torch.device) -> Tensor:
    """Indices 0, 1, ..., length - 1, length - 2, ..., 1, 0, 1, ... of ``target`` elements."""
    period = max(2 * (length - 1), 1)
    phase = torch.arange(target, device=device) % period
    return torch.minimum(phase, period - phase) if length > 1 else torch.zeros_like(phase)
