"""Calls every kernel once for each kind of size, for a run under a sanitizer: ``python exercise.py MODULE.so``.

Only numpy is imported, because torch's libraries are not built for sanitizers. Every array is an allocation of its own,
so an access beyond its end is found.
"""

from __future__ import annotations

import importlib.util
import itertools
import sys
from typing import Any

import numpy as np

EPS = 1e-5
SIZES = [(1, 1, 1), (2, 16, 20), (1, 13, 49), (1, 72, 5), (1, 8, 641)]


def load(path: str) -> Any:
    """The module in the file ``path``."""
    spec = importlib.util.spec_from_file_location("imtrans_kernels", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def call_all(device: Any, shape: tuple[int, int, int], channels_last: bool, dtype: str, affine: bool) -> list[Any]:
    """All nine outputs for inputs that depend on the arguments only."""
    random = np.random.default_rng(0)
    batch, channels, pixels = shape
    sizes = (batch, pixels, channels) if channels_last else shape
    # A float32 in the upper half of which a bfloat16 lies.
    maps = [random.normal(size=sizes).astype(np.float32) for _ in range(4)]
    if dtype == "bfloat16":
        maps = [(each.view(np.uint32) >> 16).astype(np.uint16) for each in maps]
    x, residual, dy, ddx = (each.astype(dtype) if dtype != "bfloat16" else each for each in maps)
    real = np.float64 if dtype == "float64" else np.float32
    parameters = [random.normal(size=channels).astype(real) if affine else None for _ in range(4)]
    weight, bias, ddweight, ddbias = parameters
    slope = 0.2 if affine else 1.0
    y, mean, rstd = device.instance_norm(x, weight, bias, residual if affine else None, slope, EPS, channels_last)
    rest = (x, weight, bias, mean, rstd, slope, channels_last)
    first = device.instance_norm_backward(dy, *rest)
    return [y, mean, rstd, *first, *device.instance_norm_backward_backward(ddx, ddweight, ddbias, dy, *rest)]


def convolve(kernels: Any) -> None:
    """Every kind of packed convolution; the tests compare their values."""
    random = np.random.default_rng(0)
    layers = [
        (17, 130, 3, 1, 1, 0, 0, 1),
        (3, 18, 7, 1, 3, 0, 0, 1),
        (18, 3, 7, 1, 3, 0, 0, 2),
        (5, 17, 4, 3, 1, 0, 0, 0),
        (5, 17, 3, 2, 1, 1, 1, 0),
        (5, 3, 2, 3, 0, 1, 1, 2),
    ]
    for layer, size in itertools.product(layers, ((4, 5), (9, 61))):
        weight = random.normal(size=layer[0] * layer[1] * layer[2] ** 2).astype(np.float32)
        scale, shift = random.normal(size=(2, layer[0])).astype(np.float32)
        x = random.normal(size=(1, *size, layer[0])).astype(np.float32)
        maps = [x, (x.view(np.uint32) >> 16).astype(np.uint16)] if kernels.cpu.multiplies_bfloat16() else [x]
        for each in maps:
            y, *_ = kernels.cpu.packed_convolution(each, weight, layer, scale, shift, 0.0, None, EPS)
            assert np.isfinite(y).all(), layer
            kernels.cpu.affine(each, scale, shift, 0.2, each)


def compare_padding(kernels: Any) -> None:
    """Pad and fold on both; they add in the same order, so even the bits agree."""
    random = np.random.default_rng(0)
    for pad, channels, channels_last in itertools.product((1, 3), (1, 13, 72), (True, False)):
        sizes = (2, pad + 1, pad + 9, channels) if channels_last else (2, channels, pad + 1, pad + 9)
        for dtype in (np.float32, np.float64, np.float16):
            x = random.normal(size=sizes).astype(dtype)
            y = kernels.cpu.reflect_pad(x, pad, channels_last)
            assert np.array_equal(y, kernels.cuda.reflect_pad(x, pad, channels_last))
            folded = kernels.cuda.reflect_fold(y, pad, channels_last)
            if dtype != np.float16:
                assert np.array_equal(folded, kernels.cpu.reflect_fold(y, pad, channels_last))


def main(path: str) -> None:
    """Compare the CPU kernels and the CUDA kernels on the host with each other."""
    kernels = load(path)
    convolve(kernels)
    compare_padding(kernels)
    kinds = [("float32", True), ("float32", False), ("bfloat16", True), ("float64", True), ("float16", True)]
    for size, channels_last, (dtype, affine) in itertools.product(SIZES, (True, False), kinds):
        case = (size, channels_last, dtype, affine)
        on_cuda = call_all(kernels.cuda, *case)
        if dtype == "float16":
            continue
        for one, other in zip(call_all(kernels.cpu, *case), on_cuda, strict=True):
            if dtype != "bfloat16" or one.dtype == np.float32:
                scale = max(1.0, float(np.abs(other).max(initial=0)))
                assert np.abs(one - other).max(initial=0) < 2e-3 * scale, case
    print("ok")


if __name__ == "__main__":
    main(sys.argv[1])
