"""StyleGAN2 keeps the contract between imtrans and its plugins."""

from __future__ import annotations

from typing import ClassVar

from imtrans.testing import GeneratorSuite


class TestStyleGAN2(GeneratorSuite):
    """Every generator that a file can tell apart; small ones to run."""

    model = "stylegan2"
    size = 16
    variants = (
        {"resolution": 64, "channel_base": 1024},
        {"resolution": 64, "channel_base": 16384, "mapping_layers": 2},
        {"resolution": 32, "channel_max": 32, "z_dim": 16, "w_dim": 24, "c_dim": 5},
        {"resolution": 8, "channel_max": 3},
    )
    small: ClassVar = {"resolution": 16, "channel_max": 6, "z_dim": 8, "w_dim": 8, "mapping_layers": 2}
    small_training: ClassVar = {"generator": small}


class TestStyleGAN2WithClasses(GeneratorSuite):
    """The same with classes, clamping and augmentation."""

    model = "stylegan2"
    size = 16
    variants = ({"resolution": 16, "channel_max": 6, "c_dim": 2},)
    small: ClassVar = {"resolution": 16, "channel_max": 6, "z_dim": 8, "w_dim": 8, "mapping_layers": 2, "c_dim": 2}
    small_training: ClassVar = {
        "generator": small,
        "discriminator": {"conv_clamp": 256.0},
        "augment": {"kind": "ada", "p": 0.5},
    }
