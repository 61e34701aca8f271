"""Reflection padding and folding: values, layouts, gradients of every order, and what they refuse."""

from __future__ import annotations

import functools

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.library import opcheck
from torch.nn import functional

from imtrans.errors import BackendError, UsageError
from imtrans.ops import reflect_pad, self_check, use_backend
from tests.ops.paddings import LAYOUTS, Layout, assert_close, channels_last, contiguous, interior, maps

TOLERANCE = {torch.float64: 1e-14, torch.float32: 1e-6, torch.bfloat16: 1e-2}
"""Of a sum of at most nine numbers."""


def by_torch(x: Tensor, padding: int) -> Tensor:
    return functional.pad(x, (padding,) * 4, mode="reflect")


# --- values ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("fused")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(maps(list(TOLERANCE)))
def test_equals_torch(call: tuple[Tensor, int]) -> None:
    x, padding = call
    x.requires_grad_()
    y, want = reflect_pad(x, padding), by_torch(x, padding)
    assert y.dtype == x.dtype
    assert torch.equal(y, want)
    dy = torch.randn_like(y)
    (dx,) = torch.autograd.grad(y, x, dy)
    wide = x.detach().double().requires_grad_()
    assert_close(dx, torch.autograd.grad(by_torch(wide, padding), wide, dy.double())[0], TOLERANCE[x.dtype])


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_output_keeps_type_and_layout(backend: str, dtype: torch.dtype, layout: Layout) -> None:
    x = layout(torch.randn(2, 8, 6, 5).to(dtype))
    with use_backend(backend):
        y = reflect_pad(x, 2)
    assert y.dtype == dtype
    assert y.shape == (2, 8, 10, 9)
    if layout in (contiguous, channels_last):
        assert y.is_contiguous(memory_format=torch.channels_last) == (layout is channels_last)
    if backend == "auto" and layout is interior and dtype != torch.float16:
        assert y.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("strides", [(30, 30, 6, 1), (30, 1, 6, 1)], ids=["contiguous", "channels-last"])
def test_a_single_channel_keeps_its_strides(strides: tuple[int, ...]) -> None:
    """Its memory lies both ways, but convolutions choose their own layout by the strides."""
    x = torch.randn(30).as_strided((1, 1, 5, 6), strides)
    assert reflect_pad(x, 1).stride(1) == (1 if strides[1] == 1 else 56)


@pytest.mark.usefixtures("fused")
def test_no_border_gives_the_map_itself() -> None:
    x = torch.randn(1, 3, 1, 1)
    assert reflect_pad(x, 0) is x


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("layout", [contiguous, channels_last])
@pytest.mark.parametrize("dtype", list(TOLERANCE))
def test_threads_change_nothing(layout: Layout, dtype: torch.dtype) -> None:
    x = layout(torch.randn(2, 24, 40, 50).to(dtype)).requires_grad_()
    dy = layout(torch.randn(2, 24, 46, 56).to(dtype))
    results = []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            y = reflect_pad(x, 3)
            results.append((y, *torch.autograd.grad(y, x, dy)))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("layout", [contiguous, channels_last])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_nan_and_infinity_pass_through(layout: Layout, bad: float) -> None:
    x = torch.randn(1, 19, 4, 5)
    x[0, 7, 1, 2] = bad
    y = reflect_pad(layout(x), 1)
    assert y[0, 7].isfinite().logical_not().nonzero().tolist() == [[0, 3], [2, 3]]
    dy = torch.zeros(1, 19, 6, 7)
    dy[0, 7, 0, 3] = bad
    folded = torch.ops.imtrans.reflect_fold(layout(dy), 1)
    assert folded.isfinite().logical_not().nonzero().tolist() == [[0, 7, 1, 2]]


@pytest.mark.usefixtures("fused")
def test_the_self_check_covers_it() -> None:
    checks = self_check("cpu")["reflect_pad"]
    assert len(checks) == 3 * 2 * 2 * 3  # types, layouts, borders, orders
    assert all(check.passed for check in checks)


# --- gradients ------------------------------------------------------------------------------------------------------


def leaf(*shape: int, layout: Layout = contiguous) -> Tensor:
    return layout(torch.randn(*shape, dtype=torch.float64)).requires_grad_()


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("layout", [contiguous, channels_last])
@pytest.mark.parametrize(("shape", "padding"), [((2, 3, 3, 4), 1), ((1, 9, 4, 4), 3), ((1, 1, 2, 5), 1)])
def test_first_and_second_gradient(shape: tuple[int, ...], padding: int, layout: Layout) -> None:
    def cubed(x: Tensor) -> Tensor:
        return reflect_pad(x, padding).pow(3)

    def folded_and_cubed(y: Tensor) -> Tensor:
        return torch.ops.imtrans.reflect_fold(y, padding).pow(3)

    x = leaf(*shape, layout=layout)
    y = leaf(*shape[:2], shape[2] + 2 * padding, shape[3] + 2 * padding, layout=layout)
    for function, point in ((cubed, x), (folded_and_cubed, y)):
        assert gradcheck(function, (point,))
        assert gradgradcheck(function, (point,))


