"""Packed convolutions against the plain formula in float64."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from imtrans.ops.packed_convolution import Layer, Norm, Pending, affine, layer_of, operator, pack, reference, why_not

pytestmark = pytest.mark.skipif(
    operator.why_unavailable(torch.device("cpu")) is not None, reason="there is no native library"
)

DTYPES = [torch.float32] + ([torch.bfloat16] if why_not(torch.bfloat16) is None else [])
# Root mean square error, divided by the root mean square of the result.
TOLERANCE = {torch.float32: 5e-6, torch.bfloat16: 0.02}


def channels_last(tensor: Tensor) -> Tensor:
    return tensor.contiguous(memory_format=torch.channels_last)


def inputs(layer: Layer, *, batch: int = 1, height: int = 9, width: int = 11, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(batch, layer.in_channels, height, width, generator=generator)
    channels = (layer.in_channels, layer.out_channels) if layer.transposed else (layer.out_channels, layer.in_channels)
    return x, torch.randn(*channels, layer.kernel, layer.kernel, generator=generator) / layer.kernel


def empty_result(layer: Layer, x: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    sides = (layer.out_size(x.shape[2]), layer.out_size(x.shape[3]))
    return channels_last(torch.full((x.shape[0], layer.out_channels, *sides), torch.nan, dtype=dtype))


def relative_error(y: Tensor, expected: Tensor) -> float:
    return float((y.double() - expected).square().mean().sqrt() / expected.square().mean().sqrt().clamp_min(1e-12))


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    transposed = draw(st.booleans())
    kernel = draw(st.integers(1, 7))
    stride = draw(st.integers(1, 3))
    padding = draw(st.integers(0, max(0, kernel - 1)))
    border = draw(st.sampled_from(["zeros", "replicate"] if transposed else ["zeros", "reflect", "replicate"]))
    output_padding = draw(st.integers(0, stride - 1)) if transposed else 0
    channels = st.integers(1, 70)
    return Layer(draw(channels), draw(channels), kernel, stride, padding, output_padding, transposed, border)


@settings(max_examples=60, deadline=None)
@given(
    layer=layers(),
    height=st.integers(1, 19),
    width=st.integers(1, 19),
    batch=st.integers(1, 2),
    dtype=st.sampled_from(DTYPES),
)
def test_agrees_with_float64(layer: Layer, height: int, width: int, batch: int, dtype: torch.dtype) -> None:
    assume(layer.out_size(height) > 0 and layer.out_size(width) > 0)
    assume(layer.border != "reflect" or layer.padding < min(height, width))
    x, weight = inputs(layer, batch=batch, height=height, width=width)
    x = x.to(dtype)
    y = empty_result(layer, x)
    pack(layer, weight, None, dtype)(channels_last(x), y)
    expected = reference(x.double(), layer, weight.double())
    # A sum of few products may be near zero by chance; a fifth of what they come to without their signs is not.
    size = expected.square().mean().sqrt() + reference(x.double().abs(), layer, weight.double().abs()).mean() / 5
    assert y.isfinite().all()
    assert float((y.double() - expected).square().mean().sqrt() / size) < TOLERANCE[dtype]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("border", ["zeros", "reflect", "replicate"])
@pytest.mark.parametrize("channels", [16, 33, 256])
def test_winograd_on_maps_that_are_no_multiple_of_its_tile(channels: int, border: str, dtype: torch.dtype) -> None:
    layer = Layer(channels, channels, 3, padding=1, border=border)  # type: ignore[arg-type]
    for height, width in ((4, 4), (5, 7), (2, 3), (34, 61)):
        x, weight = inputs(layer, batch=2, height=height, width=width)
        x = x.to(dtype)
        y = empty_result(layer, x)
        pack(layer, weight, None, dtype)(channels_last(x), y)
        assert relative_error(y, reference(x.double(), layer, weight.double())) < TOLERANCE[dtype]


SOME_LAYERS = [
    pytest.param(Layer(20, 40, 3, padding=1, border="reflect"), id="winograd"),
    pytest.param(Layer(5, 40, 5, stride=2, padding=2), id="direct"),
    pytest.param(Layer(20, 3, 7, padding=3, border="reflect"), id="spread"),
    pytest.param(Layer(20, 40, 3, stride=2, padding=1, output_padding=1, transposed=True), id="transposed"),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("slope", [1.0, 0.0, 0.2])
@pytest.mark.parametrize("layer", SOME_LAYERS)
def test_reads_through_a_pending_normalisation(layer: Layer, slope: float, dtype: torch.dtype) -> None:
    x, weight = inputs(layer, batch=2, height=12, width=13)
    x = x.to(dtype)
    scale, shift = torch.rand(2, 2, layer.in_channels) + 0.5
    pending, bias = Pending(scale, shift, slope), torch.randn(layer.out_channels)
    y = empty_result(layer, x)
    pack(layer, weight, bias, dtype)(channels_last(x), y, pending)
    expected = reference(x.double(), layer, weight.double(), bias.double(), pending)
    assert relative_error(y, expected) < TOLERANCE[dtype]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layer", SOME_LAYERS)
@pytest.mark.parametrize("affine_norm", [False, True])
def test_measures_the_statistics_of_what_it_writes(layer: Layer, affine_norm: bool, dtype: torch.dtype) -> None:
    x, weight = inputs(layer, batch=2, height=22, width=35)
    weight_of_norm, bias_of_norm = torch.rand(2, layer.out_channels) + 0.5 if affine_norm else (None, None)
    y = empty_result(layer, x)
    bias = torch.full((layer.out_channels,), 1000.0)  # would cancel in E[y^2] - E[y]^2
    packed = pack(layer, weight, bias, dtype)
    pending = packed(channels_last(x.to(dtype)), y, norm=Norm(weight_of_norm, bias_of_norm, 1e-3))
    assert pending is not None
    variance, mean = torch.var_mean(y.double(), dim=(2, 3), correction=0)
    gain = 1.0 if weight_of_norm is None else weight_of_norm.double()
    scale = gain / (variance + 1e-3).sqrt()
    torch.testing.assert_close(pending.scale.double(), scale, rtol=1e-4, atol=0)
    shift = (0.0 if bias_of_norm is None else bias_of_norm.double()) - mean * scale
    torch.testing.assert_close(pending.shift.double(), shift, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("dtype", DTYPES)
def test_writes_maps_of_its_own_type(dtype: torch.dtype) -> None:
    layer = Layer(16, 24, 3, padding=1, border="reflect")
    x, weight = inputs(layer)
    wide, own = empty_result(layer, x), empty_result(layer, x, dtype)
    packed = pack(layer, weight, None, dtype)
    packed(channels_last(x.to(dtype)), wide)
    packed(channels_last(x.to(dtype)), own)
    assert own.equal(wide.to(dtype))


@pytest.mark.parametrize("layer", SOME_LAYERS)
def test_number_of_threads_changes_no_bit(layer: Layer) -> None:
    x, weight = inputs(layer, batch=2, height=40, width=37)
    packed, threads = pack(layer, weight, None, torch.float32), torch.get_num_threads()
    results = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            y = empty_result(layer, x)
            pending = packed(channels_last(x), y, norm=Norm())
            assert pending is not None
            results.append((y, pending.scale, pending.shift))
    finally:
        torch.set_num_threads(threads)
    assert all(one.equal(other) for one, other in zip(*results, strict=True))


@pytest.mark.parametrize("layer", SOME_LAYERS)
def test_nan_stays_in_its_image(layer: Layer) -> None:
    x, weight = inputs(layer, batch=2, height=12, width=12)
    x[0, 0, 5, 5] = torch.nan
    y = empty_result(layer, x)
    pack(layer, weight, None, torch.float32)(channels_last(x), y)
    assert y[0].isnan().any()
    assert y[1].isfinite().all()


def test_affine_finishes_a_map() -> None:
    generator = torch.Generator().manual_seed(0)
    for dtype in (torch.float32, torch.bfloat16):
        for channels in (1, 16, 19):
            x, residual = (
                channels_last(torch.randn(2, channels, 5, 7, generator=generator).to(dtype)) for _ in range(2)
            )
            pending = Pending(*torch.randn(2, 2, channels, generator=generator), slope=0.2)
            y = torch.empty_like(x)
            affine(x, y, pending, residual)
            scaled = x.float() * pending.scale[:, :, None, None] + pending.shift[:, :, None, None]
            expected = nn.functional.leaky_relu(scaled, 0.2) + residual.float()
            torch.testing.assert_close(y, expected.to(dtype), rtol=2e-2 if dtype == torch.bfloat16 else 1e-5, atol=1e-5)
            affine(x, y)
            assert y.equal(x)


def test_refuses_what_does_not_fit() -> None:
    layer = Layer(16, 24, 3, padding=1, border="reflect")
    x, weight = inputs(layer)
    packed = pack(layer, weight, None, torch.float32)
    y = empty_result(layer, x)
    with pytest.raises(RuntimeError, match="does not have the channels"):
        packed(channels_last(torch.randn(1, 17, 9, 11)), y)
    with pytest.raises(RuntimeError, match="does not have the size"):
        packed(channels_last(x), channels_last(torch.empty(1, 24, 9, 12)))
    with pytest.raises(RuntimeError, match="channels-last"):
        packed(x, y)
    with pytest.raises(RuntimeError, match="larger than its reflected border"):
        packed(channels_last(torch.randn(1, 16, 1, 11)), channels_last(torch.empty(1, 24, 1, 11)))
    with pytest.raises(RuntimeError, match="float32"):
        packed(channels_last(x), y, Pending(torch.ones(1, 16, dtype=torch.float64), torch.ones(1, 16)))
    with pytest.raises(RuntimeError, match=r"float64|multiplies this type|not of this layer"):
        packed(channels_last(x.double()), y)
    with pytest.raises(RuntimeError, match="size of the layer"):
        pack(Layer(16, 25, 3), weight, None, torch.float32)


def test_layers_of_modules() -> None:
    module = nn.ConvTranspose2d(4, 5, 3, stride=2, padding=1, output_padding=1)
    assert layer_of(module) == Layer(4, 5, 3, 2, 1, 1, True)
    assert layer_of(nn.Conv2d(4, 5, 3), border="reflect", padding=1) == Layer(4, 5, 3, 1, 1, border="reflect")
    for odd in (
        nn.Conv2d(4, 4, 3, groups=2),
        nn.Conv2d(4, 4, (3, 5)),
        nn.Conv2d(4, 4, 3, dilation=2),
        nn.Conv2d(4, 4, 3, padding="same"),
    ):
        with pytest.raises(ValueError, match=r"it has|not square"):
            layer_of(odd)


@pytest.mark.parametrize("instructions", ["baseline", "avx2", "avx512", "avx512_bf16"])
def test_every_instruction_set(instructions: str) -> None:
    program = (
        "import torch; from imtrans.ops.packed_convolution import operator\n"
        "checks = operator.self_check(torch.device('cpu'))\n"
        "assert checks and all(check.passed for check in checks), checks\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ | {"IMTRANS_CPU": instructions})
