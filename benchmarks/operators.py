"""How every operator is measured; a script in ``ops/`` states what is particular to its operator and calls :func:`run`.

Compared are the *fused* operator, *eager*: what PyTorch offers without it, and *compiled*: eager under torch.compile.
All get the same tensors and leave their result in the layout of their input, because a network in that layout needs it
so. *copy* is ``y.copy_(x)`` for a feature map of the same shape, taken in the same turns. The share of the copy's
bandwidth that the fused operator reaches counts the passes over memory that it cannot do without.
"""

from __future__ import annotations

import argparse
import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from clocks import Clock, Function
from command_line import begin, list_of, parser_for, results_file, shapes
from surroundings import surroundings, write_json
from timing import Comparison, clocks_for, compare
from torch import Tensor

from imtrans.errors import BackendError
from imtrans.ops import use_backend

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
LAYOUTS = {"nhwc": torch.channels_last, "nchw": torch.contiguous_format}
PASSES = {"forward": 3, "backward": 5, "forward+backward": 8, "double backward": 16}
"""How often a feature map has to cross the memory bus where an operator takes statistics of it: read twice and written;
four reads and one write for the gradient; for R1, six reads and two writes more for the gradient's gradients."""
DIRECTIONS = tuple(PASSES)
TOLERANCES = {"fp32": 1e-3, "bf16": 5e-2, "fp16": 1e-2}
"""Largest difference between fused and eager, in units of eager's largest value, at which both still do the same."""


@dataclass(frozen=True)
class Case:
    """What one line of the table measures."""

    shape: tuple[int, ...]
    dtype: str
    layout: str
    variant: str
    direction: str

    def feature_map(self, device: torch.device, shape: Sequence[int] | None = None) -> Tensor:
        """Normally distributed numbers of the case's shape (or another), type and layout."""
        numbers = torch.randn(tuple(shape or self.shape), device=device).to(DTYPES[self.dtype])
        return numbers.contiguous(memory_format=LAYOUTS[self.layout])

    def parameter(self, *shape: int, device: torch.device) -> Tensor:
        """Numbers in [0, 1) of the case's type, for scales and shifts."""
        return torch.rand(shape, device=device).to(DTYPES[self.dtype])

    def in_layout(self, y: Tensor) -> Tensor:
        """``y`` in the layout of the case, copied if it lies otherwise."""
        return y.contiguous(memory_format=LAYOUTS[self.layout])

    def __str__(self) -> str:
        return f"{'x'.join(map(str, self.shape))} {self.dtype} {self.layout} {self.variant} {self.direction}"


@dataclass(frozen=True)
class Computation:
    """A function with the tensors that it takes and that are differentiated, and it gives one feature map."""

    function: Callable[..., Tensor]
    inputs: tuple[Tensor, ...]


@dataclass(frozen=True)
class Subject:
    """The same computation twice; both functions take ``inputs`` and give one feature map."""

    inputs: tuple[Tensor, ...]
    """The feature map first, then whatever else is differentiated."""
    fused: Callable[..., Tensor]
    eager: Callable[..., Tensor]
    others: Mapping[str, Computation] = field(default_factory=dict)
    """Further columns of the table, which compute something else of the same shape."""


@dataclass(frozen=True)
class Variant:
    """One way of using the operator."""

    prepare: Callable[[Case, torch.device], Subject]
    passes: Mapping[str, int] | None = field(default_factory=lambda: PASSES)
    """For each direction, the passes over a map of the shape in the table that it cannot do without; None for an
    operator that memory does not bound, whose share of the copy would mean nothing."""


@dataclass(frozen=True)
class OperatorBenchmark:
    """What is particular to one operator."""

    name: str
    """Stem of the script and of its results."""
    about: str
    """The script's docstring, shown by ``--help``."""
    variants: Mapping[str, Variant]
    """What is measured, by the words that the table uses; the first is the one that networks use most."""
    shapes: str = "1x256x64x64,8x256x64x64,1x64x256x256"
    shapes_on_cuda: str = "1x256x64x64,16x256x64x64,16x64x256x256"
    layouts: str = "nhwc,nchw"
    directions: str = "forward,forward+backward,double backward"


def run(benchmark: OperatorBenchmark, arguments: Sequence[str] | None = None) -> int:
    """Measure, print a line for each case, write the results."""
    options = _options(benchmark, arguments)
    device = begin(options)
    clocks = clocks_for(device, cpu_time=options.cpu_time)
    before = surroundings(device) | {"kept_memory": options.keep_memory}
    print(", ".join(f"{name} {value}" for name, value in before.items()))
    print("Microseconds, median (and quartiles):")
    path = results_file(options, benchmark.name, device)
    lines: list[dict[str, Any]] = []
    for case in _cases(benchmark, options, device):
        with use_backend("fused"):
            candidates = _candidates(case, benchmark.variants[case.variant].prepare(case, device), options.compile)
            for clock in clocks:
                line = _line(case, benchmark, clock, _measure(candidates, clocks[clock], options.seconds))
                lines.append(line)
                print(_text(case, line), flush=True)
        # After each case, so that a run that is stopped at a time limit keeps what it has.
        write_json(path, {"benchmark": benchmark.name, "surroundings": before, "lines": lines})
    print(f"written to {path}")
    return 0


