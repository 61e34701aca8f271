"""Which generator a checkpoint holds, from keys and shapes alone.

What leaves no trace in them is taken as the authors train it: the residual learning, and reflection rather than
replication.
"""

from __future__ import annotations

import re

from imtrans.nn.generator_config import Norm
from imtrans.nn.generator_keys import TRUNK, Settings, Shapes, describe_relative, is_discriminator, read_settings
from imtrans_deblurgan.config import GeneratorConfig
from imtrans_deblurgan.fpn_mobilenet import round_width


def recognise(shapes: Shapes) -> GeneratorConfig | None:
    """The configuration of the generator whose state dict has these keys and shapes, or None if it is none of ours."""
    if "fpn.lateral4.weight" in shapes:
        return _pyramid(shapes)
    single = _has_single_blocks(shapes)
    settings = read_settings(_as_double(shapes) if single else shapes)
    if settings is None or settings["kind"] != "resnet" or settings["input_nc"] != settings["output_nc"]:
        return None
    if _blurs(settings):
        return None
    if single:
        # With one convolution the place of the next no longer tells of dropout; the authors train with it.
        settings |= {"dropout": True, "block": "single"}
    return GeneratorConfig(**settings)


def describe(shapes: Shapes) -> str | None:
    """What the checkpoint seems to be, to follow "it seems to be", and what its keys leave open."""
    config = recognise(shapes)
    if config is not None:
        return _what_keys_tell(config)
    if is_discriminator(shapes):
        return "a DeblurGAN critic or another PatchGAN discriminator, not a generator"
    if "model.model.0.weight" in shapes:
        return (
            "a U-Net. DeblurGAN's authors have one whose skip connections are concatenated the other way round than "
            "pix2pix's, which no key tells, so it is run as neither"
        )
    settings = read_settings(shapes)
    if settings is not None and _blurs(settings):
        return "a generator of CUT with antialiasing layers, which no network of DeblurGAN's has; cyclegan runs it"
    return describe_relative(shapes)


def _blurs(settings: Settings) -> bool:
    """Whether the halvings or the doublings are CUT's, which blur."""
    return "blur" in (settings.get("downsample"), settings.get("upsample"))


def _what_keys_tell(config: GeneratorConfig) -> str:
    if config.kind == "fpn-mobilenet":
        return "a generator of DeblurGAN-v2 on MobileNet"
    if config.block == "single":
        return "a generator by DeblurGAN's code since 2019-03-24, which alone builds blocks of one convolution"
    alike = "; CycleGAN's and pix2pix's have the same keys and shapes, so only who made the file knows which it is"
    if config.dropout and config.norm == "instance":
        return f"a residual generator with dropout and instance norm, DeblurGAN's defaults{alike}"
    return f"a residual generator that differs from DeblurGAN's defaults{alike}"


def _pyramid(shapes: Shapes) -> GeneratorConfig | None:
    """The settings of a feature pyramid on MobileNet."""
    lateral, first = shapes["fpn.lateral4.weight"], shapes.get("fpn.features.0.0.weight", ())
    final = shapes.get("final.weight", ())
    if len(lateral) != 4 or len(final) != 4 or len(first) != 4 or first[1:] != (3, 3, 3) or final[0] != 3:
        return None
    # Of all layers the one before the last lateral way has the most channels, so it tells the width most exactly.
    backbone, ngf = lateral[1] / 160, 2 * final[1]
    norm: Norm = "batch" if "fpn.td1.1.weight" in shapes else "instance"
    if not 0.125 <= backbone <= 4 or round_width(32, backbone) != first[0]:
        return None
    return GeneratorConfig(kind="fpn-mobilenet", ngf=ngf, backbone=backbone, norm=norm, dropout=False)


_CONVOLUTION = re.compile(r"model\.(\d+)\.conv_block\.(\d+)\.weight")


def _places_in_blocks(shapes: Shapes) -> set[int]:
    """Places of the convolutions in the first residual block."""
    found = (_CONVOLUTION.fullmatch(key) for key, shape in shapes.items() if len(shape) == 4)
    return {int(match[2]) for match in found if match is not None and int(match[1]) == TRUNK}


def _has_single_blocks(shapes: Shapes) -> bool:
    """Whether residual blocks have one convolution, behind a layer that pads or with padding of its own."""
    return _places_in_blocks(shapes) in ({1}, {0})


def _as_double(shapes: Shapes) -> Shapes:
    """The keys of the same network with two convolutions a block, which the shared reader knows."""
    (place,) = _places_in_blocks(shapes)
    second = 6 if place == 1 else 4
    twins = {
        key.replace(f"conv_block.{place}.", f"conv_block.{second}."): shape
        for key, shape in shapes.items()
        if f"conv_block.{place}." in key
    }
    return {**shapes, **twins}
