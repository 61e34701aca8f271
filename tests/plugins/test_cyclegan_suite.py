"""CycleGAN keeps the contract between imtrans and its plugins."""

from __future__ import annotations

from typing import ClassVar

from imtrans.testing import PluginSuite


class TestCycleGAN(PluginSuite):
    """Every generator that a file can tell apart; small ones to run."""

    model = "cyclegan"
    variants = (
        {},
        {"blocks": 6, "ngf": 32},
        {"blocks": 6, "norm": "batch"},
        {"blocks": 6, "upsample": "resize"},
        {"dropout": True},
        {"input_nc": 1, "output_nc": 1},
        {"kind": "unet", "ngf": 16},
        {"kind": "unet", "downs": 7, "norm": "batch"},
        {"kind": "unet", "downs": 5, "upsample": "resize"},
    )
    small: ClassVar = {"ngf": 4, "blocks": 1}
    small_training: ClassVar = {"generator": {"ngf": 4, "blocks": 1}, "discriminator": {"ndf": 4}}


class TestCycleGANWithUnets(PluginSuite):
    """The same with U-Nets in place of the residual generators."""

    model = "cyclegan"
    variants = ({"kind": "unet", "downs": 5, "ngf": 4},)
    small: ClassVar = {"kind": "unet", "downs": 5, "ngf": 4}
    small_training: ClassVar = {
        "generator": {"kind": "unet", "downs": 5, "ngf": 4},
        "discriminator": {"kind": "pixel", "ndf": 4},
    }
