"""StyleGAN keeps the contract between imtrans and its plugins."""

from __future__ import annotations

from typing import ClassVar

from imtrans.testing import GeneratorSuite


class TestStyleGAN(GeneratorSuite):
    """In the middle of its growth."""

    model = "stylegan"
    size = 16
    variants = ({"widths": [16, 8]}, {"widths": [8, 9, 4, 2], "z_dim": 5, "mapping_layers": 2, "channels": 1})
    small: ClassVar = {"widths": [8, 6, 4], "z_dim": 6, "mapping_layers": 2}
    small_training: ClassVar = {
        "generator": {**small, "blur": True},
        "growth": {"start": 8, "first": 0, "stage": 4, "fade": 4},
    }
