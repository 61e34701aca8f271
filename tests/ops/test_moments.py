"""Mean and deviation: values, gradients, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.library import opcheck

from imtrans.errors import BackendError, UsageError
from imtrans.ops import moments, use_backend
from tests.ops.paddings import channels_last, contiguous, maps

TOLERANCE = {torch.float64: 1e-11, torch.float32: 1e-5, torch.bfloat16: 1e-5}
FORMATS = [contiguous, channels_last]


def by_torch(x: Tensor, eps: float = 1e-5) -> tuple[Tensor, Tensor]:
    return x.mean((2, 3)), (x.var((2, 3)) + eps).sqrt()


@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_equals_torch(backend: str) -> None:
    x = 5 + torch.randn(2, 5, 6, 7).double()
    with use_backend(backend):
        torch.testing.assert_close(moments(x, eps=1e-3), by_torch(x, 1e-3))


@pytest.mark.usefixtures("fused")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(maps(list(TOLERANCE)))
def test_equals_float64(drawn: tuple[Tensor, int]) -> None:
    x = 10 + drawn[0]
    with use_backend("reference"):
        wanted = moments(x.double())
    for got, want in zip(moments(x), wanted, strict=True):
        assert got.dtype == (torch.float64 if x.dtype == torch.float64 else torch.float32)
        assert (got.double() - want).abs().max() <= TOLERANCE[x.dtype] * want.abs().max()


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("layout", FORMATS)
def test_a_large_mean_does_not_cancel(layout: Callable[[Tensor], Tensor]) -> None:
    x = layout(1000 + torch.randn(2, 20, 64, 64))
    torch.testing.assert_close(moments(x)[1].double(), by_torch(x.double())[1], rtol=1e-5, atol=0)


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("shape", [(2, 3, 1, 1), (2, 3, 8, 8)])
def test_constant_channels_have_no_deviation(backend: str, shape: tuple[int, ...]) -> None:
    x = torch.full(shape, 7.0, requires_grad=True)
    with use_backend(backend):
        mean, std = moments(x, eps=1e-4)
    assert (mean == 7).all()
    torch.testing.assert_close(std, torch.full((2, 3), 1e-2))
    assert torch.autograd.grad(std.sum(), x)[0].isfinite().all()


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("layout", FORMATS)
@pytest.mark.parametrize("shape", [(2, 3, 3, 4), (1, 17, 2, 3), (1, 2, 1, 1)])
def test_first_and_second_gradient(layout: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> None:
    x = layout(torch.randn(shape, dtype=torch.float64)).requires_grad_()
    for function in (moments, lambda x: moments(x)[0], lambda x: moments(x)[1]):
        assert gradcheck(function, (x,))
        assert gradgradcheck(function, (x,))


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("layout", FORMATS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_opcheck(layout: Callable[[Tensor], Tensor], dtype: torch.dtype) -> None:
    x, ddx = (layout(torch.randn(2, 5, 4, 3).to(dtype)).requires_grad_() for _ in range(2))
    dmean, dstd = (torch.randn(2, 5, requires_grad=True) for _ in range(2))
    ops = torch.ops.imtrans
    opcheck(ops.moments.default, (x, 1e-5))
    found = ops.moments(x.detach(), 1e-5)
    opcheck(ops.moments_backward.default, (dmean, dstd, x, *found))
    opcheck(ops.moments_backward_backward.default, (ddx.detach(), dstd.detach(), x.detach(), *found))


@pytest.mark.usefixtures("fused")
def test_third_gradient_is_refused_in_words() -> None:
    x = torch.randn(1, 3, 4, 4, requires_grad=True)
    (first,) = torch.autograd.grad(moments(x)[1].pow(3).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), x, create_graph=True)
    with pytest.raises(BackendError, match="the fused moments has first and second gradients"):
        torch.autograd.grad(second.sum(), x)


def test_refuses_empty_maps() -> None:
    with pytest.raises(UsageError, match="moments has nothing to take statistics from"):
        moments(torch.zeros(0, 3, 4, 4))
