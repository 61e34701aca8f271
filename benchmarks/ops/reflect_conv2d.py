r"""Time a convolution over reflected borders against PyTorch's own layers, and against one with zero padding.

    python benchmarks/ops/reflect_conv2d.py
    python benchmarks/ops/reflect_conv2d.py --device cuda --shapes 16x256x64x64 --dtypes bf16

A 3x3 convolution from C to C channels that keeps the size. ``fused`` is :func:`imtrans.ops.reflect_conv2d`, which
writes the border in a pass of its own; ``eager`` is reflection padding and the convolution. ``border given`` is the
convolution that finds the border written by the layer before, as in ``ReflectConv2d(padded=True)``: what it costs that
layer is in the times of the normalisations. ``zero padding`` is the same convolution with zeros around, which cost a
convolution nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from command_line import leave
from operators import Case, Computation, OperatorBenchmark, Subject, Variant, run

from imtrans.ops import reflect_conv2d, reflect_pad

PADDING = 1


def prepare(case: Case, device: torch.device) -> Subject:
    """A map, its kernels, and the map with its border."""
    channels = case.shape[1]
    x, weight = case.feature_map(device), case.feature_map(device, (channels, channels, 3, 3))

    def fused(x: Tensor, weight: Tensor) -> Tensor:
        return reflect_conv2d(x, weight, padding=PADDING)

    def eager(x: Tensor, weight: Tensor) -> Tensor:
        return functional.conv2d(functional.pad(x, (PADDING,) * 4, mode="reflect"), weight)

    def zero_padding(x: Tensor, weight: Tensor) -> Tensor:
        return functional.conv2d(x, weight, padding=PADDING)

    others = {
        "zero padding": Computation(zero_padding, (x, weight)),
        "border given": Computation(functional.conv2d, (reflect_pad(x, PADDING), weight)),
    }
    return Subject((x, weight), fused, eager, others)


BENCHMARK = OperatorBenchmark(
    "reflect_conv2d",
    __doc__,
    {"3x3": Variant(prepare, passes=None)},
    layouts="nhwc",
    directions="forward,forward+backward",
)

if __name__ == "__main__":
    leave(lambda arguments: run(BENCHMARK, arguments))
