"""Which generator a checkpoint holds, from keys and shapes alone.

What leaves no trace in them is taken as the authors' default: reflection rather than replication, and dropout in a
U-Net, which matters as the authors leave it on.
"""

from __future__ import annotations

from imtrans.nn.generator_keys import Shapes, describe_relative, is_discriminator, read_settings
from imtrans_pix2pix.config import GeneratorConfig


def recognise(shapes: Shapes) -> GeneratorConfig | None:
    """The configuration of the generator whose state dict has these keys and shapes, or None if it is none of ours."""
    settings = read_settings(shapes)
    return None if settings is None else GeneratorConfig(**settings)


def describe(shapes: Shapes) -> str | None:
    """What the checkpoint seems to be if it is not one of pix2pix's generators, to follow "it seems to be"."""
    return "a pix2pix discriminator, not a generator" if is_discriminator(shapes) else describe_relative(shapes)
