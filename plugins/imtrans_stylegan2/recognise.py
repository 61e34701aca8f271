"""Which generator a checkpoint holds, from keys and shapes alone."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping

from imtrans_stylegan2.config import CHANNEL_BASE, CHANNEL_MAX, GeneratorConfig

Shapes = Mapping[str, tuple[int, ...]]

_WEIGHT = re.compile(r"synthesis\.b(\d+)\.conv1\.weight")
_LAYER = re.compile(r"mapping\.fc(\d+)\.weight")


def recognise(shapes: Shapes) -> GeneratorConfig | None:
    """The configuration of the generator whose state dict has these keys and shapes, or None if it is none of ours.

    Clamping leaves no trace in them and is taken to be off; it acts on networks in half precision only, if at all.
    """
    widths = {int(found[1]): shape[0] for key, shape in shapes.items() if (found := _WEIGHT.fullmatch(key)) and shape}
    layers = [int(found[1]) for key in shapes if (found := _LAYER.fullmatch(key))]
    average, first = shapes.get("mapping.w_avg"), shapes.get("mapping.fc0.weight")
    if not widths or not layers or average is None or first is None or len(average) != 1 or len(first) != 2:
        return None
    if shapes.get("synthesis.b4.torgb.weight", ())[:1] != (3,):
        return None
    embedding = shapes.get("mapping.embed.weight", (0, 0))
    channels = _channels(widths)
    if channels is None or len(embedding) != 2:
        return None
    try:
        return GeneratorConfig(
            resolution=max(widths),
            channel_base=channels[0],
            channel_max=channels[1],
            z_dim=first[1] - embedding[0],
            w_dim=average[0],
            c_dim=embedding[1],
            mapping_layers=max(layers) + 1,
        )
    except ValueError:
        return None


def _channels(widths: Mapping[int, int]) -> tuple[int, int] | None:
    """``channel_base`` and ``channel_max`` with which every resolution has its width, or None.

    Several may do where widths never or always reach the maximum; then the authors' own are preferred.
    """
    most, largest = widths.get(4, 0), max(widths)
    bases = (CHANNEL_BASE, CHANNEL_BASE // 2, widths[largest] * largest, *(r * width for r, width in widths.items()))
    for base, limit in itertools.product(bases, (CHANNEL_MAX, most)):
        if all(min(base // resolution, limit) == width for resolution, width in widths.items()):
            return base, limit
    return None


def describe(shapes: Shapes) -> str | None:
    """What the checkpoint seems to be if it is not one of StyleGAN2's generators, to follow "it seems to be"."""
    if "b4.out.weight" in shapes and "b4.fc.weight" in shapes:
        return "a StyleGAN2 discriminator, not a generator"
    if "synthesis.input.freqs" in shapes:
        return "a StyleGAN3 generator, which is another network"
    if any(".noise_strength" in key for key in shapes) or any(".torgb." in key for key in shapes):
        return (
            "a StyleGAN2 generator of another architecture (without skips in its RGB, or of another number of colours)"
        )
    return None
