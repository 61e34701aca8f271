"""bias_act, upfirdn2d and the modulated convolution on a CUDA device: values, gradients, repetition, capture."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from imtrans.ops import bias_act, modulated_conv2d, self_check, setup_filter, upfirdn2d, upsample2d, use_backend
from imtrans.ops.library import why_no_kernel
from imtrans.ops.modulated_conv2d import grouped
from tests.ops.paddings import LAYOUTS, Layout, assert_close, channels_last, contiguous
from tests.ops.test_bias_act import parts_for

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]

TOLERANCE = {torch.float64: 1e-12, torch.float32: 3e-6, torch.float16: 3e-3, torch.bfloat16: 2e-2}
SHAPES = [(2, 64, 32, 32), (3, 13, 7, 11), (1, 512, 4, 4), (2, 3, 65, 67), (1, 32, 256, 256)]
RESAMPLINGS: list[dict[str, Any]] = [
    {"padding": (2, 1, 2, 1)},
    {"up": 2, "padding": (2, 1, 2, 1), "gain": 4},
    {"down": 2, "padding": 1},
    {"up": (2, 1), "down": (3, 2), "padding": (5, 2, 3, 4), "flip_filter": True},
]


@pytest.fixture(autouse=True)
def fused() -> Iterator[None]:
    """No test may pass because the reference stood in for the kernel."""
    for name in ("bias_act", "upfirdn2d"):
        assert why_no_kernel(name, "cuda") is None
    torch.manual_seed(0)
    with use_backend("fused"):
        yield


def random(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    return torch.randn(shape, device="cuda", dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("name", ["bias_act", "upfirdn2d"])
def test_self_check(name: str) -> None:
    checks = self_check("cuda")[name]
    assert checks
    assert [check for check in checks if not check.passed] == []


def test_every_kernel_once() -> None:
    """Full vectors and single elements, in each layout and type; compute-sanitizer runs this test."""
    f = setup_filter([1, 3, 3, 1], device="cuda")
    for channels, layout, dtype in itertools.product((13, 16), (contiguous, channels_last), TOLERANCE):
        x = layout(random((2, channels, 8, 8), dtype)).requires_grad_()
        scale = torch.ones(2, channels, device="cuda", dtype=torch.promote_types(dtype, torch.float32)).requires_grad_()
        y = bias_act(upsample2d(x, f), scale=scale, activation="lrelu")
        dx, dscale = torch.autograd.grad(y.square().sum(), (x, scale), create_graph=True)
        (second,) = torch.autograd.grad(dx.square().sum() + dscale.square().sum(), x)
        assert second.isfinite().all()
        assert_close(dscale, (2 * y.detach().double().square()).sum((2, 3)), 3e-2)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_bias_act_agrees_with_float64(dtype: torch.dtype, layout: Layout, shape: tuple[int, ...]) -> None:
    x, dy = layout(random(shape, dtype)), random(shape, dtype)
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    parts = {name: part.cuda() for name, part in parts_for(x, dtype=wide).items()}

    def value_and_gradients(x: Tensor, parts: dict[str, Tensor]) -> list[Tensor]:
        leaves = [x, *(part.requires_grad_() for name, part in parts.items() if name != "noise")]
        y = bias_act(x, activation="lrelu", clamp=1.5, **parts)
        return [y, *torch.autograd.grad(y, leaves, dy.to(y.dtype))]

    got = value_and_gradients(x.detach().requires_grad_(), parts)
    with use_backend("reference"):
        twin = {name: part.detach().double() for name, part in parts.items()}
        wanted = value_and_gradients(x.detach().double().requires_grad_(), twin)
    for one, want in zip(got, wanted, strict=True):
        scale = max(float(want.detach().abs().max()), 1e-2 * x.numel() if one.dim() < 4 else 1.0)
        assert (one.detach().double() - want.detach()).abs().max() <= TOLERANCE[dtype] * scale


@pytest.mark.parametrize("numbers", RESAMPLINGS, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_upfirdn2d_agrees_with_float64(
    dtype: torch.dtype, layout: Layout, shape: tuple[int, ...], numbers: dict[str, Any]
) -> None:
    x, f = layout(random(shape, dtype)).requires_grad_(), setup_filter([1, 3, 3, 1], device="cuda")
    y, wide = upfirdn2d(x, f, **numbers), x.detach().double().requires_grad_()
    with use_backend("reference"):
        want = upfirdn2d(wide, f, **numbers)
    dy = torch.randn_like(y)
    assert_close(y, want, TOLERANCE[dtype])
    assert_close(torch.autograd.grad(y, x, dy)[0], torch.autograd.grad(want, wide, dy.double())[0], TOLERANCE[dtype])


@pytest.mark.parametrize("layout", [contiguous, channels_last])
def test_first_and_second_gradients_by_finite_differences(layout: Layout) -> None:
    x = layout(random((2, 4, 4, 3), torch.float64)).requires_grad_()
    weight, styles = (random(shape, torch.float64).requires_grad_() for shape in ((3, 4, 3, 3), (2, 4)))
    f, noise = setup_filter([1, 3, 3, 1], device="cuda"), random((2, 1, 8, 6), torch.float64)

    def layer(*operands: Tensor) -> Tensor:
        settings: dict[str, Any] = {"activation": "lrelu", "clamp": 2.0, "padding": 1, "up": 2, "resample_filter": f}
        return modulated_conv2d(*operands, noise=noise, **settings)

    assert gradcheck(layer, (x, weight, styles), nondet_tol=1e-10, fast_mode=True)
    assert gradgradcheck(layer, (x, weight, styles), nondet_tol=1e-10, fast_mode=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_modulated_convolution_agrees_with_its_grouped_form(dtype: torch.dtype) -> None:
    x, weight, styles = (
        random((4, 64, 16, 16), dtype),
        random((32, 64, 3, 3), torch.float32),
        1 + torch.rand(4, 64).cuda(),
    )
    wide = (each.double() for each in (x, weight, styles))
    tolerance = {torch.float32: 1e-3, torch.bfloat16: 3e-2, torch.float16: 5e-3}[dtype]
    assert_close(modulated_conv2d(channels_last(x), weight, styles, padding=1), grouped(*wide, padding=1), tolerance)


@pytest.mark.parametrize("layout", [contiguous, channels_last])
def test_the_same_bits_in_every_run(layout: Layout) -> None:
    x = layout(random((2, 64, 96, 96), torch.bfloat16)).requires_grad_()
    parts = {name: part.cuda().requires_grad_(name != "noise") for name, part in parts_for(x).items()}
    leaves = [x, *(part for part in parts.values() if part.requires_grad)]

    def step() -> tuple[Tensor, ...]:
        return torch.autograd.grad(bias_act(x, activation="lrelu", **parts).sum(), leaves)

    assert all(torch.equal(one, other) for one, other in zip(step(), step(), strict=True))


def test_a_cuda_graph_captures_forward_and_backward() -> None:
    x = channels_last(random((2, 32, 40, 40), torch.float32)).requires_grad_()
    f, bias = setup_filter([1, 3, 3, 1], device="cuda"), torch.zeros(32, device="cuda", requires_grad=True)

    def step() -> tuple[Tensor, ...]:
        y = bias_act(upsample2d(x, f), bias, activation="lrelu")
        return y, *torch.autograd.grad(y.sum(), (x, bias))

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = step()
    with torch.no_grad():
        x.copy_(torch.randn_like(x))
    graph.replay()
    for one, other in zip(captured, step(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("layout", [contiguous, channels_last])
def test_more_than_2_to_the_31_elements(layout: Layout) -> None:
    """The last image must become what the same image becomes alone."""
    if torch.cuda.mem_get_info()[0] < 24 << 30:
        pytest.skip("needs 24 GiB of free memory on the device")
    memory_format = torch.channels_last if layout is channels_last else torch.contiguous_format
    x = torch.empty((33, 64, 1024, 1024), device="cuda", dtype=torch.bfloat16, memory_format=memory_format)
    x[-1:] = random((1, 64, 1024, 1024), torch.float32)
    alone, f = layout(x[-1:].clone()), setup_filter([1, 2, 1], device="cuda")
    assert torch.equal(bias_act(x, activation="lrelu")[-1:], bias_act(alone, activation="lrelu"))
    assert torch.equal(upfirdn2d(x, f, padding=1)[-1:], upfirdn2d(alone, f, padding=1))
