"""The kernels of the norms, CPU and CUDA on the host: borders, parameters of each image, small maps, odd sizes."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.csrc.norm_cases import EPS, TOLERANCE, Case, Problem, decode, encode, unaligned

OPS = ("instance_norm", "adalin")
LAYOUTS = pytest.mark.parametrize("channels_last", [True, False], ids=["nhwc", "nchw"])


@pytest.fixture(params=["cpu", "cuda"])
def device(request: pytest.FixtureRequest, kernels: ModuleType) -> Any:
    """The functions that run one kind of kernel."""
    return getattr(kernels, request.param)


def skip_if_missing(device: Any, dtype: str) -> None:
    if dtype == "float16" and device.__name__.endswith("cpu"):
        pytest.skip("the CPU kernels know no float16")


def check(device: Any, case: Case, widen: float = 1.0) -> None:
    skip_if_missing(device, case.dtype)
    errors = Problem(case).errors(device)
    assert max(errors.values()) <= widen, errors


@LAYOUTS
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "float64"])
@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param((2, 16, 6, 8), id="small and aligned"),
        pytest.param((3, 13, 7, 5), id="odd channels and pixels"),
        pytest.param((1, 136, 5, 6), id="several groups of channels"),
        pytest.param((1, 8, 40, 41), id="several blocks an image"),
    ],
)
def test_agrees_with_float64(
    device: Any, op: str, sizes: tuple[int, int, int, int], dtype: str, channels_last: bool
) -> None:
    batch, channels, height, width = sizes
    check(device, Case(op, batch, channels, height, width, channels_last, dtype))


@LAYOUTS
@pytest.mark.parametrize("pad", [1, 2, 3])
@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("sizes", [(8, 4, 4), (5, 4, 9), (16, 9, 4)], ids=str)
def test_borders(device: Any, op: str, sizes: tuple[int, int, int], pad: int, channels_last: bool) -> None:
    """In a map of four pixels with three around it, a pixel has up to eight reflections."""
    channels, height, width = sizes
    case = Case(op, 2, channels, height, width, channels_last, pad=pad, residual=0)
    check(device, case)
    check(device, replace(case, dtype="bfloat16", residual=pad))


@LAYOUTS
@pytest.mark.parametrize("per_image", [True, False])
@pytest.mark.parametrize("residual", [None, 0, 2])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("op", OPS)
def test_options(
    device: Any, op: str, affine: bool, residual: int | None, per_image: bool, channels_last: bool
) -> None:
    case = Case(op, channels_last=channels_last, per_image=per_image, residual=residual, affine=affine)
    check(device, replace(case, second_residual=affine, slope=1.0 if affine else 0.0))


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_any_sizes(kernels: ModuleType, data: st.DataObject) -> None:
    height, width = (data.draw(st.integers(3, 20)) for _ in range(2))
    case = Case(
        op=data.draw(st.sampled_from(OPS)),
        batch=data.draw(st.integers(1, 3)),
        channels=data.draw(st.integers(1, 20)),
        height=height,
        width=width,
        channels_last=data.draw(st.booleans()),
        dtype=data.draw(st.sampled_from(["float32", "bfloat16"])),
        pad=data.draw(st.integers(0, min(height, width) - 1)),
        per_image=data.draw(st.booleans()),
        residual=data.draw(st.sampled_from([None, 0, 1])),
        slope=data.draw(st.sampled_from([0.0, 0.2, 1.0])),
        moved=data.draw(st.booleans()),
        seed=data.draw(st.integers(0, 1000)),
    )
    # A few pixels may lie so close together that rstd magnifies every rounding error; a wide border adds many up.
    problem = Problem(case)
    rstd = 1 / (problem.x.var((2, 3), correction=0) + EPS).sqrt()
    for device in (kernels.cpu, kernels.cuda):
        check(device, case, widen=max(1.0, float(rstd.max()) ** 3) * (1 + case.pad))


@LAYOUTS
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("op", OPS)
def test_one_launch_and_two_agree(device: Any, op: str, dtype: str, channels_last: bool) -> None:
    """A map at an odd address is too narrow for the kernel that keeps small maps, so it takes the other way."""
    case = Case(op, 1, 16, 24, 24, channels_last, dtype, residual=0, moved=True)
    moved, aligned = Problem(case), Problem(case).aligned()
    one, other = moved.found(device), aligned.found(device)
    for name in one:
        scale = max(1.0, float(np.abs(one[name]).max()))
        np.testing.assert_allclose(one[name], other[name], rtol=0, atol=TOLERANCE[dtype] * scale, err_msg=name)


@LAYOUTS
@pytest.mark.parametrize("op", OPS)
def test_one_pixel_maps_become_the_shift(device: Any, op: str, channels_last: bool) -> None:
    case = Case(op, 2, 9, 1, 1, channels_last, slope=1.0)
    problem = Problem(case)
    if op == "instance_norm":
        bias = problem.parameters["bias"]
        assert bias is not None
        np.testing.assert_allclose(problem.found(device)["y"][:, :, 0, 0], bias.expand(2, -1).numpy(), atol=1e-6)
    check(device, case, widen=30.0)  # rstd is 316


@LAYOUTS
@pytest.mark.parametrize("op", OPS)
def test_the_same_bits_in_every_run(device: Any, op: str, channels_last: bool) -> None:
    problem = Problem(Case(op, 3, 24, 16, 16, channels_last, pad=1, residual=0))
    one, other = problem.run(device), problem.run(device)
    for name in one:
        np.testing.assert_array_equal(one[name].view(np.uint8), other[name].view(np.uint8), err_msg=name)


@pytest.mark.parametrize("op", OPS)
def test_a_batch_gives_the_sums_of_its_images(device: Any, op: str) -> None:
    """Gradients of shared parameters are those of the images one by one, added up."""
    problem = Problem(Case(op, 4, 8, 5, 5))
    each = Problem(Case(op, 4, 8, 5, 5, per_image=True))
    for name in problem.parameters:
        if name != "rho":
            shared = problem.parameters[name]
            assert shared is not None
            each.parameters[name] = shared.repeat(4, 1)
    each.x, each.dy, each.away = problem.x, problem.dy, problem.away
    one, other = problem.run(device), each.run(device)
    for name in problem.parameters:
        if name != "rho":
            np.testing.assert_allclose(one[f"d{name}"], other[f"d{name}"].sum(0), rtol=1e-5, atol=1e-5)


# ------------------------------------------------------------------------------------------------------------- moments


@LAYOUTS
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "float64"])
@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize("sizes", [(2, 16, 6, 8), (3, 13, 7, 5), (1, 20, 64, 33), (2, 5, 1, 1)], ids=str)
def test_moments(device: Any, sizes: tuple[int, int, int, int], moved: bool, dtype: str, channels_last: bool) -> None:
    skip_if_missing(device, dtype)
    random = torch.Generator().manual_seed(0)
    real = np.float64 if dtype == "float64" else np.float32

    def given(tensor: torch.Tensor) -> Any:
        if tensor.dim() == 2:
            return tensor.detach().numpy().astype(real)
        ordered = tensor.detach().permute(0, 2, 3, 1) if channels_last else tensor.detach()
        array = encode(np.ascontiguousarray(ordered.numpy()), dtype)
        return unaligned(array) if moved else array

    def rounded(*shape: int) -> torch.Tensor:
        values = torch.randn(shape, generator=random, dtype=torch.float64)
        return torch.from_numpy(
            decode(encode(values.numpy(), dtype if len(shape) == 4 else "float32"))
        ).requires_grad_()

    x, ddx, dmean, dstd = rounded(*sizes), rounded(*sizes), rounded(*sizes[:2]), rounded(*sizes[:2])
    mean = x.mean((2, 3))
    deviations = (x - mean[:, :, None, None]).square().sum((2, 3))
    std = (deviations / max(1, sizes[2] * sizes[3] - 1) + EPS).sqrt()
    (dx,) = torch.autograd.grad([mean, std], [x], [dmean, dstd], create_graph=True)
    second = torch.autograd.grad(dx, [dmean, dstd, x], ddx)

    found_mean, found_std = device.moments(x=given(x), eps=EPS, channels_last=channels_last)
    rest = {"x": given(x), "mean": found_mean, "std": found_std, "channels_last": channels_last}
    found_dx = device.moments_backward(dmean=given(dmean), dstd=given(dstd), **rest)
    found = device.moments_backward_backward(ddx=given(ddx), dstd=given(dstd), **rest)
    widen = 1 / float(std.detach().min()) ** 3  # a single pixel has a deviation of sqrt(eps)
    pairs = zip((found_mean, found_std, found_dx, *found), (mean, std, dx, *second), strict=True)
    for one, other in pairs:
        values = decode(one).transpose(0, 3, 1, 2) if one.ndim == 4 and channels_last else decode(one)
        limit = TOLERANCE[dtype] * max(1.0, widen) * max(1.0, float(other.detach().abs().max()))
        np.testing.assert_allclose(values, other.detach().numpy(), rtol=0, atol=limit)
