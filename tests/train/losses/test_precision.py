"""Losses are float32 at least."""

from __future__ import annotations

import pytest
import torch

from imtrans.train.losses.precision import full_precision, widen


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_narrow_types_become_float32(dtype: torch.dtype) -> None:
    assert widen(torch.ones(2, dtype=dtype)).dtype == torch.float32


def test_double_stays_and_nothing_is_copied_in_vain() -> None:
    single, double = torch.ones(2), torch.ones(2, dtype=torch.float64)
    assert widen(single) is single
    assert widen(double) is double


def test_autocast_is_off_inside() -> None:
    x = torch.ones(2, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (x @ x).dtype == torch.bfloat16
        with full_precision(x):
            assert (x @ x).dtype == torch.float32
