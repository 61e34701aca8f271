r"""Time the fused instance norm with ReLU against PyTorch's own, eager and compiled, and against a copy.

    python benchmarks/ops/instance_norm.py
    python benchmarks/ops/instance_norm.py --device cuda --shapes 16x256x64x64 --no-compile

``eager`` is what a network in the same layout has to run: ``F.relu(F.instance_norm(x))``, and for channels-last maps
the way back to channels-last, because ``F.instance_norm`` returns contiguous ones. ``of copy`` is the share of the
bandwidth of ``y.copy_(x)`` that the fused operator reaches, counting the passes over memory that it needs: 3 forward,
5 more backward.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from timing import ROOT, Timing, compare, surroundings, write_json

from imtrans.errors import DeviceError, ImtransError
from imtrans.ops import instance_norm, use_backend

SHAPES = "2x128x32x32,2x64x128x128,8x64x128x128"
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
LAYOUTS = {"nchw": torch.contiguous_format, "nhwc": torch.channels_last}
PASSES = {"forward": 3, "forward+backward": 8}
"""How often a feature map has to cross the memory bus: read twice and written, and read four times and written."""


@dataclass(frozen=True)
class Case:
    """What one line of the table measures."""

    shape: tuple[int, ...]
    dtype: str
    layout: str
    direction: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, write the results."""
    options = _options(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise DeviceError("there is no CUDA device here.", hint="Leave --device out to measure the CPU.")
    before = surroundings(device) | {"clock": "processor" if options.cpu_time else "wall"}
    print(", ".join(f"{name} {value}" for name, value in before.items()))
    print(f"{'shape':>15} {'type':>4} {'layout':>6} {'direction':>16} {'copy':>8} {'fused':>8} {'eager':>8}", end="")
    print(f" {'compiled':>8}  µs (median)   eager/fused  compiled/fused  of copy")
    lines = []
    for case in _cases(options):
        with use_backend("fused"):
            candidates = _candidates(case, device, options.compile)
            timings = compare(candidates, device, seconds=options.seconds, cpu_time=options.cpu_time)
        lines.append(_line(case, timings))
        _print(case, timings)
    name = f"instance_norm-{device.type}.json"
    path = options.output or ROOT / "benchmarks" / "results" / name
    write_json(path, {"surroundings": before, "lines": lines})
    print(f"written to {path}")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; by default what torch takes")
    parser.add_argument("--cpu-time", action="store_true", help="processor time; with --threads 1 on a busy machine")
    parser.add_argument("--shapes", default=SHAPES, help=f"NxCxHxW, separated by commas; by default {SHAPES}")
    parser.add_argument("--dtypes", default="fp32,bf16", help=f"of {', '.join(DTYPES)}; by default fp32,bf16")
    parser.add_argument("--layouts", default="nchw,nhwc")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each line of the table; by default 2")
    parser.add_argument("--no-compile", dest="compile", action="store_false", help="leave torch.compile out")
    parser.add_argument("--output", type=Path, help="by default benchmarks/results/instance_norm-<device>.json")
    return parser.parse_args(arguments)


def _cases(options: argparse.Namespace) -> Iterator[Case]:
    shapes = [tuple(map(int, shape.split("x"))) for shape in options.shapes.split(",")]
    choices = itertools.product(shapes, options.dtypes.split(","), options.layouts.split(","), PASSES)
    return itertools.starmap(Case, choices)


def _candidates(case: Case, device: torch.device, with_compile: bool) -> dict[str, Callable[[], object]]:
    torch.manual_seed(0)
    memory_format = LAYOUTS[case.layout]
    x, dy = (
        torch.randn(case.shape, device=device).to(DTYPES[case.dtype]).contiguous(memory_format=memory_format)
        for _ in range(2)
    )
    y = torch.empty_like(x)

    def eager(x: Tensor) -> Tensor:
        return functional.relu(functional.instance_norm(x)).contiguous(memory_format=memory_format)

    functions: dict[str, Callable[[Tensor], Tensor]] = {
        "fused": lambda x: instance_norm(x, activation="relu"),
        "eager": eager,
    }
    if with_compile:
        torch._dynamo.reset()
        functions["compiled"] = torch.compile(eager, dynamic=False)
    step = _forward if case.direction == "forward" else _forward_and_backward
    return {"copy": lambda: y.copy_(x)} | {name: step(function, x, dy) for name, function in functions.items()}


def _forward(function: Callable[[Tensor], Tensor], x: Tensor, dy: Tensor) -> Callable[[], object]:
    def run() -> Tensor:
        with torch.no_grad():
            return function(x)

    return run


def _forward_and_backward(function: Callable[[Tensor], Tensor], x: Tensor, dy: Tensor) -> Callable[[], object]:
    leaf = x.detach().requires_grad_()
    return lambda: torch.autograd.grad(function(leaf), leaf, dy)


def _line(case: Case, timings: dict[str, Timing]) -> dict[str, Any]:
    return {**asdict(case), "seconds": {name: asdict(each) for name, each in timings.items()}, **_ratios(case, timings)}


def _ratios(case: Case, timings: dict[str, Timing]) -> dict[str, float | None]:
    fused, compiled = timings["fused"].median, timings.get("compiled")
    return {
        "eager_over_fused": timings["eager"].median / fused,
        "compiled_over_fused": compiled.median / fused if compiled else None,
        "share_of_copy_bandwidth": PASSES[case.direction] / 2 * timings["copy"].median / fused,
    }


def _print(case: Case, timings: dict[str, Timing]) -> None:
    ratios = _ratios(case, timings)
    times = [f"{timings[name].median * 1e6:8.0f}" if name in timings else " " * 8 for name in _COLUMNS]
    compiled = ratios["compiled_over_fused"]
    print(
        f"{'x'.join(map(str, case.shape)):>15} {case.dtype:>4} {case.layout:>6} {case.direction:>16}",
        *times,
        f"{ratios['eager_over_fused']:26.1f}",
        f"{compiled:15.1f}" if compiled is not None else " " * 15,
        f"{ratios['share_of_copy_bandwidth']:8.0%}",
        flush=True,
    )


_COLUMNS = ("copy", "fused", "eager", "compiled")

if __name__ == "__main__":
    try:
        sys.exit(main())
    except ImtransError as error:
        sys.exit(f"error: {error}")
