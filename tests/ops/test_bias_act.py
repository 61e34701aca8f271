"""The pointwise pass of StyleGAN2: values, layouts, gradients of both orders, and what it refuses."""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.library import opcheck

from imtrans.errors import BackendError, UsageError
from imtrans.ops import bias_act, self_check, use_backend
from imtrans.ops.bias_act import ACTIVATIONS
from tests.ops.paddings import LAYOUTS, Layout, assert_close, channels_last, contiguous, interior, maps

TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-6, torch.bfloat16: 1e-2}
PARTS = ("bias", "scale", "noise", "noise_strength", "next_style")
KINKED = ("linear", "relu", "lrelu")


def parts_for(x: Tensor, names: tuple[str, ...] = PARTS, dtype: torch.dtype | None = None) -> dict[str, Tensor]:
    """Random parameters that fit x."""
    batch, channels, height, width = x.shape
    shapes: dict[str, tuple[int, ...]] = {
        "bias": (channels,),
        "scale": (batch, channels),
        "noise": (batch, 1, height, width),
        "noise_strength": (),
        "next_style": (batch, channels),
    }
    generator = torch.Generator().manual_seed(x.numel())
    return {name: torch.randn(shapes[name], generator=generator, dtype=dtype or torch.float32) for name in names}


# --- values ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("fused")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(maps(list(TOLERANCE)), st.data())
def test_value_and_gradients_equal_float64(drawn: tuple[Tensor, int], data: st.DataObject) -> None:
    x = drawn[0].detach().requires_grad_()
    names = tuple(name for name in PARTS if data.draw(st.booleans(), name))
    if "noise" not in names:
        names = tuple(name for name in names if name != "noise_strength")
    parts = parts_for(x, names, torch.promote_types(x.dtype, torch.float32))
    settings: dict[str, Any] = {
        "activation": data.draw(st.sampled_from(KINKED)),
        "gain": data.draw(st.sampled_from([None, 0.5])),
        "clamp": data.draw(st.sampled_from([None, 1.0])),
    }
    dy = torch.randn(x.shape, generator=torch.Generator().manual_seed(0)).to(x.dtype)

    def value_and_gradients(x: Tensor, parts: dict[str, Tensor]) -> list[Tensor]:
        leaves = [x, *(tensor.requires_grad_() for name, tensor in parts.items() if name != "noise")]
        y = bias_act(x, **parts, **settings)
        return [y, *torch.autograd.grad(y, leaves, dy.to(y.dtype))]

    got = value_and_gradients(x, parts)
    assert got[0].dtype == got[1].dtype == x.dtype
    with use_backend("reference"):
        wide = {name: tensor.detach().double() for name, tensor in parts.items()}
        wanted = value_and_gradients(x.detach().double().requires_grad_(), wide)
    for one, want in zip(got, wanted, strict=True):
        # Sums may cancel, and are as exact as what they are of.
        limit = TOLERANCE[x.dtype] * max(float(want.detach().abs().max()), 1e-2 * x.numel() if one.dim() < 4 else 1.0)
        assert (one.double() - want).abs().max() <= limit


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_output_keeps_type_and_layout(backend: str, dtype: torch.dtype, layout: Layout) -> None:
    x = layout(torch.randn(2, 8, 6, 5).to(dtype))
    with use_backend(backend):
        y = bias_act(x, torch.randn(8), activation="lrelu")
    assert y.dtype == dtype
    assert y.shape == x.shape
    if layout in (contiguous, channels_last):
        assert y.stride() == x.stride()
    if backend == "auto" and layout is interior and dtype != torch.float16:
        assert y.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 5), (2, 6, 3, 2, 2)])
