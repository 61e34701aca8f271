r"""Time training steps: imtrans' engine against the plainest PyTorch loop over the same networks.

    python benchmarks/training/training.py
    python benchmarks/training/training.py --models cyclegan --size 256 --steps 20 --data portraits
    python benchmarks/training/training.py --device cuda

``plain`` is what the models' authors write: eager, contiguous, float32 (plain_loops.py). ``imtrans`` is the step that
``imtrans train`` takes (engine_loops.py): fused operators, channels-last, in float32 or in bfloat16 under autocast. All
start from the same weights, see the same batches and take turns in one process, a step each; their losses are compared.
Pictures come from --data, a folder with trainA/ and trainB/, or are generated. Reading them is measured alone as well.

Rounding differs between them, and training a GAN enlarges it. ``--control`` lets the plain loop run once more, from
weights that differ in their last bit: so far apart are losses of which neither is more right than the other.

Dropout is left out of pix2pix, because its random numbers depend on the layout of memory and the losses could not be
compared.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "models"))
from command_line import at_least_one, begin, leave, list_of, parser_for, results_file
from contest import Contestant, Entry, enter
from curves import difference, kept_steps
from feeding import generate, read_as_authors_do, time_feed
from surroundings import surroundings, write_json
from timing import Comparison, clocks_for, compare
from workloads import MODELS, Workload, workloads

from imtrans.data.unpaired import UnpairedFolders
from imtrans.ops import use_backend

ENTRIES = (
    Entry("plain"),
    Entry("plain, last bit", control=True),
    Entry("imtrans fp32", torch.float32),
    Entry("imtrans bf16", torch.bfloat16),
    Entry("imtrans bf16 compiled", torch.bfloat16, compiled=True),
)
PART_TURNS = 5
"""Steps on a GPU whose parts are timed; they wait for the GPU at every boundary and are not timed as steps."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table for each workload, write the results."""
    options = _options(arguments)
    device = begin(options)
    lines = workloads(options.models, options.size, options.batch, options.ngf, options.blocks)
    before = surroundings(device) | {"kept_memory": options.keep_memory, "workers": options.workers}
    print(", ".join(f"{name} {value}" for name, value in before.items()))
    with tempfile.TemporaryDirectory() as folder, use_backend("fused"):
        pictures = options.data or generate(Path(folder))
        results = []
        for workload in lines:
            results.append(_measure(workload, read_as_authors_do(pictures, workload.size), options, device))
            _print(workload, results[-1])
    path = results_file(options, "training", device)
    write_json(path, {"benchmark": "training", "surroundings": before, "lines": results})
    print(f"written to {path}")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = parser_for("training", __doc__, seconds=20.0)
    add = parser.add_argument
    add("--models", type=list_of(MODELS), default=list(MODELS), help="some of cyclegan,pix2pix,dcgan; by default all")
    add("--size", type=_numbers, help="pixels, as 128,256; by default CycleGAN 128,256 and pix2pix 256 (DCGAN has 64)")
    add("--batch", type=at_least_one, help="pictures in a step; by default 1, and 32 for DCGAN")
    add(
        "--steps",
        type=at_least_two,
        default=5,
        help="timed steps of each at least, after two that warm up; by default 5",
    )
    add("--ngf", type=at_least_one, default=64, help="filters of the first convolutions; by default 64")
    add("--blocks", type=at_least_one, help="residual blocks of CycleGAN; by default 6 below 256 pixels, else 9")
    add("--control", action="store_true", help="let the plain loop run once more, from weights of another last bit")
    add("--data", type=Path, help="a folder with trainA/ and trainB/; by default generated pictures")
    add("--workers", type=_from_zero, default=2, help="processes that read pictures for each loop; by default 2")
    return parser.parse_args(arguments)


def _numbers(text: str) -> list[int]:
    return [at_least_one(number) for number in text.split(",")]


def _from_zero(text: str) -> int:
    return 0 if text == "0" else at_least_one(text)


def at_least_two(text: str) -> int:
    """A number from 2 on: quartiles need two samples."""
    number = at_least_one(text)
    if number < 2:
        raise argparse.ArgumentTypeError("a median with its quartiles takes at least 2")
    return number


