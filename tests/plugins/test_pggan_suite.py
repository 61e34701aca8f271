"""PGGAN keeps the contract between imtrans and its plugins."""

from __future__ import annotations

from typing import ClassVar

from imtrans.testing import GeneratorSuite


class TestPGGAN(GeneratorSuite):
    """Fully grown."""

    model = "pggan"
    size = 16
    variants = ({"widths": [16, 8]}, {"widths": [8, 9, 4, 2], "z_dim": 5, "channels": 1})
    small: ClassVar = {"widths": [8, 6, 4], "z_dim": 6}
    small_training: ClassVar = {"generator": small, "growth": {"start": 16}}


class TestPGGANInTheMiddleOfAFade(GeneratorSuite):
    """Grey, with 8 of 16 pixels and some of the rest."""

    model = "pggan"
    size = 16
    small: ClassVar = {"widths": [8, 6, 4], "z_dim": 6, "channels": 1}
    small_training: ClassVar = {
        "generator": {**small, "widths": [8, 6]},
        "discriminator": {"widths": [5, 4], "minibatch_stddev": False},
        "growth": {"first": 0, "stage": 4, "fade": 4},
    }
    size = 8
