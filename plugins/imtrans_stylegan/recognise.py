"""Which generator a checkpoint holds, from keys and shapes alone, and pytorch_GAN_zoo's keys made ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from imtrans_stylegan.config import GeneratorConfig

Shapes = Mapping[str, tuple[int, ...]]


def recognise(shapes: Shapes) -> GeneratorConfig | None:
    """The configuration of the generator whose state dict has these keys and shapes, or None if it is none of ours.

    Blur leaves no trace in them and is taken to be off, and the network to have grown to all its resolutions.
    """
    first, average = shapes.get("mapping.FC.0.module.weight", ()), shapes.get("mapping.mean_w")
    colours: list[tuple[int, ...]] = []
    while (found := shapes.get(f"toRGBLayers.{len(colours)}.module.weight")) is not None:
        colours.append(found)
    if average is None or len(first) != 2 or not colours or any(len(shape) != 4 for shape in colours):
        return None
    layers = sum(key.startswith("mapping.FC.") and key.endswith(".weight") for key in shapes)
    try:
        widths = (first[0], *(shape[1] for shape in colours))
        return GeneratorConfig(widths, z_dim=first[1], mapping_layers=layers, channels=colours[0][0])
    except ValueError:
        return None


def convert(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Any], str] | None:
    """The zoo's generator under our keys: the average style belongs to the mapping network. None for other files."""
    if "mean_w" not in tensors or "mapping.FC.0.module.weight" not in tensors:
        return None
    kept = {"mapping.mean_w" if key == "mean_w" else key: tensor for key, tensor in tensors.items()}
    return kept, {}, "its keys are those of pytorch_GAN_zoo"


def describe(shapes: Shapes) -> str | None:
    """What the checkpoint seems to be if it is not one of our generators, to follow "it seems to be"."""
    if "decisionLayer.module.weight" in shapes:
        return "the discriminator of a progressive GAN, not a StyleGAN generator"
    return None
