"""FIR resampling: values, layouts, gradients of every order, and what it refuses."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.library import opcheck

from imtrans.errors import BackendError, UsageError
from imtrans.ops import downsample2d, filter2d, self_check, setup_filter, upfirdn2d, upsample2d, use_backend
from tests.ops.paddings import LAYOUTS, Layout, assert_close, channels_last, contiguous, interior, maps

TOLERANCE = {torch.float64: 1e-13, torch.float32: 2e-6, torch.bfloat16: 1e-2}


@st.composite
def resamplings(draw: st.DrawFn, x: Tensor) -> dict[str, Any]:
    """A filter, factors and paddings that leave something of x."""
    factor = st.integers(1, 3)
    up, down = (draw(factor), draw(factor)), (draw(factor), draw(factor))
    taps = st.integers(1, 6)
    shape = (draw(taps),) if draw(st.booleans()) else (draw(taps), draw(taps))
    f = torch.randn(shape, generator=torch.Generator().manual_seed(draw(st.integers(0, 99))))
    padding: list[int] = []
    for size, factor_up, length in ((x.shape[3], up[0], shape[-1]), (x.shape[2], up[1], shape[0])):
        before = draw(st.integers(-2, 4))
        least = max(-2, length - size * factor_up - before)
        padding += [before, draw(st.integers(least, least + 5))]
    flip = draw(st.booleans())
    return {"f": f, "up": up, "down": down, "padding": tuple(padding), "flip_filter": flip, "gain": 1.5}


# --- values ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("fused")
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(maps(list(TOLERANCE)), st.data())
def test_value_and_gradient_equal_float64(drawn: tuple[Tensor, int], data: st.DataObject) -> None:
    x = drawn[0].detach().requires_grad_()
    numbers = data.draw(resamplings(x))
    y, wide = upfirdn2d(x, **numbers), x.detach().double().requires_grad_()
    with use_backend("reference"):
        want = upfirdn2d(wide, **numbers)
    assert y.dtype == x.dtype
    dy = torch.randn(y.shape, generator=torch.Generator().manual_seed(0)).to(y.dtype)
    scale = 1.5 * float(numbers["f"].abs().sum()) ** (3 - numbers["f"].dim())
    # An intermediate result of a separable filter is rounded too.
    limit = TOLERANCE[x.dtype] * scale * 4
    assert (y.double() - want).abs().max() <= limit
    (dx,), (wanted,) = torch.autograd.grad(y, x, dy), torch.autograd.grad(want, wide, dy.double())
    assert (dx.double() - wanted).abs().max() <= limit


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_output_keeps_type_and_layout(backend: str, dtype: torch.dtype, layout: Layout) -> None:
    x = layout(torch.randn(2, 8, 6, 5).to(dtype))
    with use_backend(backend):
        y = upsample2d(x, setup_filter([1, 3, 3, 1]))
    assert y.dtype == dtype
    assert y.shape == (2, 8, 12, 10)
    if layout in (contiguous, channels_last):
        assert y.is_contiguous(memory_format=torch.channels_last) == (layout is channels_last)


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_inside_of_a_bordered_map_comes_out_channels_last(dtype: torch.dtype) -> None:
    y = upsample2d(interior(torch.randn(2, 8, 6, 5).to(dtype)), setup_filter([1, 3, 3, 1]))
    assert y.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("layout", [contiguous, channels_last])
def test_a_constant_map_stays_constant_within(layout: Layout) -> None:
    x = layout(torch.ones(1, 3, 8, 8))
    for f in (setup_filter([1, 3, 3, 1]), setup_filter([1.0, 2.0, 1.0], separable=True)):
        assert filter2d(x, f)[:, :, 2:-2, 2:-2].allclose(torch.ones(()))
        assert upsample2d(x, f)[:, :, 3:-3, 3:-3].allclose(torch.ones(()))
        assert downsample2d(x, f)[:, :, 1:-1, 1:-1].allclose(torch.ones(()))


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("layout", [contiguous, channels_last])
@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize("numbers", [{}, {"up": 2}, {"down": 2}], ids=str)
def test_threads_change_nothing(numbers: dict[str, int], layout: Layout, dtype: torch.dtype) -> None:
    x, f = layout(torch.randn(2, 24, 40, 50).to(dtype)), setup_filter([1, 3, 3, 1])
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(upfirdn2d(x, f, padding=2, **numbers))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(results[0], other) for other in results[1:])


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("side", "numbers"), [(520, {}), (660, {"down": 2}), (330, {"up": 2})], ids=str)
def test_maps_beyond_the_caches(side: int, numbers: dict[str, int], dtype: torch.dtype) -> None:
    """Their results are written past the caches."""
    x, f = channels_last(torch.randn(1, 64 // dtype.itemsize, side, side).to(dtype)), setup_filter([1, 3, 3, 1])
    got = upfirdn2d(x, f, padding=2, **numbers)
    with use_backend("reference"):
        assert_close(got, upfirdn2d(x, f, padding=2, **numbers), TOLERANCE[dtype])


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("layout", [contiguous, channels_last])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_nan_reaches_what_the_filter_reaches_and_no_more(layout: Layout, bad: float) -> None:
    x = torch.randn(1, 19, 6, 7)
    x[0, 7, 2, 3] = bad
    y = upfirdn2d(layout(x), torch.ones(2, 3), padding=(2, 0, 1, 0))
    spoiled = y.isfinite().logical_not().nonzero().tolist()
    assert spoiled == [[0, 7, row, column] for row in (2, 3) for column in (3, 4, 5)]
    for resampling, rows, columns in (
        ({}, (2, 3, 4, 5), (3, 4, 5, 6)),
        ({"up": 2}, (4, 5, 6, 7), (6, 7, 8, 9)),
        ({"down": 2}, (1, 2), (2, 3)),
    ):
        y = upfirdn2d(layout(x), setup_filter([1, 3, 3, 1]), padding=3, **resampling)
        assert y.isfinite().logical_not().nonzero().tolist() == [[0, 7, i, j] for i in rows for j in columns]


@pytest.mark.usefixtures("fused")
def test_the_self_check_covers_it() -> None:
    checks = self_check("cpu")["upfirdn2d"]
    assert len(checks) == 3 * 2 * 3 * 3  # types, layouts, resamplings, orders
    assert all(check.passed for check in checks)


def test_a_filter_may_be_learned() -> None:
    f = torch.ones(2, 2, requires_grad=True)
    upfirdn2d(torch.ones(1, 1, 3, 3), f).sum().backward()
    assert f.grad is not None
    assert f.grad.eq(4).all()


def test_empty_batches_pass() -> None:
    assert upsample2d(torch.zeros(0, 3, 4, 4), setup_filter([1, 3, 3, 1])).shape == (0, 3, 8, 8)


def test_autocast_leaves_it_alone() -> None:
    x = torch.randn(1, 2, 6, 6)
    for backend in ("auto", "reference"):
        with use_backend(backend):
            want = filter2d(x, setup_filter([1, 3, 3, 1]))
            with torch.autocast("cpu", torch.bfloat16):
                assert torch.equal(filter2d(x, setup_filter([1, 3, 3, 1])), want)


# --- gradients ------------------------------------------------------------------------------------------------------

RESAMPLINGS: list[dict[str, Any]] = [
    {"padding": (1, 2, 0, -1)},
    {"up": 2, "padding": 1, "flip_filter": True},
    {"down": (2, 3), "padding": (3, 2)},
    {"up": (2, 3), "down": (3, 2), "padding": (-1, 2, 1, 1), "gain": 0.5},
]


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("layout", [contiguous, channels_last])
@pytest.mark.parametrize("numbers", RESAMPLINGS, ids=str)
@pytest.mark.parametrize("f", [torch.randn(2, 3), torch.randn(3)], ids=["2d", "separable"])
def test_first_and_second_gradient(f: Tensor, numbers: dict[str, Any], layout: Layout) -> None:
    x = layout(torch.randn(1, 2, 4, 5, dtype=torch.float64)).requires_grad_()

    def cubed(x: Tensor) -> Tensor:
        return upfirdn2d(x, f, **numbers).pow(3)

    assert gradcheck(cubed, (x,))
    assert gradgradcheck(cubed, (x,))


@pytest.mark.usefixtures("fused")
def test_third_gradient() -> None:
    x, f = torch.randn(1, 2, 3, 4, dtype=torch.float64), setup_filter([1, 2, 1])

    def third(x: Tensor) -> Tensor:
        order = x.requires_grad_()
        value = upsample2d(order, f).pow(4).sum()
        for _ in range(3):
            (order,) = torch.autograd.grad(value, x, create_graph=True)
            value = order.pow(2).sum()
        return order

    got = third(x.clone())
    with use_backend("reference"):
        torch.testing.assert_close(got, third(x.clone()))


@pytest.mark.usefixtures("fused")
def test_a_gradient_of_any_layout_comes_back_in_that_of_the_map() -> None:
    x = channels_last(torch.randn(2, 6, 4, 5)).requires_grad_()
    for dy in (torch.randn(2, 6, 8, 10), torch.ones(()).expand(2, 6, 8, 10)):
        (dx,) = torch.autograd.grad(upsample2d(x, setup_filter([1, 3, 3, 1])), x, dy)
        assert dx.stride() == x.stride()


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize(
    ("channels", "dtype", "layout"),
    [(1, torch.float32, channels_last), (5, torch.bfloat16, channels_last), (5, torch.float64, contiguous)],
)
def test_opcheck(channels: int, dtype: torch.dtype, layout: Layout) -> None:
    """Schema, fake tensors with exact strides, autograd registration and compilation."""
    x = layout(torch.randn(2, channels, 3, 7).to(dtype)).requires_grad_()
    f = torch.randn(2, 3, dtype=torch.float64 if dtype == torch.float64 else torch.float32)
    opcheck(torch.ops.imtrans.upfirdn2d.default, (x, f, 2, 1, 1, 3, 1, 0, 2, -1, False, 0.5))


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("compiler", ["aot_eager", pytest.param("inductor", marks=pytest.mark.exhaustive)])
def test_compiles_without_a_break(compiler: str) -> None:
    f = setup_filter([1, 3, 3, 1])

    @functools.partial(torch.compile, fullgraph=True, backend=compiler)
    def compiled(x: Tensor) -> Tensor:
        return downsample2d(2 * x, f).square()

    x = channels_last(torch.randn(2, 5, 4, 6)).requires_grad_()
    got, want = compiled(x), downsample2d(2 * x, f).square()
    assert got.stride() == want.stride()
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(*(torch.autograd.grad(y.sum(), x) for y in (got, want)))


# --- filters, and what is refused -----------------------------------------------------------------------------------


def test_filters() -> None:
    assert setup_filter(None).tolist() == [[1.0]]
    assert setup_filter([1, 3]).tolist() == [[1 / 16, 3 / 16], [3 / 16, 9 / 16]]
    assert setup_filter(range(1, 9), normalize=False, flip_filter=True).tolist() == list(range(8, 0, -1))
    assert setup_filter([1.0, 1.0], gain=4, separable=True).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("taps", [[], [[[1.0]]]])
def test_refuses_filters_that_are_none(taps: Any) -> None:
    with pytest.raises(UsageError, match="one or two dimensions and at least one tap"):
        setup_filter(taps)


def test_refuses_to_separate_two_dimensions() -> None:
    with pytest.raises(UsageError, match="not separable"):
        setup_filter([[1.0, 2.0], [3.0, 4.0]], separable=True)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"x": torch.zeros(3, 4, 5)}, "feature maps"),
        ({"x": torch.zeros(1, 3, 4, 5, dtype=torch.uint8)}, "floating-point feature maps"),
        ({"f": torch.ones(2, 2, 2)}, "cannot be used"),
        ({"f": torch.ones(2, 2, dtype=torch.int64)}, "cannot be used"),
        ({"f": torch.ones(6)}, "a filter of 6 x 6 taps does not fit into a padded map of 4 x 5"),
        ({"up": 0}, "up is a whole number of at least 1"),
        ({"down": (1, 2, 3)}, "down is a whole number of at least 1"),
        ({"up": 1.5}, "up is a whole number"),
        ({"padding": (1, 2, 3)}, "a padding is a whole number"),
        ({"padding": 0.5}, "a padding is a whole number"),
        ({"padding": (-2, -1, 0, 0)}, "does not fit into a padded map of 4 x 2"),
    ],
)
def test_refuses(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        upfirdn2d(**{"x": torch.zeros(1, 3, 4, 5), "f": torch.ones(3, 3), **changed})


@pytest.mark.usefixtures("fused")
def test_fused_says_why_it_cannot_serve() -> None:
    with pytest.raises(BackendError, match="on cpu its kernels take bfloat16, float32, float64, not float16"):
        upfirdn2d(torch.zeros(1, 3, 4, 5, dtype=torch.float16), None)


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize(
    ("x", "f", "numbers", "words"),
    [
        (torch.zeros(2, 6, 8, 8)[:, ::2], torch.ones(1, 1), (1, 1, 1, 1, 0, 0, 0, 0), "dense"),
        (torch.zeros(1, 3, 8, 8), torch.ones(3), (1, 1, 1, 1, 0, 0, 0, 0), "two dimensions"),
        (torch.zeros(1, 3, 8, 8), torch.ones(3, 3).double(), (1, 1, 1, 1, 0, 0, 0, 0), "f is float32"),
        (torch.zeros(1, 3, 8, 8), torch.ones(3, 3), (1, 0, 1, 1, 0, 0, 0, 0), "factors of at least 1"),
        (torch.zeros(1, 3, 8, 8), torch.ones(3, 3), (1, 1, 1, 1, -3, -3, 0, 0), "fits into the padded map"),
    ],
)
def test_the_bare_operator_checks_too(x: Tensor, f: Tensor, numbers: tuple[int, ...], words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        torch.ops.imtrans.upfirdn2d(x, f, *numbers, False, 1.0)


def test_the_helpers_are_what_they_say() -> None:
    x, f = torch.randn(1, 2, 8, 6), setup_filter([1, 3, 3, 1])
    assert_close(upsample2d(x, f, up=(2, 1)), upfirdn2d(x, f, up=(2, 1), padding=(2, 1, 2, 1), gain=2), 1e-6)
    assert downsample2d(x, f, down=(1, 2), padding=1).shape == (1, 2, 5, 8)
    assert filter2d(x, f, padding=(1, 0, 0, 0)).shape == (1, 2, 8, 7)
