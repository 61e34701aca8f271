"""8-bit pictures and what networks compute with."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from imtrans.data.pixels import luma, to_images, to_tensor


def gradient() -> Image.Image:
    """All 256 levels in each channel, in different orders."""
    level = np.arange(256, dtype=np.uint8).reshape(16, 16)
    return Image.fromarray(np.stack([level, level[::-1], level.T], axis=-1))


@pytest.mark.parametrize("channels", ["RGB", "BGR"])
@pytest.mark.parametrize("value_range", [(-1.0, 1.0), (0.0, 1.0), (0.0, 255.0)])
def test_there_and_back(channels: str, value_range: tuple[float, float]) -> None:
    tensor = to_tensor(gradient(), value_range, channels)
    assert (tensor.min(), tensor.max()) == value_range
    (back,) = to_images(tensor[None], value_range, channels)
    assert np.array_equal(np.array(back), np.array(gradient()))


def test_channel_order() -> None:
    red = Image.new("RGB", (1, 1), (255, 0, 0))
    assert to_tensor(red, (0.0, 1.0)).flatten().tolist() == [1, 0, 0]
    assert to_tensor(red, (0.0, 1.0), "BGR").flatten().tolist() == [0, 0, 1]
    assert to_tensor(red, (0.0, 255.0), "L").flatten().tolist() == [76]


def test_grey_comes_back_as_rgb() -> None:
    (back,) = to_images(torch.full((1, 1, 2, 2), 100.0), (0.0, 255.0), "L")
    assert back.mode == "RGB"
    assert back.getpixel((0, 0)) == (100, 100, 100)


def test_what_is_out_of_range_is_clamped() -> None:
    low, high = to_images(torch.tensor([-3.0, 3.0]).view(2, 1, 1, 1).expand(2, 3, 1, 1), (-1.0, 1.0))
    assert (low.getpixel((0, 0)), high.getpixel((0, 0))) == ((0, 0, 0), (255, 255, 255))


def test_half_precision_and_any_layout() -> None:
    pictures = to_tensor(gradient(), (-1.0, 1.0))[None].contiguous(memory_format=torch.channels_last)
    assert np.abs(np.array(to_images(pictures.half(), (-1.0, 1.0))[0]).astype(int) - np.array(gradient())).max() <= 1


def test_luma_of_the_primaries() -> None:
    primaries = torch.eye(3).view(3, 3, 1, 1)
    assert luma(primaries).flatten().tolist() == pytest.approx([0.299, 0.587, 0.114])
    torch.testing.assert_close(luma(2 * primaries - 1), 2 * luma(primaries) - 1)
