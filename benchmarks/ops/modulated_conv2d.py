r"""Time StyleGAN2's modulated convolution block against the forms of it that PyTorch offers.

    python benchmarks/ops/modulated_conv2d.py
    python benchmarks/ops/modulated_conv2d.py --device cuda --shapes 8x512x32x32 --dtypes bf16

A 3x3 convolution from C to C channels with modulation, demodulation, noise, bias and leaky ReLU. ``eager`` makes a
weight for each image and convolves with a group for each, as the paper's authors and most others do; ``scaled maps``
scales the maps before and after one convolution, as NVIDIA's code does in training, still with a weight for each image
to demodulate by. ``convolution`` is the bare convolution, which all of them contain.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from command_line import leave
from operators import Case, Computation, OperatorBenchmark, Subject, Variant, run

from imtrans.ops import modulated_conv2d


def prepare(case: Case, device: torch.device) -> Subject:
    """A map, the shared weight, the styles, and what comes after."""
    batch, channels, height, width = case.shape
    x, weight = case.feature_map(device), case.feature_map(device, (channels, channels, 3, 3))
    styles, bias = 0.5 + case.parameter(batch, channels, device=device), case.parameter(channels, device=device)
    noise = torch.randn(height, width, device=device).to(x.dtype)

    def fused(x: Tensor, weight: Tensor, styles: Tensor, bias: Tensor) -> Tensor:
        return modulated_conv2d(x, weight, styles, bias, noise=noise, activation="lrelu", padding=1)

    def finished(y: Tensor, bias: Tensor) -> Tensor:
        return case.in_layout(functional.leaky_relu(y + noise + bias[:, None, None], 0.2) * math.sqrt(2))

    def eager(x: Tensor, weight: Tensor, styles: Tensor, bias: Tensor) -> Tensor:
        kernels, d = each_weight(weight, styles)
        kernels = kernels * d[:, :, None, None, None]
        grouped = x.reshape(1, batch * channels, height, width)
        y = functional.conv2d(grouped, kernels.flatten(0, 1), padding=1, groups=batch)
        return finished(y.reshape(x.shape), bias)

    def scaled_maps(x: Tensor, weight: Tensor, styles: Tensor, bias: Tensor) -> Tensor:
        d = each_weight(weight, styles)[1]
        y = functional.conv2d(x * styles[:, :, None, None], weight, padding=1)
        return finished(y * d[:, :, None, None], bias)

    def convolution(x: Tensor, weight: Tensor) -> Tensor:
        return functional.conv2d(x, weight, padding=1)

    inputs = x, weight, styles, bias
    others = {
        "scaled maps": Computation(scaled_maps, inputs),
        "convolution": Computation(convolution, (x, weight)),
    }
    return Subject(inputs, fused, eager, others)


def each_weight(weight: Tensor, styles: Tensor) -> tuple[Tensor, Tensor]:
    """Modulated weights (N, O, I, kH, kW), and what demodulates them (N, O)."""
    kernels = weight[None] * styles[:, None, :, None, None]
    return kernels, torch.rsqrt(kernels.float().square().sum((2, 3, 4)) + 1e-8).to(weight.dtype)


BENCHMARK = OperatorBenchmark(
    "modulated_conv2d",
    __doc__,
    {"3x3": Variant(prepare, passes=None)},
    shapes="2x512x16x16,8x512x16x16,4x256x64x64,2x64x256x256",
    shapes_on_cuda="8x512x16x16,8x512x32x32,8x512x64x64,8x128x256x256",
    layouts="nhwc",
    directions="forward,forward+backward,double backward",
)

if __name__ == "__main__":
    leave(lambda arguments: run(BENCHMARK, arguments))