def test_other_dimensions(shape: tuple[int, ...]) -> None:
    x, bias = torch.randn(shape), torch.randn(6)
    got = bias_act(x, bias, activation="lrelu")
    with use_backend("reference"):
        torch.testing.assert_close(got, bias_act(x, bias, activation="lrelu"))


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("layout", [contiguous, channels_last])
@pytest.mark.parametrize("shape", [(2, 1, 4, 5), (1, 1, 4, 5), (4, 5)])
def test_shapes_of_noise(layout: Layout, shape: tuple[int, ...]) -> None:
    x, noise = layout(torch.randn(2, 20, 4, 5)), torch.randn(shape)
    torch.testing.assert_close(bias_act(x, noise=noise, noise_strength=0.3), x + 0.3 * noise)
    torch.testing.assert_close(bias_act(x, noise=noise), x + noise)


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("layout", [contiguous, channels_last])
@pytest.mark.parametrize("dtype", list(TOLERANCE))
def test_threads_change_nothing(layout: Layout, dtype: torch.dtype) -> None:
    x = layout(torch.randn(2, 24, 50, 40).to(dtype)).requires_grad_()
    parts = parts_for(x)
    leaves = [x, *(tensor.requires_grad_() for name, tensor in parts.items() if name != "noise")]
    results = []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            y = bias_act(x, activation="lrelu", **parts)
            results.append((y, *torch.autograd.grad(y, leaves, torch.ones_like(y))))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("layout", [contiguous, channels_last])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_pass_as_in_torch(layout: Layout, bad: float) -> None:
    x = torch.randn(1, 19, 4, 5)
    x[0, 7, 1, 2] = bad
    for clamp in (None, 2.0):
        got = bias_act(layout(x), activation="lrelu", clamp=clamp)
        with use_backend("reference"):
            torch.testing.assert_close(got, bias_act(x, activation="lrelu", clamp=clamp), equal_nan=True)


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("layout", [contiguous, channels_last])
def test_many_pixels_are_summed_in_parts(layout: Layout) -> None:
    """A float32 sum that went on in one number would be off by a thousandth."""
    bias = torch.zeros(2, requires_grad=True)
    dy = layout(torch.full((1, 2, 1000, 1000), 0.1))
    bias_act(layout(torch.zeros(1, 2, 1000, 1000)), bias).backward(dy)
    torch.testing.assert_close(bias.grad, torch.full((2,), 1e6 * 0.1), rtol=1e-5, atol=0)


@pytest.mark.usefixtures("fused")
def test_the_self_check_covers_it() -> None:
    checks = self_check("cpu")["bias_act"]
    assert len(checks) == 3 * 2 * 11  # types, layouts, value and gradients
    assert all(check.passed for check in checks)


def test_activations_without_a_kernel_compute_by_the_reference() -> None:
    x = torch.randn(2, 3, 4, 4)
    torch.testing.assert_close(bias_act(x, activation="swish"), torch.sigmoid(x) * x * math.sqrt(2))
    with use_backend("fused"), pytest.raises(BackendError, match="kernels know 'linear', 'relu' and 'lrelu'"):
        bias_act(x, activation="swish")


def test_noise_may_be_learned() -> None:
    """As a projector does; the kernels leave that to the reference."""
    noise = torch.randn(4, 4, requires_grad=True)
    bias_act(torch.zeros(2, 3, 4, 4), noise=noise, noise_strength=2.0).sum().backward()
    assert noise.grad is not None
    assert noise.grad.eq(12).all()


def test_empty_tensors_pass() -> None:
    assert bias_act(torch.zeros(0, 3, 4, 4), torch.zeros(3)).shape == (0, 3, 4, 4)


# --- gradients ------------------------------------------------------------------------------------------------------

COMBINATIONS = [(), ("bias",), ("scale", "bias"), ("scale", "noise", "noise_strength", "bias"), PARTS, ("next_style",)]


