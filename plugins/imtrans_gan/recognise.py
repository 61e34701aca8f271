"""Which generator a checkpoint holds, from keys and shapes alone.

The order of the channels leaves no trace in them and is taken as RGB.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imtrans_gan.config import (
    LEAST,
    ConditionalConvGeneratorConfig,
    ConditionalDenseGeneratorConfig,
    ConvGeneratorConfig,
    DenseGeneratorConfig,
)

Shapes = Mapping[str, tuple[int, ...]]


def recognise_dense(shapes: Shapes) -> DenseGeneratorConfig | None:
    """The configuration of an unconditional fully connected generator, or None."""
    found = _dense(shapes)
    return DenseGeneratorConfig(**found) if found is not None and not found["classes"] else None


def recognise_conditional_dense(shapes: Shapes) -> ConditionalDenseGeneratorConfig | None:
    """The configuration of a fully connected generator with classes, or None."""
    found = _dense(shapes)
    return ConditionalDenseGeneratorConfig(**found) if found is not None and found["classes"] else None


def recognise_conv(shapes: Shapes) -> ConvGeneratorConfig | None:
    """The configuration of DCGAN's generator without classes, or None."""
    found = _conv(shapes)
    return ConvGeneratorConfig(**found) if found is not None and not found["classes"] else None


def recognise_conditional_conv(shapes: Shapes) -> ConditionalConvGeneratorConfig | None:
    """The configuration of DCGAN's generator with classes, or None."""
    found = _conv(shapes)
    return ConditionalConvGeneratorConfig(**found) if found is not None and found["classes"] else None


def describe(shapes: Shapes) -> str | None:
    """What the checkpoint seems to be if it is not a generator of the asked kind, to follow "it seems to be"."""
    if "downsamples.0.conv.weight" in shapes or "from_picture.linear.weight" in shapes:
        return "a GAN's discriminator, not its generator"
    found = _dense(shapes) or _conv(shapes)
    if found is None:
        return None
    kind = "fully connected" if "from_noise.weight" in shapes else "DCGAN's"
    classes = f"{found['classes']} classes" if found["classes"] else "without classes"
    return f"a generator ({kind}, {classes})"


def _dense(shapes: Shapes) -> dict[str, Any] | None:
    first, output = shapes.get("from_noise.weight", ()), shapes.get("output.weight", ())
    if len(first) != 2 or len(output) != 2:
        return None
    pixels, hidden = output
    label = shapes.get("from_label.weight", (0, 0))
    for channels in (1, 3):  # no square is thrice a square, so one of them fits at most
        side = round((pixels / channels) ** 0.5)
        if channels * side * side == pixels:
            return {"size": side, "channels": channels, "z_dim": first[1], "hidden": hidden, "classes": label[1]}
    return None


def _conv(shapes: Shapes) -> dict[str, Any] | None:
    first, last = shapes.get("noise2feat.conv.weight", ()), shapes.get("output_layer.conv.weight", ())
    if len(first) != 4 or len(last) != 4 or last[1] not in (1, 3):
        return None
    inner = sum(key.startswith("upsampling.") and key.endswith(".conv.weight") for key in shapes)
    label = shapes.get("label2feat.weight", (0,))
    return {
        "size": 2 * LEAST * 2**inner,
        "channels": last[1],
        "z_dim": first[0],
        "base_channels": first[1],
        "classes": label[0],
    }
