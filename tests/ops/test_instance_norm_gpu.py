"""The fused instance norm on a CUDA device: against float64, repeated, on streams, captured, and very large."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from imtrans.ops import instance_norm, use_backend
from imtrans.ops.library import why_no_kernel

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-4, torch.float16: 5e-3, torch.bfloat16: 3e-2}
Made = Callable[[tuple[int, int, int, int], torch.dtype], Tensor]


@pytest.fixture(autouse=True)
def fused() -> Iterator[None]:
    """No test may pass because the reference stood in for the kernel."""
    assert why_no_kernel("instance_norm", "cuda") is None
    torch.manual_seed(0)
    with use_backend("fused"):
        yield


def contiguous(shape: tuple[int, int, int, int], dtype: torch.dtype) -> Tensor:
    return torch.randn(shape, device="cuda", dtype=torch.float64).to(dtype)


def channels_last(shape: tuple[int, int, int, int], dtype: torch.dtype) -> Tensor:
    return contiguous(shape, dtype).to(memory_format=torch.channels_last)


def unaligned(shape: tuple[int, int, int, int], dtype: torch.dtype) -> Tensor:
    """A channels-last map that begins one element past an aligned address."""
    n, c, h, w = shape
    room = torch.randn(n * c * h * w + 1, device="cuda", dtype=torch.float64).to(dtype)
    return room[1:].view(n, h, w, c).permute(0, 3, 1, 2)


def cropped(shape: tuple[int, int, int, int], dtype: torch.dtype) -> Tensor:
    """A view with gaps, which the operator has to copy."""
    n, c, h, w = shape
    return channels_last((n, c, h + 2, w + 2), dtype)[:, :, 1:-1, 1:-1]


LAYOUTS = [contiguous, channels_last, unaligned, cropped]
SHAPES = [
    (2, 64, 32, 32),
    (3, 13, 7, 11),
    (1, 256, 64, 64),
    (1, 8, 201, 199),
    (4, 3, 5, 5),
    (2, 520, 5, 5),
]


def arguments(made: Made, shape: tuple[int, int, int, int], dtype: torch.dtype) -> list[Tensor]:
    """(x, weight, bias, residual), all requiring gradients; the parameters are float32 where x is narrower."""
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    parameters = [1 + 0.5 * torch.randn(shape[1], device="cuda", dtype=wide) for _ in range(2)]
    return [each.detach().requires_grad_() for each in (made(shape, dtype), *parameters, made(shape, dtype))]


def in_double(tensors: list[Tensor]) -> list[Tensor]:
    return [tensor.detach().double().requires_grad_() for tensor in tensors]


def results(tensors: list[Tensor], activation: str, probes: list[Tensor]) -> list[Tensor]:
    """The output, its gradients, and second gradients of x, weight and the output's gradient."""
    dy, ddx = (probe.to(tensors[0].dtype).requires_grad_() for probe in probes)
    y = instance_norm(*tensors, activation=activation)  # type: ignore[arg-type]
    first = torch.autograd.grad(y, tensors, dy, create_graph=True)
    second = torch.autograd.grad(first[0], [tensors[0], tensors[1], dy], ddx, materialize_grads=True)
    return [y, *first, *second]


def assert_close(found: Tensor, wanted: Tensor, tolerance: float) -> None:
    scale = max(1.0, float(wanted.abs().max()))
    error = (found.double() - wanted).abs()
    # Rounding may choose the other side of the activation's kink for a few elements.
    assert float((error > tolerance * scale).double().mean()) <= 1e-3
    assert float(error.median()) <= tolerance * scale


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("made", LAYOUTS)
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("activation", ["none", "leaky_relu"])
def test_agrees_with_float64(activation: str, dtype: torch.dtype, made: Made, shape: tuple[int, int, int, int]) -> None:
    tensors = arguments(made, shape, dtype)
    probes = [made(shape, dtype) for _ in range(2)]
    found = results(tensors, activation, probes)
    with use_backend("reference"):
        wanted = results(in_double(tensors), activation, probes)
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype in (dtype, tensors[1].dtype)
        assert_close(one.detach(), other.detach(), TOLERANCE[dtype])


