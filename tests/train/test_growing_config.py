"""Settings of two networks that grow together."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from typing import ClassVar

import pytest

from imtrans.nn.growing_config import GrowingDiscriminatorConfig, GrowingGeneratorConfig
from imtrans.train.growing_config import GrowingConfig
from imtrans.train.growth import Growth


@dataclass(frozen=True)
class Late(GrowingGeneratorConfig):
    """A generator that has 8 pixels at least."""

    lowest: ClassVar[int] = 1


@dataclass(frozen=True)
class LateConfig(GrowingConfig):
    """Its training."""

    generator: Late = field(default_factory=Late)


def test_the_lowest_level_is_the_generator_s() -> None:
    assert GrowingConfig(growth=Growth(start=4)).generator.size == 256
    with pytest.raises(ValueError, match=r"growth\.start lies in 8\.\.256, not at 4"):
        LateConfig(growth=Growth(start=4))
    with pytest.raises(ValueError, match=r"level lies in 1\.\.6"):
        Late(level=0.5)


def test_the_discriminator_has_the_generator_s_resolutions() -> None:
    generator = GrowingGeneratorConfig((8, 6, 4))
    GrowingConfig(generator, GrowingDiscriminatorConfig((3, 3, 3)))
    for widths in ((3, 3), (3, 3, 0)):
        with pytest.raises(ValueError, match="has to be 3 numbers of at least 1"):
            GrowingConfig(generator, GrowingDiscriminatorConfig(widths))


def test_settings_are_read_without_torch() -> None:
    code = "import sys; import imtrans.train.growing_config; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
