"""photo2cartoon keeps the contract between imtrans and its plugins."""

from __future__ import annotations

from typing import ClassVar

from imtrans.testing import PluginSuite


class TestPhoto2Cartoon(PluginSuite):
    """Light and full networks told apart; the light one, which takes any size, run."""

    model = "photo2cartoon"
    variants = ({"ngf": 16}, {"light": False, "img_size": 48, "ngf": 8})
    small: ClassVar = {"ngf": 4}
    small_training: ClassVar = {
        "generator": {"ngf": 4},
        "discriminator": {"ndf": 2, "global_layers": 5, "local_layers": 4},
    }
