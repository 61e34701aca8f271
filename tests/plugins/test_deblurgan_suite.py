"""DeblurGAN keeps the contract between imtrans and its plugins."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from imtrans.testing import PluginSuite


class TestDeblurGAN(PluginSuite):
    """Every generator that a file can tell apart; small ones to run, with the loss that needs no file."""

    model = "deblurgan"
    variants = (
        {},
        {"dropout": False},
        {"blocks": 6, "ngf": 32, "norm": "batch"},
        {"norm": "batch", "upsample": "resize", "bias": True},
        {"block": "single", "blocks": 6},
        {"block": "single", "norm": "batch", "padding": "zero"},
        {"padding": "zero", "input_nc": 1, "output_nc": 1},
    )
    small: ClassVar = {"ngf": 4, "blocks": 1}
    small_training: ClassVar = {
        "generator": {"ngf": 4, "blocks": 1},
        "critic": {"ndf": 4},
        "content": "l2",
        "critic_steps": 2,
    }


class TestDeblurGANOfOneConvolution(PluginSuite):
    """The same as the authors' code builds it today, against the original GAN's critic."""

    model = "deblurgan"
    variants = ({"ngf": 4, "blocks": 2, "block": "single"},)
    small: ClassVar = {"ngf": 4, "blocks": 2, "block": "single"}
    small_training: ClassVar = {
        "generator": {"ngf": 4, "blocks": 2, "block": "single"},
        "critic": {"ndf": 4, "norm": "batch"},
        "gan_loss": "vanilla",
        "content": "l1",
        "critic_steps": 1,
    }


class TestDeblurGANv2(PluginSuite):
    """The same with the feature pyramid on MobileNet of the second version."""

    model = "deblurgan"
    variants = (
        {"kind": "fpn-mobilenet", "dropout": False},
        {"kind": "fpn-mobilenet", "dropout": False, "norm": "batch", "backbone": 0.5, "ngf": 32},
    )
    small: ClassVar = {"kind": "fpn-mobilenet", "dropout": False, "backbone": 0.25, "ngf": 8}
    small_training: ClassVar = {
        "generator": {"kind": "fpn-mobilenet", "dropout": False, "backbone": 0.25, "ngf": 8},
        "critic": {"ndf": 4},
        "content": "l1",
        "critic_steps": 1,
    }
    # At 1/32 of 40 pixels a batch norm has four numbers to go by, and random weights make much of their rounding.
    waivers: ClassVar = {"half_precision_file_loads": "maps of 2 x 2 pixels, normalised by themselves"}

    def test_channels_last_equals_contiguous(self, network: nn.Module, x: Tensor) -> None:
        """In float64: random weights leave the deepest maps a contrast of 1e-3, and norms blow up its rounding."""
        super().test_channels_last_equals_contiguous(network.double(), x.double())
