r"""Time the fused AdaLIN with ReLU against the formula in PyTorch.

    python benchmarks/ops/adalin.py
    python benchmarks/ops/adalin.py --device cuda --directions forward,forward+backward

``eager`` is U-GAT-IT's formula as its authors compute it: means and unbiased variances over each channel and over the
whole image, both normalisations, their mix by rho, scale and shift, one operation after another. All inputs have
gradients: the maps, rho of shape (C,), gamma and beta of shape (N, C). Kim et al., U-GAT-IT, 2020, equation 1,
https://arxiv.org/abs/1907.10830.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from command_line import leave
from operators import Case, OperatorBenchmark, Subject, Variant, run

from imtrans.ops import adalin

EPS = 1e-5


def padded(pad: int) -> Callable[[Case, torch.device], Subject]:
    """AdaLIN and ReLU, then a reflected border of ``pad`` pixels."""

    def prepare(case: Case, device: torch.device) -> Subject:
        images, channels = case.shape[:2]
        rho = case.parameter(channels, device=device)
        gamma, beta = (case.parameter(images, channels, device=device) for _ in range(2))

        def fused(x: Tensor, rho: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
            return adalin(x, rho, gamma, beta, activation="relu", eps=EPS, pad=pad)

        def eager(x: Tensor, rho: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
            y = functional.relu(plain_adalin(x, rho, gamma, beta), inplace=True)
            return case.in_layout(functional.pad(y, (pad,) * 4, mode="reflect") if pad else y)

        return Subject((case.feature_map(device), rho, gamma, beta), fused, eager)

    return prepare


def plain_adalin(x: Tensor, rho: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """The formula, operation by operation: four statistics and nine pointwise operations over maps."""
    by_channel, by_image = (2, 3), (1, 2, 3)
    instance_mean, instance_var = x.mean(by_channel, keepdim=True), x.var(by_channel, keepdim=True)
    layer_mean, layer_var = x.mean(by_image, keepdim=True), x.var(by_image, keepdim=True)
    instance = (x - instance_mean) / torch.sqrt(instance_var + EPS)
    layer = (x - layer_mean) / torch.sqrt(layer_var + EPS)
    rho = rho.view(1, -1, 1, 1)
    mixed = rho * instance + (1 - rho) * layer
    return mixed * gamma[:, :, None, None] + beta[:, :, None, None]


BENCHMARK = OperatorBenchmark("adalin", __doc__, {"relu": Variant(padded(0)), "relu+pad": Variant(padded(1))})

if __name__ == "__main__":
    leave(lambda arguments: run(BENCHMARK, arguments))