@pytest.mark.usefixtures("fused")
def test_third_gradient() -> None:
    def third(x: Tensor, pad: object) -> Tensor:
        order = x.requires_grad_()
        value = pad(order, 1).pow(4).sum()  # type: ignore[operator]
        for _ in range(3):
            (order,) = torch.autograd.grad(value, x, create_graph=True)
            value = order.pow(2).sum()
        return order

    x = torch.randn(1, 2, 3, 4, dtype=torch.float64)
    torch.testing.assert_close(third(x.clone(), reflect_pad), third(x.clone(), by_torch))


@pytest.mark.usefixtures("fused")
def test_a_gradient_of_any_layout_comes_back_in_that_of_the_map() -> None:
    x = leaf(2, 6, 4, 5, layout=channels_last)
    for dy in (contiguous(torch.randn(2, 6, 6, 7).double()), torch.ones(()).double().expand(2, 6, 6, 7)):
        (dx,) = torch.autograd.grad(reflect_pad(x, 1), x, dy)
        assert dx.stride() == x.stride()
        torch.testing.assert_close(dx, torch.autograd.grad(by_torch(x, 1), x, dy)[0])


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("layout", [contiguous, channels_last])
@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize("channels", [1, 5])
def test_opcheck(channels: int, dtype: torch.dtype, layout: Layout) -> None:
    """Schema, fake tensors with exact strides, autograd registration and compilation."""
    x, y = (layout(torch.randn(2, channels, side, 7).to(dtype)).requires_grad_() for side in (3, 6))
    opcheck(torch.ops.imtrans.reflect_pad.default, (x, 2))
    opcheck(torch.ops.imtrans.reflect_fold.default, (y, 1))


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("compiler", ["aot_eager", pytest.param("inductor", marks=pytest.mark.exhaustive)])
def test_compiles_without_a_break(compiler: str) -> None:
    @functools.partial(torch.compile, fullgraph=True, backend=compiler)
    def compiled(x: Tensor) -> Tensor:
        return reflect_pad(2 * x, 1).square()

    x = channels_last(torch.randn(2, 5, 4, 3)).requires_grad_()
    got, want = compiled(x), reflect_pad(2 * x, 1).square()
    assert got.stride() == want.stride()
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(*(torch.autograd.grad(y.sum(), x) for y in (got, want)))


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 4, 5), (0, 3, 4, 4), (1, 0, 4, 4), (1, 3, 0, 4)])
def test_refuses_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="shape"):
        reflect_pad(torch.zeros(shape), 1)


@pytest.mark.parametrize(("height", "width", "padding"), [(1, 8, 1), (8, 1, 1), (3, 9, 3), (1, 1, 1)])
def test_refuses_maps_smaller_than_their_border(height: int, width: int, padding: int) -> None:
    with pytest.raises(UsageError, match=f"cannot reflect {padding} pixels of maps of {height} x {width}") as caught:
        reflect_pad(torch.zeros(1, 2, height, width), padding)
    assert f"at least {padding + 1} x {padding + 1}" in str(caught.value)


@pytest.mark.parametrize("padding", [-1, 1.0, True, "reflect", (1, 1)])
def test_refuses_paddings(padding: object) -> None:
    with pytest.raises(UsageError, match="a whole number of pixels of at least 0"):
        reflect_pad(torch.zeros(1, 2, 5, 5), padding)  # type: ignore[arg-type]


def test_refuses_integers() -> None:
    with pytest.raises(UsageError, match="floating-point feature maps"):
        reflect_pad(torch.zeros(1, 3, 4, 5, dtype=torch.uint8), 1)


@pytest.mark.usefixtures("fused")
def test_fused_says_why_it_cannot_serve() -> None:
    with pytest.raises(BackendError, match="on cpu its kernels take bfloat16, float32, float64, not float16"):
        reflect_pad(torch.zeros(1, 3, 4, 5, dtype=torch.float16), 1)


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("operator", [torch.ops.imtrans.reflect_pad, torch.ops.imtrans.reflect_fold])
@pytest.mark.parametrize(
    ("x", "pad", "words"),
    [
        (torch.zeros(2, 6, 8, 8)[:, ::2], 1, "dense"),
        (torch.zeros(1, 0, 8, 8), 1, "empty"),
        (torch.zeros(3, 8, 8), 1, "four dimensions"),
        (torch.zeros(1, 3, 8, 8, dtype=torch.int32), 1, "float32, float64, bfloat16"),
        (torch.zeros(1, 3, 8, 3), 3, "a padding of at least 0"),
        (torch.zeros(1, 3, 8, 8), -1, "a padding of at least 0"),
    ],
)
def test_the_bare_operators_check_too(operator: object, x: Tensor, pad: int, words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        operator(x, pad)  # type: ignore[operator]
