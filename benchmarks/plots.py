"""Results as small pictures. A picture remembers the results that it shows and is drawn anew only when they change."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from PIL import Image
from results import Line, Results, median, shape_text

from imtrans.errors import MissingExtraError

STYLE = 1
"""To be raised when pictures of the same results are to look different."""
KEY = "imtrans results"
COLOURS = {"eager": "#8c8c8c", "compiled": "#3b75af"}


def digest(results: Results) -> str:
    """What tells these results from others."""
    return hashlib.sha256(f"{STYLE} {json.dumps(results.lines, sort_keys=True)}".encode()).hexdigest()


def shows(path: Path, results: Results) -> bool:
    """Whether there is a picture at ``path``, and it shows these results."""
    if not path.is_file():
        return False
    with Image.open(path) as picture:
        return picture.info.get(KEY) == digest(results)


def draw(path: Path, results: Results) -> None:
    """Draw these results.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("matplotlib is not installed.", hint="pip install 'imtrans[bench]'") from error
    figure = Figure(figsize=(7.2, 1.2 + 0.22 * _rows(results)), layout="constrained")
    axes = figure.add_subplot()
    drawing = {"generator": _draw_contestants, "training": _draw_curves}.get(results.benchmark, _draw_operator)
    drawing(axes, results)
    axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100, metadata={KEY: digest(results)})


def _rows(results: Results) -> int:
    """Rows of the picture; curves are as high as ten bars."""
    if results.benchmark == "training":
        return 10
    return len(results.lines[0]["seconds"]) if results.benchmark == "generator" else len(_main_lines(results))


def _draw_curves(axes: Any, results: Results) -> None:
    """The sum of the losses of every loop, in the line with the most steps."""
    line = max(results.lines, key=lambda each: each["steps"][-1])
    steps = [step + 1 for step in line["steps"]]
    for name, losses in line["losses"].items():
        sums = [sum(values) for values in zip(*losses.values(), strict=True)]
        axes.plot(steps, sums, label=name, linewidth=3 if name == "plain" else 1.2)
    axes.set_xlabel(f"step; {line['model']}, {line['batch']} x {line['size']} x {line['size']}")
    axes.set_ylabel("sum of losses")
    axes.legend(frameon=False, fontsize=8)


def _draw_operator(axes: Any, results: Results) -> None:
    """How many times as long as the fused operator its peers take, in the first layout and variant."""
    lines = _main_lines(results)
    for offset, (peer, colour) in zip((-0.2, 0.2), COLOURS.items(), strict=True):
        drawn = [(place, line) for place, line in enumerate(lines) if median(line, peer) is not None]
        ratios = [line["seconds"][peer]["median"] / line["seconds"]["fused"]["median"] for _, line in drawn]
        places = [place + offset for place, _ in drawn]
        axes.barh(places, ratios, 0.4, color=colour, label=f"{peer} / fused")
    axes.axvline(1, color="black", linewidth=0.8)
    labels = [f"{shape_text(line)} {line['dtype']} {line['direction']}" for line in lines]
    axes.set_yticks(range(len(lines)), labels, fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel(f"times as long as fused: {results.benchmark}, {lines[0]['variant']}, {lines[0]['layout']}")
    axes.legend(frameon=False, fontsize=8)


def _main_lines(results: Results) -> list[Line]:
    first = results.lines[0]
    return [line for line in results.lines if all(line[name] == first[name] for name in ("layout", "variant", "clock"))]


def _draw_contestants(axes: Any, results: Results) -> None:
    """Milliseconds of each contestant with the quartiles, for the first batch."""
    line = results.lines[0]
    names = sorted(line["seconds"], key=lambda name: line["seconds"][name]["median"], reverse=True)
    taken = [line["seconds"][name] for name in names]
    middles = [1e3 * each["median"] for each in taken]
    spread = [[1e3 * abs(each[side] - each["median"]) for each in taken] for side in ("lower", "upper")]
    colours = ["#c8553d" if name.startswith("imtrans") else "#8c8c8c" for name in names]
    axes.barh(names, middles, xerr=spread, color=colours, error_kw={"linewidth": 0.8})
    for place, each in enumerate(taken):
        end = (1e3 * each["upper"], place)
        text = f"{1e3 * each['median']:.3g}"
        axes.annotate(text, end, xytext=(4, 0), textcoords="offset points", va="center", fontsize=7)
    axes.tick_params(axis="y", labelsize=7)
    axes.set_xlabel(f"ms for {shape_text(line)}, median and quartiles; shorter is better")
