"""AdaLIN and LIN: values, layouts, types, and what they refuse."""

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
from imtrans.ops import adalin, instance_norm, lin, use_backend
from tests.ops.paddings import LAYOUTS, channels_last, contiguous, interior, maps

TOLERANCE = {torch.float64: 1e-11, torch.float32: 1e-5, torch.bfloat16: 1e-2}
FORMATS = [contiguous, channels_last]


def parameters(x: Tensor, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Rho of a channel, gamma and beta of each image, in the type of the statistics."""
    generator = torch.Generator().manual_seed(seed)
    of = torch.float64 if x.dtype == torch.float64 else torch.float32
    batch, channels = x.shape[:2]
    rho = torch.rand(channels, generator=generator)
    gamma, beta = (torch.randn(batch, channels, generator=generator) for _ in range(2))
    return rho.to(of), gamma.to(of), beta.to(of)


def of_the_authors(x: Tensor, rho: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    """U-GAT-IT's arithmetic, by torch.var."""

    def normalised(over: tuple[int, ...]) -> Tensor:
        return (x - x.mean(over, keepdim=True)) / torch.sqrt(x.var(over, keepdim=True) + eps)

    share = rho.view(1, -1, 1, 1)
    mixed = share * normalised((2, 3)) + (1 - share) * normalised((1, 2, 3))
    return mixed * gamma[..., None, None] + beta[..., None, None]


def in_float64(*tensors: Tensor | None, **keywords: object) -> Tensor:
    """What the call is worth, from the numbers that it was given."""
    with use_backend("reference"):
        return adalin(*(None if each is None else each.double() for each in tensors), **keywords)


def assert_close(got: Tensor, want: Tensor, tolerance: float) -> None:
    """Largest difference, relative to the largest value."""
    assert got.shape == want.shape
    assert (got.double() - want).abs().max() <= tolerance * want.abs().max().clamp(min=1)


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("layout", FORMATS)
def test_equals_the_authors_arithmetic(backend: str, layout: Callable[[Tensor], Tensor]) -> None:
    x, residual = (layout(3 + torch.randn(2, 5, 6, 7).double()) for _ in range(2))
    own = parameters(x)
    with use_backend(backend):
        torch.testing.assert_close(adalin(x, *own), of_the_authors(x, *own))
        torch.testing.assert_close(
            lin(x, own[0], own[1][0], own[2][0], eps=1e-2), of_the_authors(x, own[0], own[1][0], own[2][0], 1e-2)
        )
        full = adalin(x, *own, residual, activation="leaky_relu", slope=0.3, pad=2)
    want = functional.leaky_relu(of_the_authors(x, *own), 0.3) + residual
    torch.testing.assert_close(full, functional.pad(want, (2, 2, 2, 2), mode="reflect"))


@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_is_the_instance_norm_where_rho_is_one(backend: str) -> None:
    """But for the unbiased variance."""
    x = torch.randn(2, 5, 6, 7).double()
    _, gamma, beta = parameters(x)
    share = 41 / 42
    with use_backend(backend):
        y = adalin(x, torch.ones(5), gamma, beta, activation="relu", pad=1)
        want = instance_norm(x, gamma * share**0.5, beta, activation="relu", eps=1e-5 * share, pad=1)
    torch.testing.assert_close(y, want)


@st.composite
def calls(draw: st.DrawFn) -> tuple[tuple[Tensor | None, ...], dict[str, object]]:
    """Feature maps, parameters, perhaps a residual, and keywords of one call."""
    x, pad = draw(maps(list(TOLERANCE)))
    x = draw(st.sampled_from([0.0, -5.0, 100.0])) + 2 * x
    rho, gamma, beta = parameters(x, draw(st.integers(0, 1000)))
    border = draw(st.sampled_from([None, 0, 1]))
    residual = None
    if border is not None:
        larger = functional.pad(x, (border,) * 4)
        residual = draw(st.sampled_from(LAYOUTS))(torch.ones_like(larger) + larger / 8)
    activation = draw(st.sampled_from(["none", "relu", "leaky_relu"]))
    keywords = {"activation": activation, "slope": 0.1, "eps": 1e-3, "pad": pad}
    return (x, draw(st.sampled_from([rho, rho - 1])), gamma, beta, residual), keywords


@pytest.mark.usefixtures("fused")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls())
def test_equals_float64(call: tuple[tuple[Tensor, ...], dict[str, object]]) -> None:
    tensors, keywords = call
    got = adalin(*tensors, **keywords)
    assert got.dtype == tensors[0].dtype
    assert_close(got, in_float64(*tensors, **keywords), TOLERANCE[got.dtype])


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("layout", [each for each in LAYOUTS if each.__name__ != "expanded"])
@pytest.mark.parametrize("pad", [0, 1])
def test_output_keeps_type_and_layout(
    backend: str, dtype: torch.dtype, layout: Callable[[Tensor], Tensor], pad: int
) -> None:
    x = layout(torch.randn(2, 8, 6, 5).to(dtype))
    with use_backend(backend):
        y = adalin(x, *parameters(x), x, activation="relu", pad=pad)
    assert y.dtype == dtype
    assert y.is_contiguous(memory_format=torch.channels_last) == (layout in (channels_last, interior))


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("layout", FORMATS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 1e-2)])
def test_a_large_mean_does_not_cancel(layout: Callable[[Tensor], Tensor], dtype: torch.dtype, tolerance: float) -> None:
    x = layout((1000 + torch.randn(2, 20, 64, 64)).to(dtype))
    assert_close(adalin(x, *parameters(x)), in_float64(x, *parameters(x)), tolerance)


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("layout", FORMATS)
def test_constant_maps_give_the_shift(backend: str, layout: Callable[[Tensor], Tensor]) -> None:
    x = layout(torch.full((2, 19, 40, 40), 1024.0))
    rho, gamma, beta = parameters(x)
    with use_backend(backend):
        y = adalin(x, rho, gamma, beta)
    torch.testing.assert_close(y, beta[..., None, None].expand_as(x))


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("channels", [1, 19])
def test_one_pixel(backend: str, channels: int) -> None:
    """The deviation of one element is taken to be 0."""
    x = torch.randn(2, channels, 1, 1)
    rho, gamma, beta = parameters(x)
    with use_backend(backend):
        y = adalin(x, rho, gamma, beta)
    layer = torch.zeros_like(x[:, :, 0, 0]) if channels == 1 else functional.layer_norm(x[:, :, 0, 0], (channels,))
    layer = layer * (1 - 1 / channels) ** 0.5  # the unbiased variance
    torch.testing.assert_close(y[:, :, 0, 0], (1 - rho) * layer * gamma + beta, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("layout", FORMATS)
def test_nan_stays_in_its_image(backend: str, layout: Callable[[Tensor], Tensor]) -> None:
    x = torch.randn(3, 19, 5, 6)
    x[1, 7, 2, 3] = torch.nan
    with use_backend(backend):
        y = adalin(layout(x), *parameters(x), activation="relu", pad=1)
    assert y[1].isnan().all()
    assert y[::2].isfinite().all()


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("layout", FORMATS)
def test_threads_change_nothing(layout: Callable[[Tensor], Tensor]) -> None:
    x, dy = layout(torch.randn(2, 24, 40, 50)).requires_grad_(), layout(torch.randn(2, 24, 44, 54))
    own = [parameter.requires_grad_() for parameter in parameters(x)]
    results = []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            y = adalin(x, *own, activation="relu", pad=2)
            first = torch.autograd.grad(y, [x, *own], dy, create_graph=True)
            second = torch.autograd.grad(first[0].square().sum(), [x, *own[:2]])
            results.append((y, *first, *second))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


@pytest.mark.usefixtures("fused")
def test_autocast_keeps_bfloat16() -> None:
    x = torch.randn(1, 4, 5, 5).bfloat16()
    rho, gamma, beta = parameters(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = adalin(x, rho, gamma.bfloat16(), beta, torch.zeros(1, 4, 5, 5))
    assert y.dtype == torch.bfloat16


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("compiler", ["aot_eager", pytest.param("inductor", marks=pytest.mark.exhaustive)])
def test_compiles_without_a_break(compiler: str) -> None:
    @functools.partial(torch.compile, fullgraph=True, backend=compiler)
    def compiled(x: Tensor, *own: Tensor) -> Tensor:
        return adalin(2 * x, *own, activation="relu", pad=1).square()

    x = channels_last(torch.randn(2, 5, 4, 3)).requires_grad_()
    own = [parameter.requires_grad_() for parameter in parameters(x)]
    got, want = compiled(x, *own), adalin(2 * x, *own, activation="relu", pad=1).square()
    assert got.stride() == want.stride()
    torch.testing.assert_close(got, want)
    gradients = [torch.autograd.grad(y.sum(), [x, *own]) for y in (got, want)]
    torch.testing.assert_close(*gradients)


# ---------------------------------------------------------------------------------------------------- hostile inputs


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"x": torch.zeros(0, 3, 4, 5)}, "nothing to take statistics from"),
        ({"x": torch.zeros(3, 4, 5)}, "shape"),
        ({"x": torch.zeros(1, 3, 4, 5, dtype=torch.int32)}, "floating-point"),
        ({"rho": torch.ones(1, 3, 1, 1)}, r"the rho of adalin has shape \(1, 3, 1, 1\)"),
        ({"gamma": torch.ones(3)}, r"the gamma of adalin has shape \(3,\)"),
        ({"beta": torch.ones(2, 3)}, r"the beta of adalin has shape \(2, 3\)"),
        ({"beta": torch.ones(1, 3, device="meta")}, "is on meta"),
        ({"residual": torch.ones(1, 3, 5, 5)}, "the same number of pixels more on each side"),
        ({"activation": "gelu"}, "no activation called 'gelu'"),
        ({"eps": -1.0}, "an eps of at least 0"),
        ({"pad": 4}, "cannot reflect 4 pixels of maps of 4 x 5"),
    ],
)
def test_refuses_arguments(arguments: dict[str, object], words: str) -> None:
    valid = {"x": torch.zeros(1, 3, 4, 5), "rho": torch.ones(3), "gamma": torch.ones(1, 3), "beta": torch.ones(1, 3)}
    with pytest.raises(UsageError, match=words):
        adalin(**valid | arguments)


def test_lin_refuses_numbers_of_each_image() -> None:
    with pytest.raises(UsageError, match=r"the gamma of lin has shape \(1, 3\)"):
        lin(torch.zeros(1, 3, 4, 5), torch.ones(3), torch.ones(1, 3), torch.ones(1, 3))


@pytest.mark.usefixtures("fused")
def test_fused_says_why_it_cannot_serve() -> None:
    x = torch.zeros(1, 3, 4, 5, dtype=torch.float16)
    with pytest.raises(BackendError, match="adalin has no fused kernel for this call: on cpu its kernels take"):
        adalin(x, *parameters(x))
