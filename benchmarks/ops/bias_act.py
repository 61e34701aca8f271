r"""Time the pointwise pass between two convolutions of StyleGAN2 against PyTorch's operations.

    python benchmarks/ops/bias_act.py
    python benchmarks/ops/bias_act.py --variants plain --dtypes bf16

``layer``: demodulation, noise, bias, leaky ReLU, gain, clamp and the style of the next convolution; bias, strength of
the noise, demodulation and style have gradients. ``plain``: bias, leaky ReLU and gain, as in the discriminator.
``eager`` is the same, operation by operation, as NVIDIA's code computes it where its own kernel is not built.
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
from operators import Case, OperatorBenchmark, Subject, Variant, run

from imtrans.ops import bias_act

CLAMP = 256.0
"""As NVIDIA sets it for float16."""


def layer(case: Case, device: torch.device) -> Subject:
    """All that stands between two modulated convolutions."""
    batch, channels, height, width = case.shape
    noise = torch.randn(batch, 1, height, width, device=device).to(case.parameter(1, device=device).dtype)
    bias, strength = case.parameter(channels, device=device), case.parameter(1, device=device)
    scale, style = (case.parameter(batch, channels, device=device) for _ in range(2))

    def fused(x: Tensor, bias: Tensor, scale: Tensor, strength: Tensor, style: Tensor) -> Tensor:
        parts = {"scale": scale, "noise": noise, "noise_strength": strength, "next_style": style}
        return bias_act(x, bias, activation="lrelu", clamp=CLAMP, **parts)

    def eager(x: Tensor, bias: Tensor, scale: Tensor, strength: Tensor, style: Tensor) -> Tensor:
        z = torch.addcmul(strength * noise, x, scale[:, :, None, None]) + bias[:, None, None]
        y = (functional.leaky_relu(z, 0.2) * math.sqrt(2)).clamp(-CLAMP, CLAMP)
        return y * style[:, :, None, None]

    return Subject((case.feature_map(device), bias, scale, strength, style), fused, eager)


def plain(case: Case, device: torch.device) -> Subject:
    """Bias, leaky ReLU and gain."""
    bias = case.parameter(case.shape[1], device=device)

    def fused(x: Tensor, bias: Tensor) -> Tensor:
        return bias_act(x, bias, activation="lrelu")

    def eager(x: Tensor, bias: Tensor) -> Tensor:
        return functional.leaky_relu(x + bias[:, None, None], 0.2) * math.sqrt(2)

    return Subject((case.feature_map(device), bias), fused, eager)


PASSES = {"forward": 2, "backward": 3, "forward+backward": 5, "double backward": 11}
"""Nothing waits for a statistic, so every map is read once and written once."""

BENCHMARK = OperatorBenchmark(
    "bias_act",
    __doc__,
    {"layer": Variant(layer, PASSES), "plain": Variant(plain, PASSES)},
    shapes="8x512x16x16,4x256x64x64,2x64x256x256",
    shapes_on_cuda="8x512x16x16,8x512x64x64,8x128x256x256",
)

if __name__ == "__main__":
    leave(lambda arguments: run(BENCHMARK, arguments))
