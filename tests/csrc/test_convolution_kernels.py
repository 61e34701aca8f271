"""Packed convolutions without torch, against sums in float64 written out with numpy."""

from __future__ import annotations

import itertools
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.csrc.instance_norm_cases import decode, encode

Floats = NDArray[Any]
ZEROS, REFLECT, REPLICATE = 0, 1, 2
# in_channels, out_channels, kernel, stride, padding, output_padding, transposed, border
LAYERS = [
    pytest.param((16, 19, 3, 1, 1, 0, 0, REFLECT), id="winograd"),
    pytest.param((37, 130, 3, 1, 1, 0, 0, ZEROS), id="winograd of many panels"),
    pytest.param((3, 18, 7, 1, 3, 0, 0, REFLECT), id="few channels in"),
    pytest.param((18, 3, 7, 1, 3, 0, 0, REPLICATE), id="few channels out"),
    pytest.param((5, 17, 4, 2, 1, 0, 0, ZEROS), id="stride"),
    pytest.param((5, 17, 3, 2, 1, 1, 1, ZEROS), id="transposed"),
    pytest.param((5, 17, 4, 2, 1, 0, 1, REPLICATE), id="transposed with a border"),
    pytest.param((5, 3, 2, 3, 0, 1, 1, ZEROS), id="transposed with pixels that nothing reaches"),
    pytest.param((20, 33, 1, 1, 0, 0, 0, ZEROS), id="1x1"),
]


def convolved(x: Floats, weight: Floats, layer: tuple[int, ...]) -> Floats:
    """(N, H, W, C) by the definition, one kernel place after another."""
    _, channels, kernel, stride, padding, extra, transposed, border = layer
    around = padding if not transposed else kernel
    mode: Any = ("constant", "reflect", "edge")[border]
    bordered = np.pad(x, ((0, 0), (around, around), (around, around), (0, 0)), mode=mode)
    batch, height, width, _ = x.shape
    if not transposed:
        sides = [(side + 2 * padding - kernel) // stride + 1 for side in (height, width)]
        y = np.zeros((batch, *sides, channels))
        for i, j in itertools.product(range(kernel), range(kernel)):
            seen = bordered[:, i : i + stride * sides[0] : stride, j : j + stride * sides[1] : stride]
            y += seen[:, : sides[0], : sides[1]] @ weight[:, :, i, j].T
        return y
    sides = [(side - 1) * stride - 2 * padding + kernel + extra for side in (height, width)]
    spread = np.zeros((batch, *((side + 2 * around) * stride + kernel for side in (height, width)), channels))
    for i, j in itertools.product(range(kernel), range(kernel)):
        rows, columns = (slice(at, at + stride * (side + 2 * around), stride) for at, side in ((i, height), (j, width)))
        spread[:, rows, columns] += bordered @ weight[:, :, i, j]
    first = around * stride + padding
    return spread[:, first : first + sides[0], first : first + sides[1]]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("size", [(4, 9), (21, 34)])
@pytest.mark.parametrize("layer", LAYERS)
def test_agrees_with_the_definition(
    kernels: ModuleType, layer: tuple[int, ...], size: tuple[int, int], dtype: str
) -> None:
    if dtype == "bfloat16" and not kernels.cpu.multiplies_bfloat16():
        pytest.skip("this processor does not multiply bfloat16")
    random = np.random.default_rng(0)
    x = encode(random.normal(size=(2, *size, layer[0])), dtype)
    channels = layer[:2] if layer[6] else (layer[1], layer[0])
    weight = random.normal(size=(*channels, layer[2], layer[2])).astype(np.float32)
    scale, shift = random.uniform(0.5, 1.5, size=(2, 2, layer[0])).astype(np.float32)
    bias = random.normal(size=layer[1]).astype(np.float32)
    y, y_scale, y_shift = kernels.cpu.packed_convolution(x, weight, layer, scale, shift, 0.2, bias, 1e-5)
    z = decode(x) * scale[:, None, None] + shift[:, None, None]
    expected = convolved(np.where(z > 0, z, 0.2 * z), weight.astype(np.float64), layer) + bias
    error = np.sqrt(np.mean((y - expected) ** 2) / np.mean(expected**2))
    assert error < (1e-5 if dtype == "float32" else 0.02)
    rstd = 1 / np.sqrt(y.astype(np.float64).var(axis=(1, 2)) + 1e-5)
    np.testing.assert_allclose(y_scale, rstd, rtol=1e-4)
    np.testing.assert_allclose(y_shift, -y.astype(np.float64).mean(axis=(1, 2)) * rstd, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("channels", [1, 16, 21])
def test_affine(kernels: ModuleType, channels: int, dtype: str) -> None:
    random = np.random.default_rng(0)
    x, residual = (encode(random.normal(size=(2, 3, 5, channels)), dtype) for _ in range(2))
    scale, shift = random.normal(size=(2, 2, channels)).astype(np.float32)
    y = kernels.cpu.affine(x, scale, shift, 0.0, residual)
    z = decode(x) * scale[:, None, None] + shift[:, None, None]
    expected = np.maximum(z, 0) + decode(residual)
    np.testing.assert_allclose(decode(y), expected, rtol=1e-5 if dtype == "float32" else 1e-2, atol=1e-5)
