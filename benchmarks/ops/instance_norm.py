r"""Time the fused instance norm with ReLU and reflected border against PyTorch's own.

    python benchmarks/ops/instance_norm.py
    python benchmarks/ops/instance_norm.py --device cuda --shapes 16x256x64x64 --no-compile

``eager`` is what a network has to run without imtrans: ``F.pad(F.relu(F.instance_norm(x)), mode="reflect")``, and for
channels-last maps the way back to channels-last, because ``F.instance_norm`` returns contiguous ones. The border is
one pixel wide, for the 3x3 convolution that follows.
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

from imtrans.ops import instance_norm


def padded(pad: int) -> Callable[[Case, torch.device], Subject]:
    """Instance norm and ReLU, then a reflected border of ``pad`` pixels."""

    def prepare(case: Case, device: torch.device) -> Subject:
        def fused(x: Tensor) -> Tensor:
            return instance_norm(x, activation="relu", pad=pad)

        def eager(x: Tensor) -> Tensor:
            y = functional.relu(functional.instance_norm(x), inplace=True)
            return case.in_layout(functional.pad(y, (pad,) * 4, mode="reflect") if pad else y)

        return Subject((case.feature_map(device),), fused, eager)

    return prepare


BENCHMARK = OperatorBenchmark("instance_norm", __doc__, {"relu+pad": Variant(padded(1)), "relu": Variant(padded(0))})

if __name__ == "__main__":
    leave(lambda arguments: run(BENCHMARK, arguments))
