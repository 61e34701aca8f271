"""Which generator a checkpoint holds, from keys and shapes alone.

What leaves no trace in them is ``img_size`` of a light network, which has no effect there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from imtrans_ugatit.config import GeneratorConfig

Shapes = Mapping[str, tuple[int, ...]]


def recognise(shapes: Shapes) -> GeneratorConfig | None:
    """The configuration of the generator whose state dict has these keys and shapes, or None if it is none of ours."""
    first, last = shapes.get("DownBlock.1.weight", ()), shapes.get("UpBlock2.11.weight", ())
    blocks = _count_blocks(shapes)
    if len(first) != 4 or len(last) != 4 or first[2:] != (7, 7) or last[1:] != (first[0], 7, 7) or blocks == 0:
        return None
    width = 4 * first[0]
    if shapes.get("gap_fc.weight") != (1, width) or shapes.get("conv1x1.weight") != (width, 2 * width, 1, 1):
        return None
    side = _side(shapes.get("FC.0.weight", ()), width)
    if side is None:
        return None
    size = {"light": True} if side == 1 else {"light": False, "img_size": 4 * side}
    return GeneratorConfig(input_nc=first[1], output_nc=last[0], ngf=first[0], blocks=blocks, **size)


def describe(shapes: Shapes) -> str | None:
    """What the checkpoint seems to be if it is not one of U-GAT-IT's generators, to follow "it seems to be"."""
    if "gmp_fc.weight_orig" in shapes and "model.1.weight_orig" in shapes:
        return "a U-GAT-IT discriminator, not a generator"
    if shapes.get("DownBlock.1.weight", ())[2:] == (7, 7) and len(shapes.get("gap_fc.weight", ())) == 2:
        return "a U-GAT-IT generator in another project's layout: its linear layers lie the other way round"
    return None


def _count_blocks(shapes: Shapes) -> int:
    """The adaptive blocks follow one another from 1 on."""
    blocks = 0
    while f"UpBlock1_{blocks + 1}.norm1.rho" in shapes:
        blocks += 1
    return blocks


def _side(layer: tuple[int, ...], width: int) -> int | None:
    """Side of the square of pixels that the first fully connected layer sees, or None where it sees no square.

    A full network for pictures of 4 pixels would look like a light one, and does not exist.
    """
    if len(layer) != 2 or layer[0] != width or layer[1] % width:
        return None
    side = math.isqrt(layer[1] // width)
    return side if side**2 * width == layer[1] else None
