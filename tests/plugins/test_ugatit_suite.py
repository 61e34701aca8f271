"""U-GAT-IT keeps the contract between imtrans and its plugins."""

from __future__ import annotations

from typing import ClassVar

from imtrans.testing import PluginSuite


class TestUGATIT(PluginSuite):
    """The light network, and every generator that a file can tell apart."""

    model = "ugatit"
    variants = (
        {},
        {"light": False},
        {"light": False, "img_size": 128, "ngf": 16, "blocks": 6},
        {"ngf": 16, "blocks": 1},
        {"input_nc": 1, "output_nc": 2},
    )
    small: ClassVar = {"ngf": 4, "blocks": 2}
    small_training: ClassVar = {
        "generator": {"ngf": 4, "blocks": 1},
        "discriminator": {"ndf": 2, "global_layers": 6, "local_layers": 4},
    }


class TestFullUGATIT(PluginSuite):
    """The full network, small enough for a test."""

    model = "ugatit"
    variants = ({"light": False, "img_size": 64, "ngf": 2, "blocks": 1},)
    small: ClassVar = {"light": False, "img_size": 64, "ngf": 2, "blocks": 1}
    small_training: ClassVar = {
        "generator": {"light": False, "img_size": 64, "ngf": 2, "blocks": 1},
        "discriminator": {"ndf": 2, "global_layers": 6, "local_layers": 3},
    }
    waivers: ClassVar = {"scale_is_as_declared": "the check gives the network an oblong, and it takes one square size"}
