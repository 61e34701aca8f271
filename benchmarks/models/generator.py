r"""Time CycleGAN's ResNet-9 generator: imtrans against PyTorch, torch.compile, ONNX Runtime and OpenVINO.

    python benchmarks/models/generator.py
    python benchmarks/models/generator.py --device cuda --batch 1,16
    python benchmarks/models/generator.py --only "imtrans,OpenVINO" --seconds 20

All have the same weights, the same picture (float32, contiguous), the same number of threads, and take turns in one
process. Between turns there is a short rest and one call that does not count, because threads of one runtime spin for a
while after their work is done. The error is against the plain network in float64, as the root mean square and the
largest difference, in units of the range of the right output.
"""

from __future__ import annotations

import argparse
import copy
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from command_line import at_least_one, begin, leave, parser_for, results_file
from contestants import CONTESTANTS, Contestant, Runner, Task
from plain_generator import PlainGenerator
from surroundings import surroundings, write_json
from timing import Comparison, clocks_for, compare, reason

from imtrans.errors import UsageError
from imtrans.nn.generators import build_generator
from imtrans.nn.init import init_normal
from imtrans_cyclegan.config import GeneratorConfig

REST = 0.02
"""Seconds between two turns, after which the threads of every runtime sleep."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, write the results."""
    options = _options(arguments)
    device = begin(options)
    contestants = _chosen(options, device)
    clock = "warm" if device.type == "cuda" else "wall"
    before = surroundings(device) | {"kept_memory": options.keep_memory}
    print(", ".join(f"{name} {value}" for name, value in before.items()))
    path = results_file(options, "generator", device)
    lines: list[dict[str, Any]] = []
    for batch in options.batch:
        with tempfile.TemporaryDirectory() as folder:
            task = _task(options, batch, device, Path(folder))
            runners, errors, impossible = _prepare(contestants, task)
            result = compare(runners, clocks_for(device)[clock], seconds=options.seconds, settle=REST)
            result.impossible.update(impossible)
            lines.append(_line(task, options, clock, result, errors))
            _print(lines[-1], contestants)
            write_json(path, {"benchmark": "generator", "surroundings": before, "lines": lines})
    print(f"written to {path}")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = parser_for("generator", __doc__, seconds=60.0)
    parser.add_argument("--size", type=at_least_one, default=256, help="of the pictures; by default 256")
    parser.add_argument("--batch", type=_batches, default=[1], help="pictures at once, as 1 or 1,16; by default 1")
    parser.add_argument("--ngf", type=at_least_one, default=64, help="filters of the first convolution; by default 64")
    parser.add_argument("--blocks", type=at_least_one, default=9, help="residual blocks; by default 9")
    parser.add_argument("--only", help="contestants whose name contains one of these words, separated by commas")
    return parser.parse_args(arguments)


def _batches(text: str) -> list[int]:
    return [at_least_one(number) for number in text.split(",")]


def _chosen(options: argparse.Namespace, device: torch.device) -> list[Contestant]:
    words = (options.only or "").lower().split(",")
    chosen = [
        each
        for each in CONTESTANTS
        if device.type in each.devices
        and (options.compile or not each.compiles)
        and any(word.strip() in each.name.lower() for word in words)
    ]
    if not chosen:
        names = ", ".join(each.name for each in CONTESTANTS)
        raise UsageError(f"no contestant has {options.only!r} in its name.", have=f"Contestants: {names}.")
    return chosen


def _task(options: argparse.Namespace, batch: int, device: torch.device, folder: Path) -> Task:
    if options.size % 4 or options.size < 8:
        raise UsageError(f"the generator takes sizes that are multiples of 4 from 8 on, not {options.size}.")
    torch.manual_seed(0)
    plain = PlainGenerator(options.ngf, options.blocks)
    init_normal(plain)
    ours = build_generator(GeneratorConfig(ngf=options.ngf, blocks=options.blocks))
    ours.load_state_dict(plain.state_dict())
    x = torch.rand(batch, 3, options.size, options.size) * 2 - 1
    return Task(plain.eval().to(device), ours.eval().to(device), x.to(device), torch.get_num_threads(), folder)


def _prepare(
    contestants: Sequence[Contestant], task: Task
) -> tuple[dict[str, Runner], dict[str, dict[str, float]], dict[str, str]]:
    """Build every contestant and run it once: those that run, their errors, and why the others do not."""
    right = _right(task)
    runners: dict[str, Runner] = {}
    errors: dict[str, dict[str, float]] = {}
    impossible: dict[str, str] = {}
    for each in contestants:
        print(f"preparing {each.name}", flush=True)
        try:
            runner = each.build(task)
            errors[each.name] = _error(runner(), right)
            runners[each.name] = runner
        except Exception as error:  # a runtime that is not there, or not up to this machine, is a row of the table
            impossible[each.name] = reason(error)
    return runners, errors, impossible


def _right(task: Task) -> Tensor:
    """The output in float64."""
    with torch.no_grad():
        return copy.deepcopy(task.plain).double()(task.x.double())


def _error(output: Tensor, right: Tensor) -> dict[str, float]:
    extent = (right.max() - right.min()).item()
    difference = output.to(right) - right
    return {"rms": difference.square().mean().sqrt().item() / extent, "max": difference.abs().max().item() / extent}


def _line(
    task: Task, options: argparse.Namespace, clock: str, result: Comparison, errors: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "shape": list(task.x.shape),
        "ngf": options.ngf,
        "blocks": options.blocks,
        "clock": clock,
        "seconds": {name: asdict(each) for name, each in result.timings.items()},
        "errors": errors,
        "impossible": result.impossible,
    }


def _print(line: Mapping[str, Any], contestants: Sequence[Contestant]) -> None:
    shape = "x".join(map(str, line["shape"]))
    print(f"\n{shape + ', ' + line['clock'] + ' clock':<34} {'ms':>8} {'quartiles':>15} {'rms error':>10} {'max':>8}")
    for name in (each.name for each in contestants):
        if name not in line["seconds"]:
            print(f"{name:<34} {line['impossible'][name]}")
            continue
        median, lower, upper = (1e3 * line["seconds"][name][each] for each in ("median", "lower", "upper"))
        rms, most = (line["errors"][name][each] for each in ("rms", "max"))
        print(f"{name:<34} {median:8.1f} {lower:7.1f}-{upper:7.1f} {rms:10.1e} {most:8.1e}")


if __name__ == "__main__":
    leave(main)
