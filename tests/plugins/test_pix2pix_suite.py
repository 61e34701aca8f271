"""pix2pix keeps the contract between imtrans and its plugins."""

from __future__ import annotations

from typing import ClassVar

from imtrans.testing import PluginSuite


class TestPix2Pix(PluginSuite):
    """Every generator that a file can tell apart; small ones to run."""

    model = "pix2pix"
    variants = (
        {},
        {"downs": 7},
        {"downs": 9, "ngf": 16},
        {"downs": 7, "norm": "instance"},
        {"downs": 5, "upsample": "resize"},
        {"input_nc": 1, "output_nc": 2},
        {"kind": "resnet", "blocks": 9},
        {"kind": "resnet", "blocks": 6, "dropout": False, "norm": "instance"},
    )
    small: ClassVar = {"downs": 6, "ngf": 4}
    small_training: ClassVar = {"generator": {"downs": 6, "ngf": 4}, "discriminator": {"ndf": 4}}


class TestPix2PixWithResidualBlocks(PluginSuite):
    """The same with a residual generator and the pixel discriminator."""

    model = "pix2pix"
    variants = ({"kind": "resnet", "blocks": 1, "ngf": 4, "norm": "instance"},)
    small: ClassVar = {"kind": "resnet", "blocks": 1, "ngf": 4, "norm": "instance"}
    small_training: ClassVar = {
        "generator": {"kind": "resnet", "blocks": 1, "ngf": 4, "norm": "instance"},
        "discriminator": {"kind": "pixel", "ndf": 4},
        "direction": "BtoA",
        "gan_loss": "lsgan",
    }