def leaves_of(shape: tuple[int, ...], names: tuple[str, ...], layout: Layout) -> tuple[Tensor, list[str], list[Tensor]]:
    """Float64 leaves away from the kinks, their names, and noise apart."""
    x = layout(torch.randn(shape, dtype=torch.float64)).requires_grad_()
    parts = parts_for(x, names, torch.float64)
    return x, list(parts), [part.requires_grad_(name != "noise") for name, part in parts.items()]


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("layout", [contiguous, channels_last])
@pytest.mark.parametrize("names", COMBINATIONS, ids="+".join)
def test_first_and_second_gradient(names: tuple[str, ...], layout: Layout) -> None:
    x, names_given, parts = leaves_of((2, 3, 3, 2), names, layout)

    def activated(x: Tensor, *parts: Tensor) -> Tensor:
        given = dict(zip(names_given, parts, strict=True))
        return bias_act(x, activation="lrelu", clamp=1.5, **given)

    assert gradcheck(activated, (x, *parts))
    assert gradgradcheck(activated, (x, *parts))


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("layout", [contiguous, channels_last])
def test_second_gradients_equal_those_of_the_reference(layout: Layout) -> None:
    x = layout(torch.randn(2, 19, 9, 7, dtype=torch.float64)).requires_grad_()
    parts = {name: part.requires_grad_(name != "noise") for name, part in parts_for(x, dtype=torch.float64).items()}
    leaves = [x, *(part for part in parts.values() if part.requires_grad)]

    def penalised() -> tuple[Tensor, ...]:
        y = bias_act(x, activation="lrelu", clamp=1.0, **parts)
        first = torch.autograd.grad(y.pow(3).sum(), leaves, create_graph=True)
        return torch.autograd.grad(sum(each.square().sum() for each in first), leaves)

    got = penalised()
    with use_backend("reference"):
        for one, want in zip(got, penalised(), strict=True):
            assert_close(one, want, 1e-10)


@pytest.mark.usefixtures("fused")
def test_a_penalty_of_the_pixels_alone_leaves_them_without_second_gradient() -> None:
    """As R1: nothing then flows back through x, so that nobody computes with zeros."""
    x = torch.randn(1, 3, 4, 4, requires_grad=True)
    bias = torch.zeros(3, requires_grad=True)
    dy = torch.ones(1, 3, 4, 4, requires_grad=True)
    (dx,) = torch.autograd.grad(bias_act(x, bias, activation="lrelu"), x, dy, create_graph=True)
    by_x, by_dy = torch.autograd.grad(dx.square().sum(), (x, dy), allow_unused=True)
    assert by_x is None
    assert by_dy is not None


