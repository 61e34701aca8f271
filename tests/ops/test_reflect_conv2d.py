"""The convolution over reflected borders: values, gradients, what it keeps, autocast, and what it refuses."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional

from imtrans.errors import BackendError, UsageError
from imtrans.ops import reflect_conv2d, use_backend
from tests.ops.paddings import LAYOUTS, Layout, assert_close, channels_last, contiguous, maps

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-4, torch.bfloat16: 3e-2}


def by_torch(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, padding: int, **settings: Any) -> Tensor:
    return functional.conv2d(functional.pad(x, (padding,) * 4, mode="reflect"), weight, bias, **settings)


@st.composite
def calls(draw: st.DrawFn) -> tuple[list[Tensor], dict[str, int]]:
    """Maps, kernels and perhaps a bias, with every keyword."""
    x, padding = draw(maps(list(TOLERANCE)))
    groups = draw(st.sampled_from([g for g in (1, 2, 3, 8) if x.shape[1] % g == 0]))
    kernel = [draw(st.integers(1, min(5, side + 2 * padding))) for side in x.shape[2:]]
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    leaving = groups * draw(st.integers(1, 5))
    weight = torch.randn(leaving, x.shape[1] // groups, *kernel, generator=generator, dtype=torch.float64)
    bias = [torch.randn(leaving, generator=generator, dtype=torch.float64)] if draw(st.booleans()) else []
    operands = [x.requires_grad_(), *(each.to(x.dtype).requires_grad_() for each in (weight, *bias))]
    return operands, {"padding": padding, "stride": draw(st.integers(1, 3)), "groups": groups}


# --- values and gradients -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("fused")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls())
def test_equals_float64(call: tuple[list[Tensor], dict[str, int]]) -> None:
    operands, keywords = call
    y = reflect_conv2d(*operands, **keywords)  # type: ignore[arg-type]
    wide = [operand.detach().double().requires_grad_() for operand in operands]
    want = by_torch(*wide, **keywords)  # type: ignore[arg-type]
    dtype = operands[0].dtype
    assert y.dtype == dtype
    assert_close(y, want, TOLERANCE[dtype])
    dy = torch.randn_like(y)
    for got, wanted in zip(
        torch.autograd.grad(y, operands, dy), torch.autograd.grad(want, wide, dy.double()), strict=True
    ):
        assert got.dtype == dtype
        assert_close(got, wanted, TOLERANCE[dtype])


@pytest.mark.parametrize("backend", ["fused", "reference"])
@pytest.mark.parametrize("layout", [contiguous, channels_last])
@pytest.mark.parametrize(
    "keywords", [{"padding": 1}, {"padding": 2, "stride": 2, "groups": 2}, {"padding": 0}], ids=str
)
@pytest.mark.usefixtures("fused")
def test_first_and_second_gradient(keywords: dict[str, int], layout: Layout, backend: str) -> None:
    groups = keywords.get("groups", 1)
    x = layout(torch.randn(2, 4, 3, 4).double()).requires_grad_()
    weight, bias = torch.randn(2, 4 // groups, 3, 2).double().requires_grad_(), torch.randn(2).double().requires_grad_()
    function = functools.partial(reflect_conv2d, **keywords)  # type: ignore[arg-type]
    with use_backend(backend):
        assert gradcheck(function, (x, weight, bias))
        assert gradgradcheck(function, (x, weight, bias))
        assert gradgradcheck(function, (x, weight))


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("frozen", [0, 1, 2], ids=["x", "weight", "bias"])
def test_gradients_of_a_part(frozen: int) -> None:
    operands = [torch.randn(1, 4, 5, 6), torch.randn(3, 4, 3, 3), torch.randn(3)]
    learning = [operand.requires_grad_() for i, operand in enumerate(operands) if i != frozen]
    dy = torch.randn(1, 3, 5, 6)
    got = torch.autograd.grad(reflect_conv2d(*operands, padding=1), learning, dy)
    for one, other in zip(got, torch.autograd.grad(by_torch(*operands, padding=1), learning, dy), strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


@pytest.mark.usefixtures("fused")
def test_a_gradient_penalty_equals_torchs() -> None:
    def penalty(convolve: Any) -> tuple[Tensor, ...]:
        torch.manual_seed(0)
        x = channels_last(torch.randn(2, 6, 8, 7)).requires_grad_()
        weight = torch.randn(5, 6, 3, 3).requires_grad_()
        y = functional.leaky_relu(convolve(x, weight, padding=1), 0.2).square()
        (gradient,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        return gradient, *torch.autograd.grad(gradient.square().sum(), [x, weight])

    for got, want in zip(penalty(reflect_conv2d), penalty(by_torch), strict=True):
        assert_close(got, want, 1e-4)


# --- layouts and memory ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_is_that_of_torchs_convolution(layout: Layout) -> None:
    x, weight = layout(torch.randn(2, 8, 6, 5)), torch.randn(8, 8, 3, 3)
    y = reflect_conv2d(x, weight, padding=1)
    if layout in (contiguous, channels_last):
        assert y.stride() == functional.conv2d(x, weight, padding=1).stride()
    torch.testing.assert_close(y, by_torch(x, weight, padding=1), atol=1e-4, rtol=1e-4)


@pytest.mark.usefixtures("fused")
def test_keeps_x_and_not_the_padded_map() -> None:
    x, weight = torch.randn(1, 4, 8, 8, requires_grad=True), torch.randn(4, 4, 3, 3, requires_grad=True)
    saved = []

    def note(tensor: Tensor) -> Tensor:
        saved.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        reflect_conv2d(x, weight, padding=1)
    assert [tensor.data_ptr() for tensor in saved] == [x.data_ptr(), weight.data_ptr()]


@pytest.mark.usefixtures("fused")
def test_no_border_is_torchs_convolution() -> None:
    x, weight = torch.randn(1, 4, 8, 8), torch.randn(4, 4, 1, 1)
    assert torch.equal(reflect_conv2d(x, weight, padding=0), functional.conv2d(x, weight))


# --- precision and compilation --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("padding", [0, 1])
def test_autocast_converts_as_for_torchs_convolution(padding: int) -> None:
    x, weight, bias = torch.randn(1, 4, 8, 8), torch.randn(4, 4, 3, 3).requires_grad_(), torch.randn(4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = reflect_conv2d(x, weight, bias, padding=padding)
        mixed = reflect_conv2d(x.bfloat16(), weight, bias, padding=padding)
        want = by_torch(x, weight, bias, padding=padding)
        wide = reflect_conv2d(x.double(), weight.double(), padding=padding)
    assert y.dtype == want.dtype == torch.bfloat16
    assert wide.dtype == torch.float64
    assert torch.equal(y, mixed)
    assert_close(y, want.double(), 1e-2)
    (gradient,) = torch.autograd.grad(y.float().sum(), weight)
    assert gradient.dtype == torch.float32


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("compiler", ["aot_eager", pytest.param("inductor", marks=pytest.mark.exhaustive)])
def test_compiles_without_a_break(compiler: str) -> None:
    def twice(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return reflect_conv2d(reflect_conv2d(x, weight, bias, padding=1).relu(), weight, padding=1)

    compiled = torch.compile(twice, fullgraph=True, backend=compiler)
    x = channels_last(torch.randn(2, 5, 4, 3)).requires_grad_()
    weight, bias = torch.randn(5, 5, 3, 3, requires_grad=True), torch.randn(5, requires_grad=True)
    got, want = compiled(x, weight, bias), twice(x, weight, bias)
    assert got.stride() == want.stride()
    torch.testing.assert_close(got, want, atol=1e-4, rtol=1e-4)
    gradients = [torch.autograd.grad(y.square().mean(), [x, weight, bias]) for y in (got, want)]
    torch.testing.assert_close(*gradients, atol=1e-3, rtol=1e-3)


@pytest.mark.usefixtures("fused")
def test_inference_mode() -> None:
    x, weight = torch.randn(1, 4, 8, 8), torch.randn(4, 4, 3, 3)
    with torch.inference_mode():
        y = reflect_conv2d(x, weight, padding=1)
    assert torch.equal(y, reflect_conv2d(x, weight, padding=1))


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"x": torch.zeros(4, 5, 6)}, r"takes feature maps \(N, C, H, W\)"),
        ({"x": torch.zeros(0, 4, 5, 6)}, "nothing to reflect"),
        ({"x": torch.zeros(1, 4, 1, 6)}, "cannot reflect 1 pixels of maps of 1 x 6"),
        ({"padding": 5}, "cannot reflect 5 pixels of maps of 5 x 6"),
        ({"padding": -1}, "the padding of reflect_conv2d is a whole number"),
        ({"stride": 0}, "the stride of reflect_conv2d is a whole number of at least 1, not 0"),
        ({"groups": True}, "the groups of reflect_conv2d is a whole number of at least 1, not True"),
        ({"x": torch.zeros(1, 3, 5, 6)}, r"weight of reflect_conv2d has shape \(2, 4, 3, 3\), and x has 3 channels"),
        ({"groups": 2}, "takes maps of 8 channels to a multiple of 2"),
        ({"weight": torch.zeros(3, 2, 3, 3), "groups": 2}, "takes maps of 4 channels to a multiple of 2"),
        ({"weight": torch.zeros(2, 4, 3)}, r"the weight of reflect_conv2d has shape \(2, 4, 3\)"),
        ({"weight": torch.zeros(2, 4, 0, 3)}, "Kernels have the shape"),
        ({"weight": torch.zeros(2, 4, 8, 3)}, "a kernel of 8 x 3 does not fit into padded maps of 7 x 8"),
        ({"bias": torch.zeros(3)}, r"the bias of reflect_conv2d has shape \(3,\), not \(2,\)"),
        ({"weight": torch.zeros(2, 4, 3, 3).bfloat16()}, "the weight of reflect_conv2d is torch.bfloat16 on cpu"),
        ({"bias": torch.zeros(2, device="meta")}, "the bias of reflect_conv2d is torch.float32 on meta"),
    ],
)
def test_refuses_arguments(changes: dict[str, Any], words: str) -> None:
    given = {"x": torch.zeros(1, 4, 5, 6), "weight": torch.zeros(2, 4, 3, 3), "padding": 1, **changes}
    with pytest.raises(UsageError) as caught:
        reflect_conv2d(**given)
    assert caught.match(words)


@pytest.mark.usefixtures("fused")
def test_fused_says_why_it_cannot_serve() -> None:
    x, weight = torch.zeros(1, 3, 4, 5, dtype=torch.float16), torch.zeros(2, 3, 3, 3, dtype=torch.float16)
    with pytest.raises(BackendError, match="reflect_pad has no fused kernel for this call"):
        reflect_conv2d(x, weight, padding=1)
    with use_backend("auto"):
        assert reflect_conv2d(x, weight, padding=1).shape == (1, 2, 4, 5)
