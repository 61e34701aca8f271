"""The instance norm: values, layouts, types, and what it refuses."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from imtrans.errors import BackendError, UsageError
from imtrans.ops import instance_norm, use_backend
from tests.ops.paddings import LAYOUTS, channels_last, contiguous, interior, maps

TOLERANCE = {torch.float64: 1e-11, torch.float32: 1e-5, torch.bfloat16: 1e-2}


@st.composite
def calls(draw: st.DrawFn) -> tuple[tuple[Tensor | None, ...], dict[str, object]]:
    """Feature maps, parameters and residual (any of the latter None) and keywords of one call."""
    x, pad = draw(maps(list(TOLERANCE)))
    x = draw(st.sampled_from([0.0, -5.0, 100.0])) + 2 * x
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))

    def normal(*sizes: int, of: torch.dtype = x.dtype) -> Tensor:
        return torch.randn(*sizes, generator=generator, dtype=torch.float64).to(of)

    of = draw(st.sampled_from([x.dtype, torch.float32]))
    sizes = tuple(x.shape[:2]) if draw(st.booleans()) else (x.shape[1],)
    weight, bias = (normal(*sizes, of=of) if draw(st.booleans()) else None for _ in range(2))
    border = draw(st.sampled_from([None, 0, 0, 1, 3]))
    residual = None
    if border is not None:
        larger = (x.shape[2] + 2 * border, x.shape[3] + 2 * border)
        residual = draw(st.sampled_from(LAYOUTS))(normal(*x.shape[:2], *larger))
    activation = draw(st.sampled_from(["none", "relu", "leaky_relu"]))
    keywords = {"activation": activation, "slope": draw(st.sampled_from([0.0, 0.01, 0.5])), "eps": 1e-3, "pad": pad}
    return (x, weight, bias, residual), keywords


def in_float64(x: Tensor, *optional: Tensor | None, **keywords: object) -> Tensor:
    """What the call is worth, from the numbers that it was given."""
    with use_backend("reference"):
        return instance_norm(x.double(), *(None if o is None else o.double() for o in optional), **keywords)


def assert_close(got: Tensor, want: Tensor, tolerance: float) -> None:
    """Largest difference, relative to the largest value."""
    assert got.shape == want.shape
    assert (got.double() - want).abs().max() <= tolerance * want.abs().max().clamp(min=1)


@pytest.mark.usefixtures("fused")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls())
def test_equals_float64(call: tuple[tuple[Tensor, ...], dict[str, object]]) -> None:
    tensors, keywords = call
    got = instance_norm(*tensors, **keywords)
    assert got.dtype == tensors[0].dtype
    assert_close(got, in_float64(*tensors, **keywords), TOLERANCE[got.dtype])


@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_equals_torch(backend: str) -> None:
    torch.manual_seed(0)
    x, weight, bias = torch.randn(2, 5, 6, 7).double(), torch.randn(5).double(), torch.randn(5).double()
    with use_backend(backend):
        plain = instance_norm(x)
        full = instance_norm(x, weight, bias, x, activation="leaky_relu", slope=0.3, eps=1e-2)
    torch.testing.assert_close(plain, functional.instance_norm(x))
    norm = functional.instance_norm(x, weight=weight, bias=bias, eps=1e-2)
    torch.testing.assert_close(full, functional.leaky_relu(norm, 0.3) + x)


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_output_keeps_type_and_layout(backend: str, dtype: torch.dtype, layout: Callable[[Tensor], Tensor]) -> None:
    x = layout(torch.randn(2, 8, 6, 5).to(dtype))
    with use_backend(backend):
        y = instance_norm(x, torch.ones(8), torch.zeros(8), x, activation="relu")
    assert y.dtype == dtype
    assert y.is_contiguous(memory_format=torch.channels_last) == (layout in (channels_last, interior))


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("layout", [contiguous, channels_last])
@pytest.mark.parametrize("pad", [1, 3])
def test_border_is_that_of_torch(backend: str, layout: Callable[[Tensor], Tensor], pad: int) -> None:
    x, residual = (layout(torch.randn(2, 5, 4, 6)) for _ in range(2))
    with use_backend(backend):
        y = instance_norm(x, residual=residual, activation="relu", pad=pad)
        plain = instance_norm(x, residual=residual, activation="relu")
    torch.testing.assert_close(y, functional.pad(plain, (pad,) * 4, mode="reflect"), rtol=0, atol=0)
    assert y.is_contiguous(memory_format=torch.channels_last) == (layout is channels_last)


@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_parameters_of_each_image(backend: str) -> None:
    x, weight, bias = torch.randn(3, 5, 4, 6), torch.randn(3, 5), torch.randn(3, 5)
    with use_backend(backend):
        y = instance_norm(x, weight, bias)
        images = [instance_norm(x[i : i + 1], weight[i], bias[i]) for i in range(3)]
    torch.testing.assert_close(y, torch.cat(images))


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("layout", [contiguous, channels_last])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 1e-2)])
def test_a_large_mean_does_not_cancel(layout: Callable[[Tensor], Tensor], dtype: torch.dtype, tolerance: float) -> None:
    # In bfloat16 numbers near 1000 are 4 apart, so the deviation of 1 is that of the rounded numbers.
    x = layout((1000 + torch.randn(2, 20, 64, 64)).to(dtype))
    assert_close(instance_norm(x), in_float64(x), tolerance)


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("layout", [contiguous, channels_last])
def test_one_outlier_does_not_spoil_the_rest(layout: Callable[[Tensor], Tensor]) -> None:
    x = torch.randn(1, 20, 64, 64)
    x[:, :, 0, 0] = 1e4  # the pixel that the first sums are taken around
    assert_close(instance_norm(layout(x)), in_float64(x), 1e-5)


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("layout", [contiguous, channels_last])
def test_a_constant_channel_gives_the_bias(layout: Callable[[Tensor], Tensor]) -> None:
    x, bias = layout(torch.full((2, 19, 40, 40), 1000.1)), torch.randn(19)
    torch.testing.assert_close(instance_norm(x, None, bias), bias.view(1, -1, 1, 1).expand_as(x))


@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_one_pixel_gives_the_bias(backend: str) -> None:
    x, bias = torch.randn(2, 19, 1, 1), torch.randn(19)
    with use_backend(backend):
        y = instance_norm(x, None, bias, x, activation="relu")
    torch.testing.assert_close(y, bias.relu().view(1, -1, 1, 1) + x)


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("layout", [contiguous, channels_last])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_nan_stays_in_its_channel(
    backend: str, layout: Callable[[Tensor], Tensor], bad: float, dtype: torch.dtype
) -> None:
    x = torch.randn(2, 19, 5, 6).to(dtype)
    x[1, 7, 2, 3] = bad
    with use_backend(backend):
        y = instance_norm(layout(x), activation="relu")
    assert y[1, 7].isnan().all()
    y[1, 7] = 0
    assert y.isfinite().all()


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("layout", [contiguous, channels_last])
def test_threads_change_nothing(layout: Callable[[Tensor], Tensor]) -> None:
    x, dy = layout(torch.randn(2, 24, 40, 50)).requires_grad_(), layout(torch.randn(2, 24, 44, 54))
    results = []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            y = instance_norm(x, activation="relu", pad=2)
            results.append((y, *torch.autograd.grad(y, x, dy)))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


@pytest.mark.usefixtures("fused")
def test_autocast_keeps_bfloat16() -> None:
    x, weight = torch.randn(1, 4, 5, 5).bfloat16(), torch.randn(4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = instance_norm(x, weight)
        mixed = instance_norm(x, weight, None, torch.zeros(1, 4, 5, 5))
    assert y.dtype == torch.bfloat16
    assert torch.equal(y, mixed)  # a residual of another type is converted, the output is not


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("compiler", ["aot_eager", pytest.param("inductor", marks=pytest.mark.exhaustive)])
def test_compiles_without_a_break(compiler: str) -> None:
    @functools.partial(torch.compile, fullgraph=True, backend=compiler)
    def compiled(x: Tensor, weight: Tensor) -> Tensor:
        return instance_norm(2 * x, weight, activation="relu").square()

    x, weight = channels_last(torch.randn(2, 5, 4, 3)).requires_grad_(), torch.randn(5, requires_grad=True)
    got, want = compiled(x, weight), instance_norm(2 * x, weight, activation="relu").square()
    assert got.stride() == want.stride()
    torch.testing.assert_close(got, want)
    gradients = [torch.autograd.grad(y.sum(), [x, weight]) for y in (got, want)]
    torch.testing.assert_close(*gradients)


@pytest.mark.usefixtures("fused")
def test_inference_mode() -> None:
    x = channels_last(torch.randn(2, 5, 4, 3))
    with torch.inference_mode():
        y = instance_norm(x, activation="relu")
    assert torch.equal(y, instance_norm(x, activation="relu"))


# ---------------------------------------------------------------------------------------------------- hostile inputs


@pytest.mark.parametrize("shape", [(3, 4, 5), (0, 3, 4, 4), (1, 0, 4, 4), (1, 3, 0, 4), (1, 3, 4, 0)])
def test_refuses_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="shape"):
        instance_norm(torch.zeros(shape))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"weight": torch.ones(4)}, r"the weight of instance_norm has shape \(4,\)"),
        ({"bias": torch.ones(3, 1)}, r"the bias of instance_norm has shape \(3, 1\)"),
        ({"weight": torch.ones(3), "bias": torch.ones(1, 3)}, r"the bias of instance_norm has shape \(1, 3\)"),
        ({"residual": torch.ones(1, 3, 6, 5)}, "the same number of pixels more on each side"),
        ({"residual": torch.ones(1, 3, 2, 3)}, "the same number of pixels more on each side"),
        ({"residual": torch.ones(1, 3, 5, 6)}, "the same number of pixels more on each side"),
        ({"residual": torch.ones(3, 4, 5)}, "the residual of instance_norm has shape"),
        ({"pad": 4}, "cannot reflect 4 pixels of maps of 4 x 5"),
        ({"pad": -1}, "a whole number of pixels of at least 0, not -1"),
        ({"residual": torch.ones(1, 3, 5, 4)}, "the residual of instance_norm has shape"),
        ({"weight": torch.ones(3, dtype=torch.int64)}, "floating type"),
        ({"bias": torch.ones(3, device="meta")}, "is on meta"),
        ({"activation": "gelu"}, "no activation called 'gelu'"),
        ({"eps": -1.0}, "an eps of at least 0"),
        ({"eps": float("nan")}, "an eps of at least 0"),
    ],
)
def test_refuses_arguments(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        instance_norm(torch.zeros(1, 3, 4, 5), **arguments)


def test_refuses_integers() -> None:
    with pytest.raises(UsageError, match="floating-point feature maps"):
        instance_norm(torch.zeros(1, 3, 4, 5, dtype=torch.uint8))


@pytest.mark.usefixtures("fused")
def test_fused_says_why_it_cannot_serve() -> None:
    with pytest.raises(BackendError, match="on cpu its kernels take bfloat16, float32, float64, not float16"):
        instance_norm(torch.zeros(1, 3, 4, 5, dtype=torch.float16))


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize(
    ("x", "weight", "words"),
    [
        (torch.zeros(2, 6, 4, 4)[:, ::2], None, "dense"),
        (torch.zeros(1, 0, 4, 4), None, "empty"),
        (torch.zeros(3, 4, 4), None, "four dimensions"),
        (torch.zeros(1, 3, 4, 4, dtype=torch.int32), None, "float32, float64, bfloat16"),
        (torch.zeros(1, 3, 4, 4, dtype=torch.float16), None, "float16"),
        (torch.zeros(1, 3, 4, 4), torch.ones(4), "weight has 3 elements, not 4"),
        (torch.zeros(1, 3, 4, 4), torch.ones(3).double(), "weight is float32"),
    ],
)
def test_the_bare_operator_checks_too(x: Tensor, weight: Tensor | None, words: str) -> None:
    with pytest.raises((RuntimeError, ValueError), match=words):
        torch.ops.imtrans.instance_norm(x, weight, None, None, 1.0, 1e-5)


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("pad", [-1, 4])
def test_the_bare_operator_checks_its_border(pad: int) -> None:
    with pytest.raises(RuntimeError, match="less than both sides"):
        torch.ops.imtrans.instance_norm(torch.zeros(1, 3, 4, 5), None, None, None, 1.0, 1e-5, pad)