def _options(benchmark: OperatorBenchmark, arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = parser_for(benchmark.name, benchmark.about, seconds=0.6)
    parser.add_argument("--cpu-time", action="store_true", help="processor time; with --threads 1 on a busy machine")
    parser.add_argument("--shapes", type=shapes, help=f"NxCxHxW, separated by commas; by default {benchmark.shapes}")
    for name, choices, default in (
        ("dtypes", DTYPES, "fp32,bf16"),
        ("layouts", LAYOUTS, benchmark.layouts),
        ("variants", benchmark.variants, ",".join(benchmark.variants)),
        ("directions", DIRECTIONS, f"{benchmark.directions} and, on CUDA, backward"),
    ):
        text = f"of {', '.join(choices)}; by default {default}"
        preset = None if name == "directions" else default.split(",")
        parser.add_argument(f"--{name}", type=list_of(choices), default=preset, help=text)
    return parser.parse_args(arguments)


def _cases(benchmark: OperatorBenchmark, options: argparse.Namespace, device: torch.device) -> list[Case]:
    """The lines of the table: the first layout and variant in full, from which the others depart in one thing only."""
    on_cuda = device.type == "cuda"
    maps = options.shapes or shapes(benchmark.shapes_on_cuda if on_cuda else benchmark.shapes)
    directions = options.directions or benchmark.directions.split(",") + ["backward"] * on_cuda
    cases = []
    for chosen in itertools.product(maps, options.dtypes, options.layouts, options.variants, directions):
        case = Case(*chosen)
        departures = (case.layout != options.layouts[0]) + (case.variant != options.variants[0])
        double = case.direction == "double backward" and len(directions) > 1
        if departures + double <= 1:
            cases.append(case)
    return cases


def _candidates(case: Case, subject: Subject, with_compile: bool) -> dict[str, Function]:
    """Functions without arguments for each column, of which fused and eager were seen to agree."""
    x = subject.inputs[0]
    destination = torch.empty_like(x)
    dy = torch.randn_like(_require_agreement(case, subject))
    functions = {"fused": subject.fused, "eager": subject.eager}
    if with_compile:
        torch._dynamo.reset()
        functions["compiled"] = torch.compile(subject.eager, dynamic=False)
    computations = {name: Computation(function, subject.inputs) for name, function in functions.items()}
    step = STEPS[case.direction]
    copy: dict[str, Function] = {"copy": lambda: destination.copy_(x)}
    return copy | {name: step(each, dy) for name, each in (computations | dict(subject.others)).items()}


def _require_agreement(case: Case, subject: Subject) -> Tensor:
    with torch.no_grad():
        fused, eager = subject.fused(*subject.inputs), subject.eager(*subject.inputs)
    difference = ((fused - eager).abs().max() / eager.abs().max()).item()
    if not difference <= TOLERANCES[case.dtype]:
        raise BackendError(
            f"fused and eager differ by {difference:.1e} for {case}, so there is nothing to compare.",
            hint="'imtrans doctor --ops' compares the kernels with their references.",
        )
    return eager


def _forward(computation: Computation, dy: Tensor) -> Function:
    def run() -> Tensor:
        with torch.no_grad():
            return computation.function(*computation.inputs)

    return run


def _backward(computation: Computation, dy: Tensor) -> Function:
    leaves = _leaves(computation)
    y = functools.cache(lambda: computation.function(*leaves))  # at the first call, where failures are dealt with
    return lambda: torch.autograd.grad(y(), leaves, dy, retain_graph=True)


def _forward_and_backward(computation: Computation, dy: Tensor) -> Function:
    leaves = _leaves(computation)
    return lambda: torch.autograd.grad(computation.function(*leaves), leaves, dy)


def _double_backward(computation: Computation, dy: Tensor) -> Function:
    """As R1 does: the gradient with respect to the feature map, and the gradients of that gradient."""
    leaves = _leaves(computation)
    upstream = dy.detach().requires_grad_()
    ddx = torch.randn_like(leaves[0])

    def run() -> object:
        (dx,) = torch.autograd.grad(computation.function(*leaves), leaves[0], upstream, create_graph=True)
        return torch.autograd.grad(dx, [*leaves, upstream], ddx, allow_unused=True)

    return run


def _leaves(computation: Computation) -> list[Tensor]:
    return [each.detach().requires_grad_() for each in computation.inputs]


STEPS = {
    "forward": _forward,
    "backward": _backward,
    "forward+backward": _forward_and_backward,
    "double backward": _double_backward,
}


def _measure(candidates: Mapping[str, Function], clock: Clock, seconds: float) -> Comparison:
    # Buffers that compiled backwards give away are refused before the reason proper: there is no second backward.
    with torch._functorch.config.patch(donated_buffer=False):
        return compare(candidates, clock, seconds=seconds)


def _line(case: Case, benchmark: OperatorBenchmark, clock: str, result: Comparison) -> dict[str, Any]:
    one_pass = torch.Size(case.shape).numel() * DTYPES[case.dtype].itemsize
    passes = benchmark.variants[case.variant].passes
    moved = passes[case.direction] * one_pass if passes else None
    bandwidth = 2 * one_pass / result.timings["copy"].median
    return {
        **asdict(case),
        "clock": clock,
        "bytes": moved,
        "copy_bandwidth": bandwidth,
        "share_of_copy": moved / bandwidth / result.timings["fused"].median if moved else None,
        "seconds": {name: asdict(each) for name, each in result.timings.items()},
        "impossible": result.impossible,
    }


def _text(case: Case, line: Mapping[str, Any]) -> str:
    cells = []
    for name, taken in line["seconds"].items():
        median, lower, upper = (1e6 * taken[each] for each in ("median", "lower", "upper"))
        cells.append(f"{name} {median:.0f} ({lower:.0f}-{upper:.0f})")
    if line["share_of_copy"] is not None:
        cells.append(f"{line['share_of_copy']:.0%} of copy")
    cells += [f"{name}: {why}" for name, why in line["impossible"].items()]
    return f"{case!s:<62} {line['clock']:>9}: {', '.join(cells)}"
