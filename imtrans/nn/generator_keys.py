"""Which of the generators of :mod:`imtrans.nn.generators` a checkpoint holds, from keys and shapes alone.

The keys are places in the authors' ``nn.Sequential``, so they tell what stands between them: a dropout layer moves the
second convolution of a residual block one place on, and padding that is no layer of its own moves both back. What
leaves no trace is left to the model's defaults: the dropout of a U-Net, and replication, which looks like reflection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from imtrans.nn.generator_config import Norm

Shapes = Mapping[str, tuple[int, ...]]
Settings = dict[str, Any]


TRUNK = 10
"""Place of the first residual block, two later where the halvings blur."""


def read_settings(shapes: Shapes) -> Settings | None:
    """Settings of the generator whose state dict has these keys and shapes, or None if it is none of these generators.

    The settings are fields of :class:`imtrans.nn.generator_config.GeneratorConfig`, those that the keys tell. Legacy
    running statistics of instance norm may be among the keys. That every key is there is for the loading to check.
    """
    if "model.model.0.weight" in shapes:
        return _unet(shapes)
    return _resnet(shapes)


def is_discriminator(shapes: Shapes) -> bool:
    """Whether the state dict is one of :mod:`imtrans.nn.discriminators`, or looks much like it."""
    if len(first := shapes.get("net.0.weight", ())) == 4 and first[2:] == (1, 1) and "net.2.weight" in shapes:
        return True
    matches = (re.fullmatch(r"model\.(\d+)\.weight", key) for key, shape in shapes.items() if len(shape) == 4)
    # By their places: a safetensors file lists 11 before 2.
    places = {int(match[1]): shapes[match[0]] for match in matches if match is not None}
    return len(places) > 1 and places.get(0, ())[2:] == (4, 4) and places[max(places)][0] == 1


def describe_relative(shapes: Shapes) -> str | None:
    """Which relative of these generators the checkpoint seems to hold, to follow "it seems to be", or None."""
    if "model.1.weight" not in shapes and any(re.fullmatch(r"model\.\d+\.conv\.weight", key) for key in shapes):
        return "a generator in mmagic's layout, whose keys have '.conv' where the authors' have none"
    if any(re.fullmatch(r"model\.\d+\.filt", key) for key in shapes) and read_settings(shapes) is None:
        return "a network of CUT with its antialiasing layers, and not the whole of its residual generator"
    if "mlp_0.0.weight" in shapes:
        return "the projections of CUT's contrastive loss (its network F), which only its training uses"
    if "model.16.conv_block.1.weight" in shapes and "model.13.weight" in shapes:
        return "a generator of pix2pixHD, which halves the picture four times instead of twice"
    return None


# --- residual generators --------------------------------------------------------------------------------------------


def _resnet(shapes: Shapes) -> Settings | None:
    first = shapes.get("model.1.weight", ())
    if len(first) != 4 or first[2:] != (7, 7):
        return None
    ngf, input_nc = first[:2]
    # A layer that blurs stands between the two halvings, and another before the blocks.
    downsample, second, trunk = ("blur", 8, TRUNK + 2) if "model.7.filt" in shapes else ("stride", 7, TRUNK)
    halvings = [("model.4.weight", (2 * ngf, ngf, 3, 3)), (f"model.{second}.weight", (4 * ngf, 2 * ngf, 3, 3))]
    if any(shapes.get(key) != shape for key, shape in halvings):
        return None
    blocks = _count_blocks(shapes, trunk)
    upsample = _upsample(shapes, trunk + blocks, ngf)
    last = shapes.get(f"model.{trunk + blocks + (9 if upsample == 'blur' else 7)}.weight", ())
    norm = _norm(shapes, "model.1.bias", "model.2")
    inside = _inside_block(shapes, trunk)
    if upsample is None or norm is None or inside is None or len(last) != 4 or last[1:] != (ngf, 7, 7):
        return None
    return {
        "kind": "resnet",
        "input_nc": input_nc,
        "output_nc": last[0],
        "ngf": ngf,
        "blocks": blocks,
        "norm": norm,
        "downsample": downsample,
        "upsample": upsample,
        "bias": _bias(shapes, "model.1.bias", norm),
        **inside,
    }


def _count_blocks(shapes: Shapes, trunk: int) -> int:
    """Residual blocks follow one another from place ``trunk`` on."""
    places = {int(match[1]) for key in shapes if (match := re.match(r"model\.(\d+)\.conv_block\.", key))}
    blocks = 0
    while trunk + blocks in places:
        blocks += 1
    return blocks


def _upsample(shapes: Shapes, place: int, ngf: int) -> Literal["transpose", "resize", "blur"] | None:
    """The kind of the first of the two layers that double the size."""
    # A transposed convolution has its input channels first, an ordinary one its output channels.
    if shapes.get(f"model.{place}.weight") == (4 * ngf, 2 * ngf, 3, 3):
        return "transpose"
    if shapes.get(f"model.{place}.conv.weight") == (2 * ngf, 4 * ngf, 3, 3):
        return "resize"
    if f"model.{place}.filt" in shapes and shapes.get(f"model.{place + 1}.weight") == (2 * ngf, 4 * ngf, 3, 3):
        return "blur"
    return None


def _inside_block(shapes: Shapes, trunk: int) -> Settings | None:
    """Padding and dropout, from the places of the two convolutions of the first block; nothing where there is none."""
    block = re.compile(rf"model\.{trunk}\.conv_block\.(\d+)\.weight")
    places = {
        int(match[1])
        for key, shape in shapes.items()
        if len(shape) == 4 and (match := block.fullmatch(key)) is not None
    }
    known = {
        (): {},
        (1, 5): {"padding": "reflect", "dropout": False},
        (1, 6): {"padding": "reflect", "dropout": True},
        (0, 3): {"padding": "zero", "dropout": False},
        (0, 4): {"padding": "zero", "dropout": True},
    }
    return known.get(tuple(sorted(places)))


# --- U-Nets ---------------------------------------------------------------------------------------------------------


def _unet(shapes: Shapes) -> Settings | None:
    first = shapes["model.model.0.weight"]
    if len(first) != 4 or first[2:] != (4, 4):
        return None
    upsample, output_nc = _last_doubling(shapes, 2 * first[0])
    downs = _count_levels(shapes)
    # The second level is the outermost with a normalisation of its own.
    norm = _norm(shapes, "model.model.1.model.1.bias", "model.model.1.model.2")
    if downs < 5 or norm is None or upsample is None:
        return None
    return {
        "kind": "unet",
        "input_nc": first[1],
        "output_nc": output_nc,
        "ngf": first[0],
        "downs": downs,
        "norm": norm,
        "upsample": upsample,
        "bias": _bias(shapes, "model.model.1.model.1.bias", norm),
    }


def _last_doubling(shapes: Shapes, entering: int) -> tuple[Literal["transpose", "resize"] | None, int]:
    """The kind of the outermost level's doubling, which has ``entering`` channels, and the channels that it gives."""
    transposed, resized = shapes.get("model.model.3.weight", ()), shapes.get("model.model.3.conv.weight", ())
    if len(transposed) == 4 and transposed[0] == entering and transposed[2:] == (4, 4):
        return "transpose", transposed[1]
    if len(resized) == 4 and resized[1:] == (entering, 3, 3):
        return "resize", resized[0]
    return None, 0


def _count_levels(shapes: Shapes) -> int:
    """Levels of the U-Net, each inside the one before: at place 1 of the outermost, at place 3 of the others."""
    levels, level = 1, "model.model.1.model."
    while f"{level}1.weight" in shapes:
        levels, level = levels + 1, f"{level}3.model."
    return levels


# --- both -----------------------------------------------------------------------------------------------------------


def _norm(shapes: Shapes, bias: str, layer: str) -> Norm | None:
    """The normalisation: ``layer`` is its key and ``bias`` that of the convolution before it."""
    statistics = f"{layer}.running_mean" in shapes
    if f"{layer}.weight" in shapes:
        # A scale without statistics is an instance norm that learned one, which the authors' networks do not have.
        return "batch" if statistics else None
    # Neither instance norm nor its absence leaves a key, but the authors give biases only to instance norm.
    return "instance" if statistics or bias in shapes else "none"


def _bias(shapes: Shapes, key: str, norm: Norm) -> bool | None:
    """Whether there are biases before normalisations, or None where it is as the authors would have it."""
    has_bias = key in shapes
    return None if has_bias == (norm == "instance") else has_bias