@pytest.mark.usefixtures("fused")
def test_a_third_gradient_is_refused() -> None:
    x = torch.randn(1, 2, 3, 3, requires_grad=True)
    scale = torch.randn(1, 2, requires_grad=True)
    (first,) = torch.autograd.grad(bias_act(x, scale=scale).pow(4).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), scale, create_graph=True)
    with pytest.raises(BackendError, match="a third was asked for"):
        torch.autograd.grad(second.square().sum(), x)


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize(
    ("names", "dtype", "layout"),
    [
        pytest.param((), torch.float32, contiguous, id="bare"),
        pytest.param(PARTS, torch.bfloat16, channels_last, id="all parts, bfloat16"),
        pytest.param(PARTS, torch.float64, contiguous, id="all parts, float64"),
    ],
)
def test_opcheck(names: tuple[str, ...], dtype: torch.dtype, layout: Layout) -> None:
    """Schema, fake tensors with exact strides, autograd registration and compilation, of all three operators."""
    x, dy, ddx = (layout(torch.randn(2, 5, 3, 4).to(dtype)).requires_grad_() for _ in range(3))
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    given = parts_for(x, names, wide)
    parts = [given.get(name) for name in ("scale", "bias", "noise", "noise_strength", "next_style")]
    parts = [None if part is None else part.requires_grad_(k != 2) for k, part in enumerate(parts)]
    numbers = (0.2, 1.5, 1.0)
    dsums = torch.randn(4, 2, 5, dtype=wide)
    opcheck(torch.ops.imtrans.bias_act.default, (x, *parts, *numbers))
    opcheck(torch.ops.imtrans.bias_act_backward.default, (dy, x, *parts, *numbers))
    # The third order is refused by its gradient, so nothing here may ask for one.
    settled = [None if part is None else part.detach() for part in (ddx, dy, x, *parts)]
    for k in (dsums, None):
        operands = (settled[0], k, *settled[1:], *numbers)
        opcheck(torch.ops.imtrans.bias_act_backward_backward.default, operands)


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("compiler", ["aot_eager", pytest.param("inductor", marks=pytest.mark.exhaustive)])
def test_compiles_without_a_break(compiler: str) -> None:
    x = channels_last(torch.randn(2, 5, 4, 3)).requires_grad_()
    parts = parts_for(x)

    @functools.partial(torch.compile, fullgraph=True, backend=compiler)
    def compiled(x: Tensor) -> Tensor:
        return bias_act(2 * x, activation="lrelu", **parts).square()

    got, want = compiled(x), bias_act(2 * x, activation="lrelu", **parts).square()
    assert got.stride() == want.stride()
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(*(torch.autograd.grad(y.sum(), x) for y in (got, want)))


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"bias": torch.zeros(4)}, "the bias of bias_act has shape"),
        ({"scale": torch.zeros(3)}, "the scale of bias_act has shape"),
        ({"next_style": torch.zeros(1, 3)}, "the next_style of bias_act has shape"),
        ({"noise": torch.zeros(2, 3, 4, 5)}, "the noise of bias_act has shape"),
        ({"noise": torch.zeros(4, 5, dtype=torch.int32)}, "floating type"),
        ({"noise_strength": 2.0}, "a noise_strength and no noise"),
        ({"noise": torch.zeros(4, 5), "noise_strength": torch.zeros(2)}, "is one number"),
        ({"activation": "gelu"}, "no activation called 'gelu'"),
        ({"clamp": -1.0}, "a number of at least 0"),
        ({"x": torch.zeros(2, 3, 4, 5, dtype=torch.uint8)}, "floating type"),
        ({"x": torch.zeros(3)}, r"tensors \(N, C, ...\)"),
        ({"x": torch.zeros(2, 3), "noise": torch.zeros(4, 5)}, "adds noise to feature maps"),
    ],
)
def test_refuses(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        bias_act(**{"x": torch.zeros(2, 3, 4, 5), **changed})


def test_an_unknown_activation_is_answered_with_all_there_are() -> None:
    with pytest.raises(UsageError) as caught:
        bias_act(torch.zeros(1, 1), activation="leaky_relu")  # type: ignore[arg-type]
    assert all(repr(name) in str(caught.value) for name in ACTIVATIONS)


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize(
    ("x", "part", "words"),
    [
        (torch.zeros(2, 6, 8, 8)[:, ::2], {}, "dense"),
        (torch.zeros(1, 0, 8, 8), {}, "empty"),
        (torch.zeros(1, 3, 8, 8), {"bias": torch.zeros(4)}, "bias has 3 elements, not 4"),
        (torch.zeros(1, 3, 8, 8), {"scale": torch.zeros(1, 3).double()}, "scale is float32"),
        (torch.zeros(2, 3, 8, 8), {"noise": torch.zeros(3, 8, 8)}, "noise has 128 elements, not 192"),
    ],
)
def test_the_bare_operator_checks_too(x: Tensor, part: dict[str, Tensor], words: str) -> None:
    names = ("scale", "bias", "noise", "strength", "style")
    with pytest.raises(RuntimeError, match=words):
        torch.ops.imtrans.bias_act(x, *(part.get(name) for name in names), 1.0, 1.0, math.inf)


def test_every_activation_equals_torch_in_value() -> None:
    x = torch.randn(4, 3)
    for name, gain in itertools.product(ACTIVATIONS, (None, 2.0)):
        with use_backend("reference"):
            want = bias_act(x, activation=name, gain=gain)  # type: ignore[arg-type]
        torch.testing.assert_close(bias_act(x, activation=name, gain=gain), want)  # type: ignore[arg-type]
