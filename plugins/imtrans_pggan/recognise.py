"""Which generator a checkpoint holds, from keys and shapes alone."""

from __future__ import annotations

from collections.abc import Mapping

from imtrans.nn.level import LEAST
from imtrans_pggan.config import GeneratorConfig

Shapes = Mapping[str, tuple[int, ...]]


def recognise(shapes: Shapes) -> GeneratorConfig | None:
    """The configuration of the generator whose state dict has these keys and shapes, or None if it is none of ours.

    How far it has grown leaves no trace in them; it is taken to have all its resolutions.
    """
    first = shapes.get("formatLayer.module.weight", ())
    colours: list[tuple[int, ...]] = []
    while (found := shapes.get(f"toRGBLayers.{len(colours)}.module.weight")) is not None:
        colours.append(found)
    if len(first) != 2 or len(colours) < 2 or any(len(shape) != 4 for shape in colours):
        return None
    try:
        config = GeneratorConfig(tuple(shape[1] for shape in colours), z_dim=first[1], channels=colours[0][0])
    except ValueError:
        return None
    return config if first[0] == LEAST**2 * config.widths[0] else None


def describe(shapes: Shapes) -> str | None:
    """What the checkpoint seems to be if it is not one of PGGAN's generators, to follow "it seems to be"."""
    if "decisionLayer.module.weight" in shapes:
        return "the discriminator of a progressive GAN, not its generator"
    if "noise2feat.linear.weight_orig" in shapes or "torgb_layers.0.conv.weight_orig" in shapes:
        return "mmagic's PGGAN, whose biases are scaled otherwise"
    return None
