"""Does the full network fit? Its largest layer is a gigabyte, and a process that takes too much is killed unheard."""

from __future__ import annotations

import torch

from imtrans.errors import UsageError
from imtrans.infer.memory import available_bytes
from imtrans_ugatit.config import GeneratorConfig


def bytes_of_the_large_layer(config: GeneratorConfig) -> int:
    """Of the full network's first fully connected layer, in fp32."""
    width = 4 * config.ngf
    return 4 * width * width * (config.img_size // 4) ** 2


def require_room(config: GeneratorConfig, copies: int = 1) -> None:
    """Refuse a full network whose largest layer does not fit ``copies`` times into the memory that is left.

    Raises:
        UsageError: it does not; the message says how much it takes and what takes less.
    """
    if torch.get_default_device().type == "meta":  # only the shapes are wanted
        return
    size, left = bytes_of_the_large_layer(config), available_bytes(torch.device("cpu"))
    if left is not None and copies * size > left:
        times = f", {copies} times" if copies > 1 else ""
        raise UsageError(
            f"the full U-GAT-IT network for {config.img_size} x {config.img_size} pixels does not fit into memory: its "
            f"largest layer takes {size / 1e9:.1f} GB{times}, and {left / 1e9:.1f} GB are left.",
            have="The light network (light = true) has no such layer, and takes pictures of any size.",
            hint="To train it: --set generator.light=true. A smaller full one: --set generator.img_size=128.",
        )