@pytest.mark.parametrize("made", [contiguous, channels_last])
def test_the_output_lies_in_memory_as_the_input(made: Made) -> None:
    x = made((2, 16, 8, 8), torch.bfloat16)
    assert instance_norm(x).stride() == x.stride()


def test_a_large_mean_costs_no_precision() -> None:
    x = 1000 + channels_last((2, 64, 64, 64), torch.float32)
    with use_backend("reference"):
        wanted = instance_norm(x.double())
    torch.testing.assert_close(instance_norm(x).double(), wanted, atol=1e-3, rtol=0)


def test_one_pixel_maps_become_the_shift() -> None:
    x, weight, bias, _ = arguments(contiguous, (2, 5, 1, 1), torch.float32)
    y = instance_norm(x, weight, bias)
    torch.testing.assert_close(y, bias.view(1, 5, 1, 1).expand_as(x), atol=0, rtol=0)
    (dx,) = torch.autograd.grad(y.sum(), [x])
    assert not dx.any()


def test_nan_spoils_its_own_channel_only() -> None:
    x = channels_last((2, 16, 9, 9), torch.float32)
    x[1, 5, 3, 3] = float("nan")
    spoiled = torch.isnan(instance_norm(x, activation="relu")).float().mean((2, 3))
    wanted = torch.zeros(2, 16, device="cuda")
    wanted[1, 5] = 1
    torch.testing.assert_close(spoiled, wanted)


@pytest.mark.parametrize("made", [contiguous, channels_last])
def test_first_and_second_gradients_by_finite_differences(made: Made) -> None:
    tensors = arguments(made, (2, 5, 4, 3), torch.float64)
    assert gradcheck(instance_norm, tensors)
    assert gradgradcheck(instance_norm, tensors)


@pytest.mark.parametrize("made", [contiguous, channels_last])
def test_the_same_bits_in_every_run(made: Made) -> None:
    tensors = arguments(made, (2, 64, 96, 96), torch.bfloat16)
    probes = [made((2, 64, 96, 96), torch.bfloat16) for _ in range(2)]
    for one, other in zip(results(tensors, "relu", probes), results(tensors, "relu", probes), strict=True):
        assert torch.equal(one, other)


def test_runs_on_the_current_stream() -> None:
    x = channels_last((8, 64, 64, 64), torch.float32)
    wanted = instance_norm(x)
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        torch.cuda._sleep(50_000_000)
        late = x * 2
        found = instance_norm(late)
    side.synchronize()
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


def test_a_cuda_graph_captures_forward_and_backward() -> None:
    x, weight, bias, residual = arguments(channels_last, (2, 32, 40, 40), torch.float32)
    dy = torch.randn_like(x)

    def step() -> tuple[Tensor, ...]:
        y = instance_norm(x, weight, bias, residual, activation="relu")
        return y, *torch.autograd.grad(y, [x, weight, bias], dy)

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


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there is one CUDA device")
def test_runs_on_the_device_of_its_tensors() -> None:
    x = channels_last((2, 16, 8, 8), torch.float32).to("cuda:1")
    with torch.cuda.device(0):
        y = instance_norm(x)
    torch.testing.assert_close(y.cpu(), instance_norm(x.to("cuda:0")).cpu())


@pytest.mark.slow
@pytest.mark.parametrize("made", ["contiguous", "channels_last"])
def test_more_than_2_to_the_31_elements(made: str) -> None:
    """The last image must be normalised like the same image alone."""
    if torch.cuda.mem_get_info()[0] < 20 << 30:
        pytest.skip("needs 20 GiB of free memory on the device")
    x = torch.empty((33, 64, 1024, 1024), device="cuda", dtype=torch.bfloat16)
    x = x.to(memory_format=getattr(torch, f"{made}_format" if made == "contiguous" else made))
    assert x.numel() > 2**31
    x[:-1] = 0
    x[-1:] = channels_last((1, 64, 1024, 1024), torch.bfloat16)
    torch.testing.assert_close(instance_norm(x)[-1:].float(), instance_norm(x[-1:]).float(), atol=1e-2, rtol=1e-2)
