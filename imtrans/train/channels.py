"""Methods that learn from colour pictures say so before a network of other channels meets them."""

from __future__ import annotations

from collections.abc import Mapping

from imtrans.errors import ConfigError


def require_rgb(model: str, channels: Mapping[str, int], *, pictures: int = 1) -> None:
    """Refuse settings for anything but RGB pictures, which is what the data sets give.

    Args:
        model: its name, as a sentence has it.
        channels: by the name of the setting, how many it asks for.
        pictures: how many pictures are concatenated, as where a discriminator sees the input beside the output.

    Raises:
        ConfigError: a setting is not 3 for each picture.
    """
    wanted = 3 * pictures
    for key, found in channels.items():
        if found != wanted:
            sum_of = f", which makes {wanted}" if pictures > 1 else ""
            raise ConfigError(
                f"{key} is {found}, and {model} is trained on pictures of 3 channels{sum_of}.",
                have="Grey pictures are read as RGB with three equal channels.",
                hint=f"Leave {key} away.",
            )
