r"""Time FIR resampling with StyleGAN2's filter of 4 x 4 taps against PyTorch's operations.

    python benchmarks/ops/upfirdn2d.py
    python benchmarks/ops/upfirdn2d.py --variants up --layouts nchw

``filter`` keeps the size of the map, ``up`` doubles its sides and ``down`` halves them. ``eager`` is what NVIDIA's code
does where its own kernel is not built: zeros between the pixels, padding, a convolution with a group for each channel,
and every second pixel of the result.
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

from imtrans.ops import setup_filter, upfirdn2d

TAPS = (1, 3, 3, 1)


def resampled(up: int, down: int, padding: tuple[int, int]) -> Callable[[Case, torch.device], Subject]:
    """The same factors and paddings along both axes."""

    def prepare(case: Case, device: torch.device) -> Subject:
        f = setup_filter(TAPS, device=device)

        def fused(x: Tensor) -> Tensor:
            return upfirdn2d(x, f, up=up, down=down, padding=(*padding, *padding), gain=up**2)

        def eager(x: Tensor) -> Tensor:
            batch, channels, height, width = x.shape
            if up > 1:
                spread = functional.pad(x.reshape(batch, channels, height, 1, width, 1), (0, up - 1, 0, 0, 0, up - 1))
                x = spread.reshape(batch, channels, height * up, width * up)
            x = case.in_layout(functional.pad(x, (*padding, *padding)))
            kernels = (f * up**2).to(x.dtype).flip((0, 1)).expand(channels, 1, *f.shape)
            return case.in_layout(functional.conv2d(x, kernels, groups=channels)[:, :, ::down, ::down])

        return Subject((case.feature_map(device),), fused, eager)

    return prepare


def passes(result: float) -> dict[str, float]:
    """The map is read, and y, of ``result`` times its size, written; the other way round; and once more for R1."""
    once = 1 + result
    return {"forward": once, "backward": once, "forward+backward": 2 * once, "double backward": 3 * once}


BENCHMARK = OperatorBenchmark(
    "upfirdn2d",
    __doc__,
    {
        "filter": Variant(resampled(1, 1, (2, 1)), passes(1)),
        "up": Variant(resampled(2, 1, (2, 1)), passes(4)),
        "down": Variant(resampled(1, 2, (1, 1)), passes(0.25)),
    },
    shapes="8x512x16x16,4x256x64x64,2x64x256x256",
    shapes_on_cuda="8x512x16x16,8x512x64x64,8x128x256x256",
    directions="forward,forward+backward",
)

if __name__ == "__main__":
    leave(lambda arguments: run(BENCHMARK, arguments))