def _measure(
    workload: Workload, dataset: UnpairedFolders, options: argparse.Namespace, device: torch.device
) -> dict[str, Any]:
    """One line: the contest, where the time goes, memory, losses, and the feed alone."""
    print(f"\n{workload.name}", flush=True)
    compiled = options.compile and device.type == "cuda"  # on a CPU compiling takes longer than the contest
    entries = [each for each in ENTRIES if (compiled or not each.compiled) and (options.control or not each.control)]
    contestants = enter(entries, workload, dataset, device, options.workers)
    clock = "warm" if device.type == "cuda" else "wall"
    try:
        turns = {each.name: each.turn for each in contestants}
        result = compare(turns, clocks_for(device)[clock], seconds=options.seconds, fewest=options.steps)
        running = [each for each in contestants if each.name in result.timings]
        if device.type == "cuda":
            _time_parts(running)
    finally:
        for each in contestants:
            each.close()
    feed = time_feed(dataset, workload, options.workers, device)
    return _line(workload, clock, result, running) | {"feed": {"workers": options.workers, **asdict(feed)}}


def _time_parts(contestants: Sequence[Contestant]) -> None:
    for each in contestants:
        each.watch.waits = True
        each.watch.reset()
        for _ in range(PART_TURNS):
            each.turn()


def _line(workload: Workload, clock: str, result: Comparison, running: Sequence[Contestant]) -> dict[str, Any]:
    histories = {each.name: each.history() for each in running}
    count = min(map(len, histories.values()))
    return {
        **asdict(workload),
        "shape": workload.shape,
        "clock": clock,
        "seconds": {name: asdict(timing) for name, timing in result.timings.items()},
        "impossible": result.impossible,
        "shares": {each.name: each.watch.shares() for each in running},
        "memory": {each.name: {"state": each.state_bytes(), "step": each.peak} for each in running},
        "steps": kept_steps(count),
        "losses": {
            name: {loss: [history[step][loss] for step in kept_steps(count)] for loss in history[0]}
            for name, history in histories.items()
        },
        "differences": {
            name: {
                "first": difference(history[:1], histories["plain"][:1]),
                "mean": difference(history[:count], histories["plain"][:count]),
            }
            for name, history in histories.items()
            if name != "plain" and "plain" in histories
        },
    }


# --- for the terminal -----------------------------------------------------------------------------------------------


def _print(workload: Workload, line: Mapping[str, Any]) -> None:
    for row in _rows(workload, line):
        print(row)
    batch = line["feed"]["median"]
    speed = 2 * workload.batch / batch
    print(f"feed alone, {line['feed']['workers']} workers: {speed:.0f} pictures/s, {1e3 * batch:.1f} ms a batch")
    print(f"{'losses, summed, at step':<24}" + "".join(f"{step + 1:>9}" for step in line["steps"]))
    for name, losses in line["losses"].items():
        sums = (sum(values) for values in zip(*losses.values(), strict=True))
        print(f"{name:<24}" + "".join(f"{value:9.4f}" for value in sums))


def _rows(workload: Workload, line: Mapping[str, Any]) -> Iterator[str]:
    heads = (f"{name:>8}" for name in ("data", "forward", "backwd", "optim", "MiB", "differ"))
    yield f"{'':<24}{'ms':>8} {'quartiles':>15}{'images/s':>9}{'plain/':>7}" + "".join(heads)
    for name, taken in line["seconds"].items():
        median, lower, upper = (1e3 * taken[each] for each in ("median", "lower", "upper"))
        plain = line["seconds"].get("plain")
        times = f"{1e3 * plain['median'] / median:7.2f}" if plain else f"{'':>7}"
        shares = "".join(f"{share:8.1%}" for share in line["shares"][name].values())
        memory, differ = line["memory"][name], line["differences"].get(name)
        held = "" if memory["step"] is None else f"{(memory['state'] + memory['step']) / (1 << 20):.0f}"
        told = "" if differ is None else f"{differ['mean']:.0e}"
        speed = 1e3 * workload.batch / median
        yield f"{name:<24}{median:8.1f} {lower:7.1f}-{upper:7.1f}{speed:9.2f}{times}{shares}{held:>8}{told:>8}"
    for name, why in line["impossible"].items():
        yield f"{name:<24}{why}"


if __name__ == "__main__":
    leave(main)
