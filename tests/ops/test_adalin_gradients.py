"""AdaLIN's gradients: first and second against finite differences, the third refused."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.library import opcheck

from imtrans.errors import BackendError
from imtrans.ops import adalin, lin, use_backend

pytestmark = pytest.mark.usefixtures("fused")

FORMATS = [torch.contiguous_format, torch.channels_last]


def leaf(*shape: int, dtype: torch.dtype = torch.float64, memory_format: torch.memory_format | None = None) -> Tensor:
    x = torch.randn(*shape, dtype=dtype)
    return (x if memory_format is None else x.contiguous(memory_format=memory_format)).requires_grad_()


@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize("activation", ["none", "relu", "leaky_relu"])
@pytest.mark.parametrize(
    ("shape", "pad"), [((2, 3, 3, 4), 0), ((2, 2, 3, 3), 2), ((1, 10, 2, 2), 1), ((2, 3, 1, 1), 0)]
)
def test_first_and_second_gradient(
    shape: tuple[int, int, int, int], pad: int, activation: str, memory_format: torch.memory_format
) -> None:
    x, residual = (leaf(*shape, memory_format=memory_format) for _ in range(2))
    rho, gamma, beta = leaf(shape[1]), leaf(*shape[:2]), leaf(*shape[:2])

    def function(*inputs: Tensor) -> Tensor:
        return adalin(*inputs, activation=activation, pad=pad)

    assert gradcheck(function, (x, rho, gamma, beta, residual))
    assert gradgradcheck(function, (x, rho, gamma, beta, residual))
    constant = [parameter.detach() for parameter in (rho, gamma, beta)]
    assert gradgradcheck(lambda x: function(x, *constant), (x,))


@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize("channels", [1, 17, 70])
def test_second_gradient_of_wide_maps(channels: int, memory_format: torch.memory_format) -> None:
    """With one gamma and one beta for all images."""
    inputs = leaf(2, channels, 9, 8, memory_format=memory_format), *(leaf(channels) for _ in range(3))
    assert gradcheck(lambda *i: lin(*i, activation="leaky_relu", pad=3), inputs, fast_mode=True)
    assert gradgradcheck(lambda *i: lin(*i, activation="leaky_relu", pad=3), inputs, fast_mode=True)


def penalty(*inputs: Tensor) -> tuple[Tensor, ...]:
    """What an R1 penalty gives: the gradient, and the gradient of its square."""
    y = adalin(*inputs, activation="leaky_relu", pad=1).pow(3)
    (gradient,) = torch.autograd.grad(y.sum(), inputs[0], create_graph=True)
    return gradient, *torch.autograd.grad(gradient.square().sum(), inputs)


@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.bfloat16, 5e-2)])
def test_gradient_penalty_equals_reference(
    dtype: torch.dtype, tolerance: float, memory_format: torch.memory_format
) -> None:
    x = leaf(2, 20, 12, 11, dtype=dtype, memory_format=memory_format)
    own = leaf(20, dtype=torch.float32), leaf(2, 20, dtype=torch.float32), leaf(2, 20, dtype=torch.float32)
    got = penalty(x, *own)
    with use_backend("reference"):
        want = penalty(*(tensor.detach().double().requires_grad_() for tensor in (x, *own)))
    for a, b in zip(got, want, strict=True):
        assert (a.double() - b).abs().max() <= tolerance * b.abs().max()
    assert got[0].stride() == x.stride()


@pytest.mark.parametrize("which", [1, 2])
def test_gradient_of_one_parameter_can_be_differentiated(which: int) -> None:
    """No second gradient reaches dx here, so the kernel is given zeros in its place."""

    def function(*inputs: Tensor) -> Tensor:
        y = adalin(*inputs).square()
        return torch.autograd.grad(y.sum(), inputs[which], create_graph=True)[0]

    assert gradcheck(function, (leaf(2, 3, 3, 3), leaf(3), leaf(2, 3), leaf(2, 3)))


def test_a_frozen_norm_costs_no_kernel() -> None:
    x, residual = torch.randn(1, 3, 4, 4), leaf(1, 3, 6, 6, dtype=torch.float32)
    adalin(x, torch.ones(3), torch.ones(1, 3), torch.ones(1, 3), residual).sum().backward()
    assert residual.grad.sum() == 3 * 4 * 4


def test_third_gradient_is_refused_in_words() -> None:
    x, own = leaf(1, 3, 4, 4), (leaf(3), leaf(1, 3), leaf(1, 3))
    (first,) = torch.autograd.grad(adalin(x, *own).pow(3).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), x, create_graph=True)
    with pytest.raises(BackendError, match="the fused adalin has first and second gradients, and a third"):
        torch.autograd.grad(second.sum(), x)


@pytest.mark.parametrize("parameters", [(5,), (2, 5)])
@pytest.mark.parametrize("pad", [0, 2])
@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_opcheck(dtype: torch.dtype, memory_format: torch.memory_format, pad: int, parameters: tuple[int, ...]) -> None:
    """Schema, fake tensors with exact strides, autograd registration and compilation, of all three operators."""
    x, ddx, residual, vresidual = (leaf(2, 5, 4, 3, dtype=dtype, memory_format=memory_format) for _ in range(4))
    dy = leaf(2, 5, 4 + 2 * pad, 3 + 2 * pad, dtype=dtype, memory_format=memory_format)
    own = [leaf(*shape, dtype=torch.float32) for shape in ((5,), parameters, parameters)]
    ops = torch.ops.imtrans
    _, statistics = ops.adalin(*(each.detach() for each in (x, *own)), None, 1.0, 1e-5)
    opcheck(ops.adalin.default, (x, *own, residual, 0.2, 1e-5, pad))
    opcheck(ops.adalin_backward.default, (dy, x, *own, statistics, 0.2, pad, pad > 0))
    plain = [each.detach() for each in (ddx, vresidual, *own, dy, x, *own)]
    opcheck(ops.adalin_backward_backward.default, (*plain, statistics, 0.2, pad))
