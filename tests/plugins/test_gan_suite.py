"""Each variant of the GAN ladder keeps the contract between imtrans and its plugins."""

from __future__ import annotations

from typing import ClassVar

from imtrans.testing import GeneratorSuite

CONV = ({}, {"size": 8, "channels": 1, "base_channels": 4}, {"size": 128, "z_dim": 7, "base_channels": 64})
SMALL_CONV = {"size": 16, "base_channels": 8, "z_dim": 6}
SMALL_DENSE = {"size": 12, "hidden": 24, "z_dim": 6}


class TestGAN(GeneratorSuite):
    """The fully connected one."""

    model = "gan"
    variants = ({}, {"size": 32, "channels": 3, "z_dim": 9, "hidden": 30})
    size = 12
    small: ClassVar = SMALL_DENSE
    small_training: ClassVar = {"generator": SMALL_DENSE, "discriminator": {"hidden": 10, "pieces": 2}}


class TestCGAN(GeneratorSuite):
    """The fully connected one with classes."""

    model = "cgan"
    variants = ({}, {"size": 32, "channels": 3, "z_dim": 9, "hidden": 30, "classes": 3})
    size = 12
    small: ClassVar = SMALL_DENSE
    small_training: ClassVar = {"generator": SMALL_DENSE, "discriminator": {"hidden": 10, "pieces": 2}}


class TestDCGAN(GeneratorSuite):
    """Convolutions."""

    model = "dcgan"
    variants = CONV
    size = 16
    small: ClassVar = SMALL_CONV
    small_training: ClassVar = {"generator": SMALL_CONV, "discriminator": {"base_channels": 4}}


class TestLSGAN(TestDCGAN):
    """Least squares."""

    model = "lsgan"


class TestWGAN(TestDCGAN):
    """A critic of clipped weights."""

    model = "wgan"


class TestWGANGP(TestDCGAN):
    """A critic under a gradient penalty, on grey pictures."""

    model = "wgan-gp"
    small_training: ClassVar = {"generator": {**SMALL_CONV, "channels": 1}, "discriminator": {"base_channels": 4}}


class TestCDCGAN(GeneratorSuite):
    """Convolutions with classes."""

    model = "cdcgan"
    variants = (*CONV, {"classes": 3})
    size = 16
    small: ClassVar = SMALL_CONV
    small_training: ClassVar = {"generator": SMALL_CONV, "discriminator": {"base_channels": 4}}
