"""What the command lines of the benchmarks share: options, their values, and how a run begins and ends."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import torch
from surroundings import RESULTS, keep_memory

from imtrans.device import choose_device
from imtrans.errors import DeviceError, ImtransError

Main = Callable[[Sequence[str] | None], int]


def parser_for(name: str, description: str, *, seconds: float) -> argparse.ArgumentParser:
    """A parser with the options that every benchmark has.

    Args:
        name: stem of the file of results.
        description: the text above the options.
        seconds: default time for one line of the table.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N; by default cpu")
    parser.add_argument("--threads", type=at_least_one, help="CPU threads; by default what torch takes")
    parser.add_argument(
        "--seconds", type=float, default=seconds, help=f"time for one line of the table; by default {seconds:g}"
    )
    parser.add_argument(
        "--keep-memory", action="store_true", help="stop malloc from giving freed memory back to the system"
    )
    parser.add_argument("--no-compile", dest="compile", action="store_false", help="leave torch.compile out")
    parser.add_argument(
        "--output",
        type=Path,
        help=f"file of results; by default {RESULTS.name}/{name}-<device>.json beside the scripts",
    )
    return parser


def begin(options: argparse.Namespace) -> torch.device:
    """Put threads and memory as the options say, and give the device.

    Raises:
        DeviceError: the device, or a malloc that can be told to keep memory, is not there.
        UsageError: ``--device`` names no device.
    """
    device = choose_device(options.device)
    if options.threads:
        torch.set_num_threads(options.threads)
    if options.keep_memory and not keep_memory():
        raise DeviceError("this system's malloc cannot be told to keep memory.", hint="Leave --keep-memory out.")
    return device


def results_file(options: argparse.Namespace, name: str, device: torch.device) -> Path:
    """Where the results go."""
    return options.output or RESULTS / f"{name}-{device.type}.json"


def tell(run: Callable[[argparse.Namespace], dict[str, Any]], options: argparse.Namespace) -> int:
    """Print what was found as JSON, write it to ``--output`` where that is given, and give the exit status."""
    try:
        results = run(options)
    except ImtransError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    text = json.dumps(results, indent=2)
    print(text)
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(text + "\n", encoding="utf-8")
    return 0


def leave(main: Main) -> None:
    """Run a script's ``main`` and leave with its exit status; errors are sentences."""
    try:
        sys.exit(main(None))
    except ImtransError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        sys.exit("interrupted")


def at_least_one(text: str) -> int:
    """A number from 1 on."""
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def list_of(choices: Collection[str]) -> Callable[[str], list[str]]:
    """Names separated by commas, all of them among ``choices``."""

    def parse(text: str) -> list[str]:
        names = text.split(",")
        for name in names:
            if name not in choices:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(choices)}")
        return names

    return parse


def shapes(text: str) -> list[tuple[int, ...]]:
    """Shapes of feature maps, NxCxHxW, separated by commas."""
    found = []
    for shape in text.split(","):
        sizes = shape.split("x")
        if len(sizes) != 4:
            raise argparse.ArgumentTypeError(f"{shape!r} is not of the form NxCxHxW")
        found.append(tuple(map(at_least_one, sizes)))
    return found
