"""Padding, folding and the convolution over both on a CUDA device: values, repetition, capture, and very large maps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional

from imtrans.ops import reflect_conv2d, reflect_pad, use_backend
from imtrans.ops.library import why_no_kernel
from tests.ops.paddings import LAYOUTS, Layout, assert_close, channels_last, contiguous

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]

TOLERANCE = {torch.float64: 1e-14, torch.float32: 1e-6, torch.float16: 2e-3, torch.bfloat16: 1e-2}
SHAPES = [((2, 64, 32, 32), 1), ((3, 13, 7, 11), 3), ((1, 256, 64, 64), 1), ((1, 1, 201, 199), 3), ((4, 3, 2, 300), 1)]


@pytest.fixture(autouse=True)
def fused() -> Iterator[None]:
    """No test may pass because the reference stood in for the kernel."""
    assert why_no_kernel("reflect_pad", "cuda") is None
    torch.manual_seed(0)
    with use_backend("fused"):
        yield


def random(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    return torch.randn(shape, device="cuda", dtype=torch.float64).to(dtype)


def by_torch(x: Tensor, padding: int) -> Tensor:
    return functional.pad(x, (padding,) * 4, mode="reflect")


@pytest.mark.parametrize(("shape", "padding"), SHAPES, ids=str)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_agrees_with_float64(dtype: torch.dtype, layout: Layout, shape: tuple[int, ...], padding: int) -> None:
    x = layout(random(shape, dtype)).requires_grad_()
    y, wide = reflect_pad(x, padding), x.detach().double().requires_grad_()
    want = by_torch(wide, padding)
    assert torch.equal(y.double(), want)
    dy = torch.randn_like(y)
    (dx,) = torch.autograd.grad(y, x, dy)
    assert_close(dx, torch.autograd.grad(want, wide, dy.double())[0], TOLERANCE[dtype])


def test_maps_that_begin_anywhere() -> None:
    x = random((2 * 64 * 9 * 9 + 1,), torch.bfloat16)[1:].view(2, 9, 9, 64).permute(0, 3, 1, 2)
    assert torch.equal(reflect_pad(x, 2), by_torch(x, 2))


@pytest.mark.parametrize("layout", [contiguous, channels_last])
def test_the_output_lies_in_memory_as_the_input(layout: Layout) -> None:
    x = layout(random((2, 16, 8, 8), torch.bfloat16))
    assert reflect_pad(x, 1).stride() == layout(random((2, 16, 10, 10), torch.bfloat16)).stride()


@pytest.mark.parametrize("layout", [contiguous, channels_last])
def test_first_and_second_gradients_by_finite_differences(layout: Layout) -> None:
    x = layout(random((2, 4, 4, 3), torch.float64)).requires_grad_()
    weight, bias = (random(shape, torch.float64).requires_grad_() for shape in ((2, 4, 3, 3), (2,)))

    def convolve(*operands: Tensor) -> Tensor:
        return reflect_conv2d(*operands, padding=1)

    assert gradcheck(convolve, (x, weight, bias), nondet_tol=1e-10)
    assert gradgradcheck(convolve, (x, weight, bias), nondet_tol=1e-10)


@pytest.mark.parametrize("layout", [contiguous, channels_last])
def test_the_same_bits_in_every_run(layout: Layout) -> None:
    x, dy = layout(random((2, 64, 96, 96), torch.bfloat16)).requires_grad_(), random((2, 64, 102, 102), torch.bfloat16)
    one, other = (torch.autograd.grad(reflect_pad(x, 3), x, dy)[0] for _ in range(2))
    assert torch.equal(one, other)


def test_a_cuda_graph_captures_forward_and_backward() -> None:
    x = channels_last(random((2, 32, 40, 40), torch.float32)).requires_grad_()
    dy = torch.randn(2, 32, 42, 42, device="cuda").to(memory_format=torch.channels_last)

    def step() -> tuple[Tensor, ...]:
        y = reflect_pad(x, 1)
        return y, *torch.autograd.grad(y, x, dy)

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
    """The last image must be padded and folded like the same image alone."""
    if torch.cuda.mem_get_info()[0] < 24 << 30:
        pytest.skip("needs 24 GiB of free memory on the device")
    memory_format = torch.channels_last if layout is channels_last else torch.contiguous_format
    x = torch.empty((33, 64, 1024, 1024), device="cuda", dtype=torch.bfloat16, memory_format=memory_format)
    assert x.numel() > 2**31
    x[-1:] = random((1, 64, 1024, 1024), torch.float32)
    y = reflect_pad(x, 1)
    assert torch.equal(y[-1:], by_torch(x[-1:], 1))
    alone = layout(y[-1:].clone())
    del x
    folded = torch.ops.imtrans.reflect_fold(y, 1)
    assert torch.equal(folded[-1:], torch.ops.imtrans.reflect_fold(alone, 1))
