r"""Time the fused AdaIN against the formula in PyTorch.

    python benchmarks/ops/adain.py
    python benchmarks/ops/adain.py --variants style --dtypes bf16

``style``: content maps get the means and deviations of style maps of the same size, with unbiased variances and eps
inside the root (Huang and Belongie, 2017, equation 8, https://arxiv.org/abs/1703.06868); ``eager`` is that formula.
``affine``: scale and shift of shape (N, C) are given, as an affine layer gives them in StyleGAN; ``eager`` is
``F.instance_norm``, a product and a sum. Inputs all have gradients.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from command_line import leave
from operators import Case, OperatorBenchmark, Subject, Variant, run

from imtrans.ops import adain, adain_affine

EPS = 1e-5


def style(case: Case, device: torch.device) -> Subject:
    """Statistics of a style's feature map."""

    def eager(content: Tensor, style: Tensor) -> Tensor:
        content_mean, content_std = mean_and_std(content)
        style_mean, style_std = mean_and_std(style)
        return (content - content_mean) / content_std * style_std + style_mean

    def fused(content: Tensor, style: Tensor) -> Tensor:
        return adain(content, style, eps=EPS)

    return Subject((case.feature_map(device), 3 * case.feature_map(device) + 1), fused, eager)


def mean_and_std(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each channel of each image, with two dimensions of one pixel."""
    return x.mean((2, 3), keepdim=True), torch.sqrt(x.var((2, 3), keepdim=True) + EPS)


def affine(case: Case, device: torch.device) -> Subject:
    """Scale and shift of each image, computed elsewhere."""
    scale, shift = (case.parameter(*case.shape[:2], device=device) for _ in range(2))

    def eager(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        y = functional.instance_norm(x, eps=EPS)
        return case.in_layout(y * scale[:, :, None, None] + shift[:, :, None, None])

    def fused(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        return adain_affine(x, scale, shift, eps=EPS)

    return Subject((case.feature_map(device), scale, shift), fused, eager)


STYLE_PASSES = {"forward": 4, "backward": 7, "forward+backward": 11, "double backward": 19}
"""The style's map is read once; its gradient reads it and writes, and so does that of the content's gradient."""

BENCHMARK = OperatorBenchmark(
    "adain", __doc__, {"style": Variant(style, STYLE_PASSES), "affine": Variant(affine)}, layouts="nhwc"
)

if __name__ == "__main__":
    leave(lambda arguments: run(BENCHMARK, arguments))
