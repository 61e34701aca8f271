"""The three clocks of a GPU, on a GPU."""

from __future__ import annotations

import pytest
import torch
from timing import clocks_for


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", ["cold", "warm", "graph"])
def test_each_clock_measures_a_multiplication(name: str) -> None:
    device = torch.device("cuda")
    x = torch.randn(1024, 1024, device=device)
    sample = clocks_for(device)[name](lambda: x @ x)
    assert all(0 < sample() < 1 for _ in range(3))
