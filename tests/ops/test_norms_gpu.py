"""Borders, parameters of each image, AdaIN and AdaLIN on a CUDA device: against float64, repeated, captured, large.

What a norm has without these is in ``test_instance_norm_gpu.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from imtrans.ops import adain, adalin, instance_norm, lin, use_backend
from imtrans.ops.library import why_no_kernel

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]

DEVICE = "cuda"
TOLERANCE = {torch.float64: 1e-10, torch.float32: 2e-4, torch.float16: 5e-3, torch.bfloat16: 3e-2}
Layout = Callable[[Tensor], Tensor]
Function = Callable[..., Tensor]


@pytest.fixture(autouse=True)
def fused() -> Iterator[None]:
    """No test may pass because the reference stood in for a kernel."""
    for name in ("instance_norm", "adalin", "moments"):
        assert why_no_kernel(name, DEVICE) is None
    torch.manual_seed(0)
    with use_backend("fused"):
        yield


def contiguous(x: Tensor) -> Tensor:
    return x.contiguous()


def channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def unaligned(x: Tensor) -> Tensor:
    """A channels-last map that begins one element past an aligned address."""
    n, c, h, w = x.shape
    room = torch.empty(x.numel() + 1, device=x.device, dtype=x.dtype)
    view = room[1:].view(n, h, w, c).permute(0, 3, 1, 2)
    return view.copy_(x)


LAYOUTS = [contiguous, channels_last, unaligned]


@dataclass(frozen=True)
class Case:
    """A norm, and the sizes and options of one call."""

    op: str
    shape: tuple[int, int, int, int] = (2, 16, 12, 10)
    pad: int = 0
    per_image: bool = False
    residual: bool = False

    def function(self) -> Function:
        """The operator as a function of the tensors of :meth:`tensors`."""

        def norm(x: Tensor, *rest: Tensor) -> Tensor:
            if self.op == "adain":
                return adain(x, *rest)
            parameters, residual = (rest[:-1], rest[-1]) if self.residual else (rest, None)
            operator: Function = instance_norm if self.op == "instance_norm" else adalin if self.per_image else lin
            return operator(x, *parameters, residual=residual, activation=self.activation, pad=self.pad)

        return norm

    @property
    def activation(self) -> Literal["none", "leaky_relu"]:
        """None for large maps: of a million elements, one is so near the kink that rounding decides its side."""
        return "leaky_relu" if math.prod(self.shape) < 2**16 else "none"

    def tensors(self, dtype: torch.dtype, layout: Layout) -> list[Tensor]:
        """All arguments, x first, all requiring gradients; parameters are float32 where x is narrower."""
        wide = torch.float64 if dtype == torch.float64 else torch.float32
        batch, channels = self.shape[:2]
        each = (batch, channels) if self.per_image else (channels,)

        def feature_map() -> Tensor:
            return layout(torch.randn(self.shape, device=DEVICE, dtype=torch.float64).add_(1).to(dtype))

        made = [feature_map()]
        if self.op == "adain":
            made.append(feature_map())
        if self.op == "adalin":
            made.append(torch.rand(channels, device=DEVICE, dtype=wide))
        if self.op != "adain":
            made += [1 + 0.5 * torch.randn(each, device=DEVICE, dtype=wide) for _ in range(2)]
        if self.residual:
            made.append(feature_map())
        return [tensor.detach().requires_grad_() for tensor in made]


CASES = [
    Case("instance_norm", pad=1, residual=True),
    Case("instance_norm", pad=3, per_image=True),
    Case("instance_norm", (3, 13, 7, 5), pad=2, per_image=True, residual=True),
    Case("instance_norm", (1, 256, 64, 64), pad=1),
    Case("adain"),
    Case("adain", (3, 13, 7, 5)),
    Case("adalin", per_image=True),
    Case("adalin", pad=1),
    Case("adalin", (3, 13, 7, 5), pad=3, per_image=True, residual=True),
    Case("adalin", (1, 256, 64, 64), pad=1, per_image=True),
]


def outputs(case: Case, tensors: list[Tensor]) -> list[Tensor]:
    """The output, the gradients of all tensors, and second gradients through those of x and of the first parameter."""
    y = case.function()(*tensors)
    generator = torch.Generator(y.device).manual_seed(1)

    def probe(like: Tensor) -> Tensor:
        values = torch.randn(like.shape, device=like.device, dtype=torch.float32, generator=generator)
        return values.to(torch.bfloat16).to(like.dtype)  # the same numbers in every type

    dy = probe(y).requires_grad_()
    first = torch.autograd.grad(y, tensors, dy, create_graph=True)
    scalar = sum((gradient.double() * probe(gradient).double()).sum() for gradient in first[:2])
    assert isinstance(scalar, Tensor)
    second = torch.autograd.grad(scalar, [tensors[0], tensors[1], dy], materialize_grads=True)
    return [y, *first, *second]


def assert_close(found: Tensor, wanted: Tensor, tolerance: float) -> None:
    assert found.shape == wanted.shape
    scale = max(1.0, float(wanted.abs().max()))
    error = (found.double() - wanted).abs()
    # Rounding may choose the other side of the activation's kink for a few elements.
    assert float((error > tolerance * scale).double().mean()) <= 2e-3
    assert float(error.median()) <= tolerance * scale


def check(case: Case, dtype: torch.dtype, layout: Layout) -> None:
    tensors = case.tensors(dtype, layout)
    found = outputs(case, tensors)
    with use_backend("reference"):
        wanted = outputs(case, [tensor.detach().double().requires_grad_() for tensor in tensors])
    for one, other in zip(found, wanted, strict=True):
        assert_close(one.detach(), other.detach(), TOLERANCE[dtype])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_agrees_with_float64(case: Case, dtype: torch.dtype, layout: Layout) -> None:
    check(case, dtype, layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("op", ["instance_norm", "adain", "adalin"])
def test_every_kernel_once(op: str, layout: Layout) -> None:
    """Small maps, which one launch may keep, and maps that take two; for the sanitizers, which are slow."""
    for dtype in TOLERANCE:
        for shape in ((2, 16, 9, 8), (1, 9, 11, 40), (1, 8, 200, 330)):
            case = Case(op, shape)
            check(case if op == "adain" else replace(case, pad=1, residual=True), dtype, layout)


@pytest.mark.parametrize("layout", [contiguous, channels_last])
def test_a_border_lies_in_memory_as_the_input(layout: Layout) -> None:
    x = layout(torch.randn(2, 16, 8, 8, device=DEVICE))
    wanted = layout(torch.empty(2, 16, 10, 10, device=DEVICE)).stride()
    gamma = torch.ones(16, device=DEVICE)
    assert instance_norm(x, pad=1).stride() == wanted
    assert lin(x, gamma, gamma, gamma, pad=1).stride() == wanted


@pytest.mark.parametrize("layout", [contiguous, channels_last])
def test_a_residual_may_be_the_inside_of_a_padded_map(layout: Layout) -> None:
    x, wide = layout(torch.randn(2, 16, 8, 8, device=DEVICE)), layout(torch.randn(2, 16, 12, 12, device=DEVICE))
    inside = wide[:, :, 2:-2, 2:-2]
    torch.testing.assert_close(instance_norm(x, residual=inside), instance_norm(x, residual=inside.contiguous()))


@pytest.mark.parametrize("layout", [contiguous, channels_last])
@pytest.mark.parametrize(
    "case",
    [
        Case("instance_norm", (2, 5, 4, 3), pad=2, per_image=True, residual=True),
        Case("adain", (2, 5, 4, 3)),
        Case("adalin", (2, 5, 4, 3), pad=1, per_image=True, residual=True),
        Case("adalin", (2, 5, 4, 3)),
    ],
    ids=str,
)
def test_first_and_second_gradients_by_finite_differences(case: Case, layout: Layout) -> None:
    tensors = case.tensors(torch.float64, layout)
    assert gradcheck(case.function(), tensors)
    assert gradgradcheck(case.function(), tensors)


@pytest.mark.parametrize("layout", [contiguous, channels_last])
@pytest.mark.parametrize("case", [each for each in CASES if each.shape[0] < 3], ids=str)
def test_the_same_bits_in_every_run(case: Case, layout: Layout) -> None:
    tensors = case.tensors(torch.bfloat16, layout)
    for one, other in zip(outputs(case, tensors), outputs(case, tensors), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("op", ["instance_norm", "adalin"])
def test_one_pixel_maps(op: str) -> None:
    case = Case(op, (2, 5, 1, 1))
    tensors = case.tensors(torch.float32, contiguous)
    y = case.function()(*tensors)
    with use_backend("reference"):
        torch.testing.assert_close(y, case.function()(*tensors), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("case", [CASES[0], CASES[1], Case("adain"), CASES[8]], ids=str)
def test_a_cuda_graph_captures_all_three_passes(case: Case) -> None:
    tensors = case.tensors(torch.float32, channels_last)
    x = tensors[0]
    dy, ddx = torch.randn_like(case.function()(*tensors)).requires_grad_(), torch.randn_like(x)

    def step() -> tuple[Tensor, ...]:
        y = case.function()(*tensors)
        first = torch.autograd.grad(y, tensors, dy, create_graph=True)
        return y, *first, *torch.autograd.grad(first[0], [x, dy], ddx)

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
        x.copy_(3 + torch.randn_like(x))
    graph.replay()
    for one, other in zip(captured, step(), strict=True):
        assert torch.equal(one, other)


def test_small_maps_take_one_launch() -> None:
    """The batch of one that the issue of speed is about: forward, and backward without parameters."""
    x = channels_last(torch.randn(1, 256, 64, 64, device=DEVICE, dtype=torch.bfloat16)).requires_grad_()
    if torch.cuda.get_device_capability()[0] < 9:
        pytest.skip("GPUs without clusters of blocks take two launches")

    def step() -> None:
        instance_norm(x, activation="relu", pad=1).sum().backward()

    step()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        step()
        torch.cuda.synchronize()
    ours = [event.key for event in profile.key_averages() if "imtrans" in event.key for _ in range(event.count)]
    assert len(ours) == 2
    assert all("resident_kernel" in name for name in ours)


@pytest.mark.slow
@pytest.mark.parametrize("layout", [contiguous, channels_last])
@pytest.mark.parametrize("op", ["instance_norm", "adalin"])
def test_more_than_2_to_the_31_elements(op: str, layout: Layout) -> None:
    """The last image must be normalised like the same image alone, and its gradient be the same."""
    if torch.cuda.mem_get_info()[0] < 40 << 30:
        pytest.skip("needs 40 GiB of free memory on the device")
    one = layout(torch.randn((1, 64, 1024, 1024), device=DEVICE, dtype=torch.bfloat16))
    x = layout(torch.zeros((33, 64, 1024, 1024), device=DEVICE, dtype=torch.bfloat16))
    assert x.numel() > 2**31
    x[-1:] = one
    parameters = [torch.ones(64, device=DEVICE) for _ in range(3 if op == "adalin" else 2)]

    def last(maps: Tensor) -> tuple[Tensor, Tensor]:
        maps = maps.detach().requires_grad_()
        operator = instance_norm if op == "instance_norm" else lin
        y = operator(maps, *parameters, activation="relu", pad=1)
        (dx,) = torch.autograd.grad(y, [maps], torch.ones_like(y))
        return y[-1].detach(), dx[-1]

    for found, wanted in zip(last(x), last(one), strict=True):
        torch.testing.assert_close(found, wanted, atol=2e-2, rtol=2e-2)
