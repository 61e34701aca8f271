"""Results as Markdown: directions of an operator, contestants for the generator, loops of training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from results import Line, Results, median, quickest, shape_text

DIRECTIONS = {
    "forward": "forward",
    "backward": "backward alone",
    "forward+backward": "forward and backward",
    "double backward": "double backward, as for R1",
}
PEERS = ("eager", "compiled", "zero padding", "border given")
"""Columns beside the fused operator, where a benchmark has them."""
SHARES = ("data", "forward", "backward", "optimiser")
"""Parts of a training step."""


def surroundings(results: Results) -> str:
    """One sentence on what the figures were taken on."""
    on = results.surroundings
    cache = f"{on['cache_bytes'] / (1 << 20):.0f} MiB of cache" if on["cache_bytes"] else "a cache of unknown size"
    memory = " The system's malloc was told to keep freed memory." if on["kept_memory"] or on["malloc"] else ""
    threads = f", {on['threads']} {'thread' if on['threads'] == 1 else 'threads'}" if results.device == "cpu" else ""
    versions = f"torch {on['torch']}, Python {on['python']}, imtrans {on['imtrans']} at commit {on['commit']}"
    load = f"; load {on['load']:.1f} at the start" if on["load"] is not None else ""
    return f"Taken on {on['device']} ({on['instructions']}, {cache}){threads}; {versions}{load}.{memory}"


def operator(results: Results) -> str:
    """The tables of an operator, a heading for each direction."""
    parts = [surroundings(results)]
    for direction, title in DIRECTIONS.items():
        lines = [line for line in results.lines if line["direction"] == direction]
        if lines:
            parts += [f"**{title[0].upper()}{title[1:]}**", _operator_table(lines), *_reasons(lines)]
    return "\n\n".join(parts)


def _operator_table(lines: list[Line]) -> str:
    peers = [name for name in PEERS if any(name in line["seconds"] or name in line["impossible"] for line in lines)]
    clocks = len({line["clock"] for line in lines}) > 1
    has_share = any(line["share_of_copy"] is not None for line in lines)
    heads = ["maps", "type", "layout", "variant", *(["clock"] if clocks else []), "fused, µs"]
    heads += [f"{name} / fused" for name in peers] + (["GB/s", "of copy"] if has_share else [])
    rows = []
    for line in lines:
        cells = [shape_text(line), line["dtype"], line["layout"], line["variant"], *([line["clock"]] if clocks else [])]
        cells += [_spread(line["seconds"]["fused"], 1e6), *(_ratio(line, name, ["fused"]) for name in peers)]
        if has_share:
            bandwidth = line["bytes"] / line["seconds"]["fused"]["median"] / 1e9
            cells += [f"{bandwidth:.1f}", f"{line['share_of_copy']:.0%}"]
        rows.append(cells)
    return _markdown(heads, rows)


def generator(results: Results) -> str:
    """The table of the contestants, for each batch and size."""
    parts = [surroundings(results)]
    for line in results.lines:
        names = [*line["seconds"], *line["impossible"]]
        ours = [name for name in names if name.startswith("imtrans")]
        rows = [_contestant(line, name, ours) for name in names]
        images, _, height, width = line["shape"]
        count = "One picture" if images == 1 else f"{images} pictures"
        parts.append(f"**{count} of {width} x {height}, ResNet-{line['blocks']} with {line['ngf']} filters**")
        parts.append(_markdown(["", "ms (quartiles)", "times ours", "rms error", "largest error"], rows))
    return "\n\n".join(parts)


def _contestant(line: Line, name: str, ours: list[str]) -> list[str]:
    if name not in line["seconds"]:
        return [name, line["impossible"][name], "", "", ""]
    error = line["errors"][name]
    return [
        name,
        _spread(line["seconds"][name], 1e3),
        _ratio(line, name, ours),
        f"{error['rms']:.0e}",
        f"{error['max']:.0e}",
    ]


def training(results: Results) -> str:
    """For each workload the table of the loops, how fast pictures are read, and the losses."""
    parts = [surroundings(results)]
    for line in results.lines:
        blocks = f", {line['blocks']} blocks" if line["model"] == "cyclegan" else ""
        parts.append(
            f"**{line['model']}, {line['batch']} x {line['size']} x {line['size']}{blocks}, ngf {line['ngf']}**"
        )
        heads = ["", "images/s", "ms a step (quartiles)", "plain / this", *SHARES, "MiB", "losses differ by"]
        parts.append(_markdown(heads, [_loop(line, name) for name in (*line["seconds"], *line["impossible"])]))
        parts.append(_feed(line))
        steps = [f"step {step + 1}" for step in line["steps"]]
        parts.append(_markdown(["sum of losses", *steps], [_curve(line, name) for name in line["losses"]]))
    return "\n\n".join(parts)


def _loop(line: Line, name: str) -> list[str]:
    if name not in line["seconds"]:
        return [name, line["impossible"][name], *[""] * (len(SHARES) + 4)]
    taken, memory, differs = line["seconds"][name], line["memory"][name], line["differences"].get(name)
    return [
        name,
        f"{line['batch'] / taken['median']:.3g}",
        _spread(taken, 1e3),
        _ratio(line, "plain", [name]),
        *(f"{line['shares'][name][part]:.1%}" for part in SHARES),
        "unknown" if memory["step"] is None else f"{(memory['state'] + memory['step']) / (1 << 20):.0f}",
        "" if differs is None else f"{differs['first']:.0e} at first, {differs['mean']:.1%}",
    ]


def _feed(line: Line) -> str:
    feed = line["feed"]
    speed = 2 * line["batch"] / feed["median"]  # a batch has pictures of both domains
    shortest = min(each["median"] for each in line["seconds"].values())
    return (
        f"{feed['workers']} workers read {speed:.0f} pictures of {line['size']} x {line['size']} a second when nothing "
        f"else runs: a batch in {_spread(feed, 1e3)} ms, {feed['median'] / shortest:.1%} of the quickest step."
    )


def _curve(line: Line, name: str) -> list[str]:
    sums = (sum(values) for values in zip(*line["losses"][name].values(), strict=True))
    return [name, *(f"{value:.4g}" for value in sums)]


def _ratio(line: Line, slow: str, fast: list[str]) -> str:
    numerator, denominator = median(line, slow), quickest(line, fast)
    if numerator is None:
        return "cannot" if slow in line["impossible"] else ""
    if denominator is None:
        return ""
    ratio = numerator / denominator
    text = f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"
    # Where the peer is ahead the reader's eye should stop.
    return f"**{text}**" if float(text) < 1 else text


def _spread(taken: Mapping[str, float], unit: float) -> str:
    middle, lower, upper = (taken[name] * unit for name in ("median", "lower", "upper"))
    digits = 0 if middle >= 100 else 1
    return f"{middle:.{digits}f} ({lower:.{digits}f} to {upper:.{digits}f})"


def _reasons(lines: Iterable[Line]) -> list[str]:
    """Why some cells say ``cannot``."""
    reasons: dict[str, Any] = {}
    for line in lines:
        for name, why in line["impossible"].items():
            reasons.setdefault(f"{name} cannot: {why}.")
    return list(reasons)


def _markdown(heads: list[str], rows: Iterable[list[str]]) -> str:
    body = ["| " + " | ".join(cell or " " for cell in row) + " |" for row in rows]
    return "\n".join(["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads), *body])
