"""Networks of other channels are refused by the setting's name."""

from __future__ import annotations

import pytest

from imtrans.errors import ConfigError
from imtrans.train.channels import require_rgb


def test_colour_is_let_through() -> None:
    require_rgb("CycleGAN", {"generator.input_nc": 3})
    require_rgb("pix2pix", {"discriminator.input_nc": 6}, pictures=2)


@pytest.mark.parametrize(
    ("key", "channels", "pictures", "words"),
    [
        ("generator.output_nc", 1, 1, "generator.output_nc is 1, and pix2pix is trained on pictures of 3 channels."),
        ("discriminator.input_nc", 3, 2, "is trained on pictures of 3 channels, which makes 6."),
    ],
)
def test_other_channels_in_words(key: str, channels: int, pictures: int, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        require_rgb("pix2pix", {"generator.input_nc": 3 * pictures, key: channels}, pictures=pictures)
    assert words in caught.value.what
    assert caught.value.hint == f"Leave {key} away."
