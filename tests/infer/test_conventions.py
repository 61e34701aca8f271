"""Pictures as a network wants them, and back."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from toys import CARD

from imtrans.infer.conventions import Conventions
from imtrans.infer.padding import Sizes


@pytest.mark.parametrize("channels", ["RGB", "BGR", "L"])
@pytest.mark.parametrize("value_range", [(-1.0, 1.0), (0.0, 255.0)])
@pytest.mark.parametrize("sizes", [Sizes(), Sizes(multiple=4, minimum=16)])
def test_what_enters_can_leave(channels: str, value_range: tuple[float, float], sizes: Sizes) -> None:
    card = replace(CARD, channels=channels, value_range=value_range)  # type: ignore[arg-type]
    conventions = Conventions(card, sizes)
    batch = torch.rand(2, 1, 7, 9).expand(-1, 3, -1, -1) if channels == "L" else torch.rand(2, 3, 7, 9)
    entered = conventions.enter(batch, torch.device("cpu"), torch.float32)
    assert entered.shape[1] == (1 if channels == "L" else 3)
    assert entered.shape[-2:] == sizes.taken(7, 9)
    assert value_range[0] <= entered.min() < entered.max() <= value_range[1]
    assert conventions.expected(entered) == tuple(entered.shape)
    torch.testing.assert_close(conventions.leave(entered, 7, 9), batch, atol=1e-5, rtol=0)


def test_bytes_are_levels_and_scales_count() -> None:
    conventions = Conventions(replace(CARD, scale=2, value_range=(0.0, 1.0)), Sizes())
    entered = conventions.enter(torch.full((1, 3, 2, 3), 51, dtype=torch.uint8), torch.device("cpu"), torch.bfloat16)
    assert entered.dtype == torch.bfloat16
    assert entered.float().unique().item() == pytest.approx(0.2, abs=1e-3)
    assert conventions.expected(entered) == (1, 3, 4, 6)
    assert conventions.leave(torch.rand(1, 3, 8, 8), 2, 3).shape == (1, 3, 4, 6)
