"""The instance norm's gradients: first and second against finite differences, the third refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.library import opcheck

from imtrans.errors import BackendError
from imtrans.ops import instance_norm, use_backend

pytestmark = pytest.mark.usefixtures("fused")

FORMATS = [torch.contiguous_format, torch.channels_last]
ACTIVATIONS = ["none", "relu", "leaky_relu"]


def leaf(*shape: int, dtype: torch.dtype = torch.float64, memory_format: torch.memory_format | None = None) -> Tensor:
    x = torch.randn(*shape, dtype=dtype)
    return (x if memory_format is None else x.contiguous(memory_format=memory_format)).requires_grad_()


@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("shape", [(2, 3, 3, 4), (1, 10, 2, 2), (1, 2, 1, 1)])
def test_first_and_second_gradient(
    shape: tuple[int, int, int, int], activation: str, memory_format: torch.memory_format
) -> None:
    x, residual = (leaf(*shape, memory_format=memory_format) for _ in range(2))
    weight, bias = leaf(shape[1]), leaf(shape[1])

    def function(*inputs: Tensor) -> Tensor:
        return instance_norm(*inputs, activation=activation)

    assert gradcheck(function, (x, weight, bias, residual))
    assert gradgradcheck(function, (x, weight, bias, residual))
    assert gradcheck(function, (x,))
    assert gradgradcheck(function, (x,))


@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize("channels", [1, 17, 70])
def test_second_gradient_of_wide_maps(channels: int, memory_format: torch.memory_format) -> None:
    inputs = leaf(2, channels, 9, 8, memory_format=memory_format), leaf(channels), leaf(channels)
    assert gradcheck(lambda *i: instance_norm(*i, activation="leaky_relu"), inputs, fast_mode=True)
    assert gradgradcheck(lambda *i: instance_norm(*i, activation="leaky_relu"), inputs, fast_mode=True)


@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize(("pad", "border"), [(1, 0), (2, 1), (0, 2)])
def test_gradients_of_a_border(pad: int, border: int, memory_format: torch.memory_format) -> None:
    """Of a padded result, of parameters of each image, and of a residual that is larger than the map."""
    x = leaf(2, 3, 3, 4, memory_format=memory_format)
    residual = leaf(2, 3, 3 + 2 * border, 4 + 2 * border, memory_format=memory_format)
    inputs = x, leaf(2, 3), leaf(2, 3), residual

    def function(*inputs: Tensor) -> Tensor:
        return instance_norm(*inputs, activation="leaky_relu", pad=pad)

    assert gradcheck(function, inputs)
    assert gradgradcheck(function, inputs)
    assert gradgradcheck(function, (x, None, None, None))


@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize("channels", [1, 17, 70])
def test_gradients_of_a_wide_map_with_a_border(channels: int, memory_format: torch.memory_format) -> None:
    inputs = leaf(2, channels, 9, 8, memory_format=memory_format), leaf(channels), leaf(channels)
    inputs = *inputs, leaf(2, channels, 9, 8, memory_format=memory_format)
    assert gradcheck(lambda *i: instance_norm(*i, activation="leaky_relu", pad=3), inputs, fast_mode=True)
    assert gradgradcheck(lambda *i: instance_norm(*i, activation="leaky_relu", pad=3), inputs, fast_mode=True)


def test_the_rest_of_a_larger_residual_has_no_gradient() -> None:
    x, residual = leaf(1, 2, 3, 3), leaf(1, 2, 5, 5)
    instance_norm(x, residual=residual).sum().backward()
    assert torch.equal(residual.grad, torch.nn.functional.pad(torch.ones(1, 2, 3, 3).double(), (1, 1, 1, 1)))


def penalty(x: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, ...]:
    """What an R1 penalty gives: the gradient, and the gradient of its square."""
    y = instance_norm(x, weight, bias, activation="leaky_relu").pow(3)
    (gradient,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    return gradient, *torch.autograd.grad(gradient.square().sum(), [x, weight, bias])


@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.bfloat16, 4e-2)])
def test_gradient_penalty_equals_reference(
    dtype: torch.dtype, tolerance: float, memory_format: torch.memory_format
) -> None:
    x = leaf(2, 20, 12, 11, dtype=dtype, memory_format=memory_format)
    weight, bias = leaf(20, dtype=torch.float32), leaf(20, dtype=torch.float32)
    got = penalty(x, weight, bias)
    with use_backend("reference"):
        want = penalty(*(tensor.detach().double().requires_grad_() for tensor in (x, weight, bias)))
    for a, b in zip(got, want, strict=True):
        assert (a.double() - b).abs().max() <= tolerance * b.abs().max()
    assert got[0].stride() == x.stride()


@pytest.mark.parametrize("arrange", [Tensor.contiguous, lambda g: g.contiguous(memory_format=torch.channels_last)])
def test_a_gradient_may_arrive_in_any_layout(arrange: Callable[[Tensor], Tensor]) -> None:
    x, dy = leaf(2, 6, 4, 5, memory_format=torch.channels_last), torch.randn(2, 6, 4, 5).double()
    y = instance_norm(x, activation="relu")
    (dx,) = torch.autograd.grad(y, x, arrange(dy), retain_graph=True)
    (expanded,) = torch.autograd.grad(y, x, torch.ones(()).double().expand_as(y), retain_graph=True)
    assert dx.stride() == x.stride()
    torch.testing.assert_close(dx, torch.autograd.grad(y, x, dy)[0])
    assert expanded.shape == x.shape


def test_gradient_of_the_weight_alone_can_be_differentiated() -> None:
    """No second gradient reaches dx here, so the kernel is given zeros in its place."""

    def function(x: Tensor, weight: Tensor) -> Tensor:
        y = instance_norm(x, weight).square()
        return torch.autograd.grad(y.sum(), weight, create_graph=True)[0]

    assert gradcheck(function, (leaf(2, 3, 3, 3), leaf(3)))


def test_a_frozen_norm_costs_no_kernel() -> None:
    x, residual = torch.randn(1, 3, 4, 4), leaf(1, 3, 4, 4, dtype=torch.float32)
    instance_norm(x, None, None, residual).sum().backward()
    assert torch.equal(residual.grad, torch.ones_like(residual))
    residual.grad = None
    instance_norm(x, None, None, residual, pad=1).sum().backward()
    assert residual.grad.sum() == 3 * 6 * 6


def test_statistics_take_no_gradient() -> None:
    _, mean, rstd = torch.ops.imtrans.instance_norm(leaf(1, 3, 4, 4), None, None, None, 1.0, 1e-5)
    assert not mean.requires_grad
    assert not rstd.requires_grad


def test_third_gradient_is_refused_in_words() -> None:
    x = leaf(1, 3, 4, 4)
    (first,) = torch.autograd.grad(instance_norm(x).pow(3).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), x, create_graph=True)
    with pytest.raises(BackendError, match="first and second gradients, and a third was asked for"):
        torch.autograd.grad(second.sum(), x)


@pytest.mark.parametrize("parameters", [None, (5,), (2, 5)])
@pytest.mark.parametrize("pad", [0, 2])
@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_opcheck(
    dtype: torch.dtype, memory_format: torch.memory_format, pad: int, parameters: tuple[int, ...] | None
) -> None:
    """Schema, fake tensors with exact strides, autograd registration and compilation, of all three operators."""
    x, ddx, residual, vresidual = (leaf(2, 5, 4, 3, dtype=dtype, memory_format=memory_format) for _ in range(4))
    dy = leaf(2, 5, 4 + 2 * pad, 3 + 2 * pad, dtype=dtype, memory_format=memory_format)
    weight, bias = (None if parameters is None else leaf(*parameters, dtype=torch.float32) for _ in range(2))
    ops = torch.ops.imtrans
    _, mean, rstd = ops.instance_norm(x.detach(), None, None, None, 1.0, 1e-5)
    opcheck(ops.instance_norm.default, (x, weight, bias, residual, 0.2, 1e-5, pad))
    opcheck(ops.instance_norm_backward.default, (dy, x, weight, bias, mean, rstd, 0.2, pad, pad > 0))
    plain = [
        None if tensor is None else tensor.detach() for tensor in (ddx, vresidual, weight, bias, dy, x, weight, bias)
    ]
    opcheck(ops.instance_norm_backward_backward.default, (*plain, mean, rstd, 0.2, pad))
