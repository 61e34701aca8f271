"""What the tests of operators share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from imtrans.ops import use_backend
from imtrans.ops.library import why_no_kernel


@pytest.fixture
def fused() -> Iterator[None]:
    """The test runs on the native kernels or is skipped: the reference must not stand in for them."""
    reason = why_no_kernel("instance_norm", "cpu")
    if reason is not None:
        pytest.skip(reason)
    torch.manual_seed(0)
    with use_backend("fused"):
        yield
