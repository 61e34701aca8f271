"""Calls every kernel once for each kind of size, for a run under a sanitizer: ``python exercise.py MODULE.so``.

Only numpy is imported, because torch's libraries are not built for sanitizers. Every array is an allocation of its own,
so an access beyond its end is found.
"""

from __future__ import annotations

import importlib.util
import itertools
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

EPS = 1e-5
# Batch, channels, height, width, border.
SIZES = [(1, 1, 1, 1, 0), (2, 16, 4, 5, 3), (1, 13, 7, 7, 1), (1, 72, 1, 5, 0), (1, 8, 40, 16, 2)]


def load(path: str) -> Any:
    """The module in the file ``path``."""
    spec = importlib.util.spec_from_file_location("imtrans_kernels", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Call:
    """Inputs that depend on the fields only."""

    size: tuple[int, int, int, int, int]
    channels_last: bool
    dtype: str
    affine: bool
    """Whether there are parameters (one for each image), a residual and what stands against their gradients."""

    def shape(self, pad: int = 0) -> tuple[int, int, int, int]:
        """Of a map with ``pad`` pixels around it."""
        batch, channels, height, width, _ = self.size
        sides = (height + 2 * pad, width + 2 * pad)
        return (batch, *sides, channels) if self.channels_last else (batch, channels, *sides)

    def map(self, seed: int, pad: int = 0) -> Any:
        """A random map; a bfloat16 is the upper half of a float32."""
        values = np.random.default_rng(seed).normal(size=self.shape(pad)).astype(np.float32)
        if self.dtype == "bfloat16":
            return (values.view(np.uint32) >> 16).astype(np.uint16)
        return values.astype(self.dtype)

    def numbers(self, seed: int, per_image: bool = True) -> Any:
        """Random numbers for each channel of each image, or of all images."""
        real = np.float64 if self.dtype == "float64" else np.float32
        batch, channels, *_ = self.size
        return np.random.default_rng(seed).normal(size=(batch, channels) if per_image else channels).astype(real)


def instance_norm(device: Any, call: Call) -> list[Any]:
    """All outputs of its three kernels."""
    pad, given = call.size[4], call.affine
    slope = 0.2 if given else 1.0
    x, dy, residual = call.map(1), call.map(2, pad), call.map(3, pad) if given else None
    weight, bias, ddweight, ddbias = (call.numbers(seed) if given else None for seed in range(4))
    y, mean, rstd = device.instance_norm(x, weight, bias, residual, slope, EPS, pad, call.channels_last)
    rest = (dy, x, weight, bias, mean, rstd, slope, pad)
    first = device.instance_norm_backward(*rest, given, call.channels_last)
    against = (call.map(4), call.map(5) if given else None, ddweight, ddbias)
    second = device.instance_norm_backward_backward(*against, *rest, call.channels_last)
    return [y, mean, rstd, *first, *second]


def adalin(device: Any, call: Call) -> list[Any]:
    """All outputs of its three kernels."""
    pad, given = call.size[4], call.affine
    slope = 0.2 if given else 1.0
    x, dy, residual = call.map(1), call.map(2, pad), call.map(3, pad) if given else None
    own = (call.numbers(1, False), call.numbers(2, given), call.numbers(3, given))
    directions = (call.numbers(4, False), call.numbers(5, given), call.numbers(6, given)) if given else (None,) * 3
    y, statistics = device.adalin(x, *own, residual, slope, EPS, pad, call.channels_last)
    rest = (dy, x, *own, statistics, slope, pad)
    first = device.adalin_backward(*rest, given, call.channels_last)
    against = (call.map(4), call.map(5) if given else None, *directions)
    second = device.adalin_backward_backward(*against, *rest, call.channels_last)
    return [y, statistics, *first, *second]


def moments(device: Any, call: Call) -> list[Any]:
    """All outputs of its three kernels."""
    x = call.map(1)
    dmean, dstd = (call.numbers(seed) if call.affine else None for seed in (2, 3))
    found = device.moments(x, EPS, call.channels_last)
    dx = device.moments_backward(dmean, dstd, x, *found, call.channels_last)
    return [*found, dx, *device.moments_backward_backward(call.map(4), dstd, x, *found, call.channels_last)]


def compare(kernels: Any, function: Any, call: Call) -> None:
    """The CPU kernels and the CUDA kernels on the host, with each other."""
    on_cuda = function(kernels.cuda, call) if hasattr(kernels.cuda, function.__name__) else None
    on_cpu = function(kernels.cpu, call) if call.dtype != "float16" else None
    if on_cuda is None or on_cpu is None:
        return
    for one, other in zip(on_cpu, on_cuda, strict=True):
        if call.dtype != "bfloat16" or one.dtype == np.float32:
            scale = max(1.0, float(np.abs(other).max(initial=0)))
            # The CPU rounds a folded border to bfloat16 before it goes on.
            tolerance = 1e-2 if call.dtype == "bfloat16" else 2e-3
            assert np.abs(one - other).max(initial=0) < tolerance * scale, (function.__name__, call)


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


def bias_act(device: Any, call: Call) -> list[Any]:
    """All outputs of its three kernels, with all parts and with none."""
    batch, channels, height, width = call.size[:4]
    random, real = np.random.default_rng(0), np.float64 if call.dtype == "float64" else np.float32

    def numbers(*shape: int) -> Any:
        return random.normal(size=shape).astype(real) if call.affine else None

    each = (batch, channels)
    parts = numbers(*each), numbers(channels), numbers(batch, height, width), numbers(1), numbers(*each)
    rest = (call.map(1), *parts, 0.2, 1.5, 2.0, call.channels_last)
    dx, sums = device.bias_act_backward(call.map(2), *rest)
    second = device.bias_act_backward_backward(call.map(3), numbers(4, *each), call.map(2), *rest)
    return [device.bias_act(*rest), dx, sums, *second]


def compare_resampling(kernels: Any) -> None:
    """Larger, smaller, cropped, with filters that fit in and that hang over."""
    random = np.random.default_rng(0)
    numbers = [(1, 1, 1, 1, 2, 1, 2, 1), (2, 3, 1, 1, 2, 1, -1, 3), (1, 1, 2, 2, 1, 1, 1, 1), (3, 2, 2, 3, 4, 0, -2, 2)]
    for own, channels, channels_last in itertools.product(numbers, (1, 3, 17, 64), (True, False)):
        sizes = (2, 6, 37, channels) if channels_last else (2, channels, 6, 37)
        for dtype in (np.float32, np.float64, np.float16):
            x, f = random.normal(size=sizes).astype(dtype), random.normal(size=(3, 4))
            f = f if dtype == np.float64 else f.astype(np.float32)
            y = kernels.cuda.upfirdn2d(x, f, *own, False, 1.0, channels_last)
            if dtype != np.float16:
                other = kernels.cpu.upfirdn2d(x, f, *own, False, 1.0, channels_last)
                assert np.abs(y - other).max() < 1e-4, (own, channels)


def compare_factored_resampling(kernels: Any) -> None:
    """The same with a filter that is a product, at sizes about those of the blocks in which it is taken."""
    random = np.random.default_rng(0)
    numbers = [
        (1, 1, 1, 1, 2, 1, 2, 1),
        (2, 2, 1, 1, 2, 1, -1, 3),
        (1, 1, 2, 2, 1, 1, 5, 0),
        (1, 1, 2, 2, -1, 1, 1, -1),
    ]
    for own, channels, height in itertools.product(numbers, (8, 17, 421), (4, 5, 9)):
        for dtype in (np.float32, np.float64):
            x, f = random.normal(size=(2, height, 7, channels)).astype(dtype), np.outer(*random.normal(size=(2, 4)))
            f = f if dtype == np.float64 else f.astype(np.float32)
            y, other = (each.upfirdn2d(x, f, *own, False, 1.0, True) for each in (kernels.cuda, kernels.cpu))
            assert np.abs(y - other).max() < 1e-4, (own, channels)


def measure_lengths(kernels: Any) -> None:
    """Every kind of vector; the tests compare the values."""
    random = np.random.default_rng(0)
    for channels, taps, channels_last in itertools.product((1, 16, 17, 70), (1, 3), (True, False)):
        shape = (5, taps, taps, channels) if channels_last else (5, channels, taps, taps)
        for dtype, real in ((np.float32, np.float32), (np.float64, np.float64), (np.uint16, np.float32)):
            weight, squares = random.uniform(0, 99, shape).astype(dtype), np.ones((3, channels), real)
            assert np.isfinite(kernels.cpu.squared_lengths(weight, squares, channels_last)).all()


def main(path: str) -> None:
    """Call everything."""
    kernels = load(path)
    convolve(kernels)
    compare_padding(kernels)
    compare_resampling(kernels)
    compare_factored_resampling(kernels)
    measure_lengths(kernels)
    kinds = [("float32", True), ("float32", False), ("bfloat16", True), ("float64", True), ("float16", True)]
    for size, channels_last, (dtype, affine) in itertools.product(SIZES, (True, False), kinds):
        for function in (instance_norm, adalin, moments, bias_act):
            compare(kernels, function, Call(size, channels_last, dtype, affine))
    print("ok")


if __name__ == "__main__":
    main(sys.argv[1])
