"""Which generator a checkpoint holds, from keys and shapes alone."""

from __future__ import annotations

import math
from collections.abc import Mapping

from imtrans_photo2cartoon.config import GeneratorConfig

Shapes = Mapping[str, tuple[int, ...]]


def recognise(shapes: Shapes) -> GeneratorConfig | None:
    """The configuration of the generator whose state dict has these keys and shapes, or None if it is none of ours.

    That every key is there is for the loading to check.
    """
    first = shapes.get("ConvBlock1.1.weight", ())
    if "HourGlass1.Conv1.weight" not in shapes or "DecodeBlock1.norm1.w_gamma" not in shapes or len(first) != 4:
        return None
    ngf = first[0]
    style = shapes.get("FC.0.weight", ())
    if first != (ngf, 3, 7, 7) or len(style) != 2 or style[0] != 4 * ngf:
        return None
    try:
        if style == (4 * ngf, 4 * ngf):
            return GeneratorConfig(ngf=ngf)
        side = 4 * math.isqrt(style[1] // (4 * ngf))
        return GeneratorConfig(ngf=ngf, light=False, img_size=side) if _places(side) * 4 * ngf == style[1] else None
    except ValueError:  # settings that no network of ours can have
        return None


def _places(side: int) -> int:
    """Of the map that the style is read from."""
    return (side // 4) ** 2


def describe(shapes: Shapes) -> str | None:
    """What the checkpoint seems to be if it is not one of these generators, to follow "it seems to be"."""
    if "gap_fc.weight_orig" in shapes and "model.1.weight_orig" in shapes:
        return "a discriminator of U-GAT-IT or photo2cartoon, not a generator"
    if "DownBlock.1.weight" in shapes and "UpBlock1_1.conv1.weight" in shapes:
        return "a generator of U-GAT-IT, which has neither hourglasses nor soft-AdaLIN"
    if any(key.endswith("w_gamma") for key in shapes) and any("ConvBlock1_1" in key for key in shapes):
        return "a generator of photo2cartoon in the layout of its Paddle version, whose layers have other names"
    return None
