"""What real pictures and the discriminator are at the levels of a network that grows."""

from __future__ import annotations

import pytest
import torch

from imtrans.errors import UsageError
from imtrans.nn.growing import GrowingDiscriminator, at_level, blur, enlarge


def test_real_pictures_are_shrunk_and_faded() -> None:
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    halves = torch.nn.functional.avg_pool2d(x, 2)
    torch.testing.assert_close(at_level(x, 2), halves)
    assert torch.equal(at_level(x, 3), x)
    torch.testing.assert_close(at_level(x, 2.25), 0.75 * enlarge(halves) + 0.25 * x)
    with pytest.raises(UsageError, match="cannot be shrunk to 64x64"):
        at_level(x, 4)


@pytest.mark.parametrize("blurred", [False, True])
def test_the_discriminator_fades_from_one_resolution_to_the_next(blurred: bool) -> None:
    torch.manual_seed(0)
    judge, x = GrowingDiscriminator((6, 5, 4), blurred=blurred), torch.randn(4, 3, 16, 16)
    for low in (0, 1):
        shown = at_level(x, low + 1)
        old, new = judge(at_level(x, low), low), judge(shown, low + 1)
        assert not torch.allclose(old, new)
        torch.testing.assert_close(judge(shown, low + 1e-7), old, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(judge(shown, low + 1 - 1e-7), new, atol=1e-4, rtol=1e-4)
    assert torch.equal(judge(x), judge(x, 2))
    with pytest.raises(UsageError, match="judges pictures of 8x8"):
        judge(x, 1.0)


def test_blur_keeps_the_brightness_and_spreads_a_pixel() -> None:
    x = torch.zeros(1, 1, 5, 5)
    x[0, 0, 2, 2] = 16
    assert blur(x)[0, 0, 1:4, 1:4].tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]
