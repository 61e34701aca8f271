r"""Time a convolution over reflected borders against PyTorch's own layers, and against one with zero padding.

    python benchmarks/ops/reflect_conv2d.py
    python benchmarks/ops/reflect_conv2d.py --device cuda --shapes 16x256x64x64 --dtypes bf16

``zero`` is the same convolution with zero padding, which costs a convolution nothing: ``ours`` is to take at most 3 %
more. ``eager`` is ``nn.ReflectionPad2d`` and the convolution. ``border`` is :func:`imtrans.ops.reflect_conv2d`, which
writes the border in a pass of its own; ``ours`` is the convolution that finds the border written by the layer before,
as in ``ReflectConv2d(padded=True)``: what it costs that layer is in the times of the normalisations.
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
from imtrans.ops import reflect_conv2d, reflect_pad, use_backend

SHAPES = "1x256x64x64,8x256x64x64,1x64x256x256"
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
LAYOUTS = {"nchw": torch.contiguous_format, "nhwc": torch.channels_last}
DIRECTIONS = ("forward", "forward+backward")
Convolve = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Case:
    """What one line of the table measures: a convolution from C to C channels that keeps the size."""

    shape: tuple[int, ...]
    kernel: int
    dtype: str
    layout: str
    direction: str

    @property
    def padding(self) -> int:
        """Pixels of the border."""
        return self.kernel // 2


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
    print(f"{'shape':>15} {'kernel':>6} {'type':>4} {'layout':>6} {'direction':>16}", end="")
    print("".join(f" {name:>8}" for name in _COLUMNS), "  µs (median)   eager/border  border/zero  ours/zero")
    lines = []
    for case in _cases(options):
        with use_backend("fused"):
            candidates = _candidates(case, device, options.compile)
            timings = compare(candidates, device, seconds=options.seconds, cpu_time=options.cpu_time)
        lines.append(_line(case, timings))
        _print(case, timings)
    path = options.output or ROOT / "benchmarks" / "results" / f"reflect_conv2d-{device.type}.json"
    write_json(path, {"surroundings": before, "lines": lines})
    print(f"written to {path}")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; by default what torch takes")
    parser.add_argument("--cpu-time", action="store_true", help="processor time; with --threads 1 on a busy machine")
    parser.add_argument("--shapes", default=SHAPES, help=f"NxCxHxW, separated by commas; by default {SHAPES}")
    parser.add_argument("--kernels", default="3", help="sides of the kernel, odd, separated by commas; by default 3")
    parser.add_argument("--dtypes", default="fp32,bf16", help=f"of {', '.join(DTYPES)}; by default fp32,bf16")
    parser.add_argument("--layouts", default="nhwc", help="of nchw and nhwc; by default nhwc")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each line of the table; by default 2")
    parser.add_argument("--no-compile", dest="compile", action="store_false", help="leave torch.compile out")
    parser.add_argument("--output", type=Path, help="by default benchmarks/results/reflect_conv2d-<device>.json")
    return parser.parse_args(arguments)


def _cases(options: argparse.Namespace) -> Iterator[Case]:
    shapes = [tuple(map(int, shape.split("x"))) for shape in options.shapes.split(",")]
    kernels = list(map(int, options.kernels.split(",")))
    choices = itertools.product(shapes, kernels, options.dtypes.split(","), options.layouts.split(","), DIRECTIONS)
    return itertools.starmap(Case, choices)


def _candidates(case: Case, device: torch.device, with_compile: bool) -> dict[str, Callable[[], object]]:
    torch.manual_seed(0)
    padding, channels, dtype = case.padding, case.shape[1], DTYPES[case.dtype]

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, device=device).to(dtype).contiguous(memory_format=LAYOUTS[case.layout])

    x, dy, weight = random(*case.shape), random(*case.shape), random(channels, channels, case.kernel, case.kernel)

    def eager(x: Tensor, weight: Tensor) -> Tensor:
        return functional.conv2d(functional.pad(x, (padding,) * 4, mode="reflect"), weight)

    functions: dict[str, Convolve] = {
        "zero": lambda x, weight: functional.conv2d(x, weight, padding=padding),
        "eager": eager,
        "border": lambda x, weight: reflect_conv2d(x, weight, padding=padding),
    }
    if with_compile:
        torch._dynamo.reset()
        functions["compiled"] = torch.compile(eager, dynamic=False)
    step = _forward if case.direction == "forward" else _forward_and_backward
    steps = {name: step(function, x, weight, dy) for name, function in functions.items()}
    return steps | {"ours": step(functional.conv2d, reflect_pad(x, padding), weight, dy)}


def _forward(function: Convolve, x: Tensor, weight: Tensor, dy: Tensor) -> Callable[[], object]:
    def run() -> Tensor:
        with torch.no_grad():
            return function(x, weight)

    return run


def _forward_and_backward(function: Convolve, x: Tensor, weight: Tensor, dy: Tensor) -> Callable[[], object]:
    leaves = [tensor.detach().requires_grad_() for tensor in (x, weight)]
    return lambda: torch.autograd.grad(function(*leaves), leaves, dy)


def _line(case: Case, timings: dict[str, Timing]) -> dict[str, Any]:
    return {**asdict(case), "seconds": {name: asdict(each) for name, each in timings.items()}, **_ratios(timings)}


def _ratios(timings: dict[str, Timing]) -> dict[str, float | None]:
    zero, border, compiled = timings["zero"].median, timings["border"].median, timings.get("compiled")
    return {
        "eager_over_border": timings["eager"].median / border,
        "compiled_over_border": compiled.median / border if compiled else None,
        "border_over_zero": border / zero,
        "ours_over_zero": timings["ours"].median / zero,
    }


def _print(case: Case, timings: dict[str, Timing]) -> None:
    ratios = _ratios(timings)
    times = [f"{timings[name].median * 1e6:8.0f}" if name in timings else " " * 8 for name in _COLUMNS]
    print(
        f"{'x'.join(map(str, case.shape)):>15} {case.kernel:>6} {case.dtype:>4} {case.layout:>6} {case.direction:>16}",
        *times,
        f"{ratios['eager_over_border']:27.2f}",
        f"{ratios['border_over_zero']:12.2f}",
        f"{ratios['ours_over_zero']:10.2f}",
        flush=True,
    )


_COLUMNS = ("zero", "ours", "border", "eager", "compiled")

if __name__ == "__main__":
    try:
        sys.exit(main())
    except ImtransError as error:
        sys.exit(f"error: {error}")
