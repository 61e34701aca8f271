"""What networks make of label maps: one channel a class, edges between instances, colours to look at.

Data sets hand out label maps as indices of 8 bits, and these functions spread them on the device that trains, as the
authors of pix2pixHD and SPADE do. Spread, a map is as many times larger as there are classes, times four bytes: 1024 x
512 pixels of Cityscapes' 35 classes are 0.5 MB as indices and 73 MB as one-hot, too much to travel between processes.
"""

from __future__ import annotations

import colorsys
from collections.abc import Mapping

import torch
from torch import Tensor


def one_hot(label: Tensor, classes: int, *, unknown: bool = False) -> Tensor:
    """Indices as one channel a class.

    Args:
        label: integers (N, 1, H, W); ``classes`` means unknown.
        classes: how many there are.
        unknown: give unknown a last channel of its own, as SPADE does (``contain_dontcare_label``); without one,
            unknown pixels are 0 in all channels.

    Returns:
        Float of zeros and ones, (N, classes, H, W), or one channel more with ``unknown``.
    """
    numbers = torch.arange(classes + unknown, device=label.device, dtype=torch.int32).view(1, -1, 1, 1)
    return (label.to(torch.int32) == numbers).float()


def instance_edges(instances: Tensor) -> Tensor:
    """Where an instance meets another: 1 at every pixel that differs from one of its four neighbours.

    pix2pixHD (Wang et al. 2018), section 3.3, "boundary map"; nothing is an edge for lying at the border.

    Args:
        instances: integers (..., H, W).

    Returns:
        uint8 of zeros and ones, (..., H, W).
    """
    edges = torch.zeros_like(instances, dtype=torch.bool)
    across = instances[..., :, 1:] != instances[..., :, :-1]
    down = instances[..., 1:, :] != instances[..., :-1, :]
    edges[..., :, 1:] |= across
    edges[..., :, :-1] |= across
    edges[..., 1:, :] |= down
    edges[..., :-1, :] |= down
    return edges.to(torch.uint8)


def semantic_input(batch: Mapping[str, Tensor], classes: int, *, unknown: bool = False) -> Tensor:
    """What pix2pixHD and SPADE see: the one-hot label map, and the edges as a last channel where the batch has them.

    Args:
        batch: of a data set of the kind ``labels``, with ``"label"`` and perhaps ``"edges"``.
        classes: how many there are.
        unknown: see :func:`one_hot`.

    Returns:
        Float (N, C, H, W).
    """
    spread = one_hot(batch["label"], classes, unknown=unknown)
    return torch.cat([spread, batch["edges"].float()], dim=1) if "edges" in batch else spread


def label_colours(label: Tensor, classes: int, value_range: tuple[float, float] = (-1.0, 1.0)) -> Tensor:
    """A label map to look at: a colour a class, black for unknown.

    Args:
        label: integers (N, 1, H, W); ``classes`` means unknown.
        classes: how many there are.
        value_range: what black and white are.

    Returns:
        Float (N, 3, H, W) in the value range.
    """
    low, high = value_range
    # Hues a golden angle apart differ well however many there are; brightness tells neighbours of a round apart.
    colours = [colorsys.hsv_to_rgb(0.381966 * n % 1.0, 0.75, 1.0 - 0.35 * (n % 3) / 2) for n in range(classes)]
    palette = torch.tensor([*colours, (0.0, 0.0, 0.0)], device=label.device) * (high - low) + low
    return palette[label[:, 0].long()].permute(0, 3, 1, 2)
