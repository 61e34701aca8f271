"""Results that nobody measured, for the tests of what is made of results."""

from __future__ import annotations

from typing import Any

SURROUNDINGS: dict[str, Any] = {
    "device": "a machine",
    "instructions": "avx2",
    "cache_bytes": 32 << 20,
    "threads": 2,
    "malloc": {},
    "load": 0.25,
    "python": "3.11.7",
    "torch": "2.13.0",
    "imtrans": "0.1.0",
    "commit": "abc1234",
    "kept_memory": False,
}


def taken(median: float) -> dict[str, float | int]:
    """A timing as files of results have it."""
    return {"median": median, "lower": 0.9 * median, "upper": 1.2 * median, "fastest": 0.8 * median, "samples": 9}


def operator_line(**changes: Any) -> dict[str, Any]:
    """A line of an operator's results: 8 times as fast as eager, 2 times as compiled, at 60 % of the copy."""
    seconds = {
        name: taken(value) for name, value in (("copy", 4e-4), ("fused", 1e-3), ("eager", 8e-3), ("compiled", 2e-3))
    }
    return {
        "shape": [8, 256, 64, 64],
        "dtype": "fp32",
        "layout": "nhwc",
        "variant": "relu+pad",
        "direction": "forward",
        "clock": "wall",
        "bytes": 100663296,
        "copy_bandwidth": 1.7e11,
        "share_of_copy": 0.6,
        "seconds": seconds,
        "impossible": {},
        **changes,
    }


def generator_line() -> dict[str, Any]:
    """A line of the generator's results, with a runtime that is not installed."""
    seconds = {"eager fp32": taken(0.4), "OpenVINO bf16": taken(0.1), "imtrans bf16": taken(0.125)}
    return {
        "shape": [1, 3, 256, 256],
        "ngf": 64,
        "blocks": 9,
        "clock": "wall",
        "seconds": seconds,
        "errors": {name: {"rms": 1e-3, "max": 5e-3} for name in seconds},
        "impossible": {"ONNX Runtime fp32": "onnxruntime is not installed: pip install 'imtrans[bench]'"},
    }


def training_line(**changes: Any) -> dict[str, Any]:
    """A line of the training's results: bf16 three times as fast as plain, and nobody compiled."""
    seconds = {"plain": taken(3.0), "imtrans fp32": taken(1.5), "imtrans bf16": taken(1.0)}
    curve = {"gan": [1.0, 0.5], "cycle": [2.0, 1.0]}
    return {
        "model": "cyclegan",
        "size": 128,
        "batch": 1,
        "ngf": 64,
        "blocks": 6,
        "shape": [1, 3, 128, 128],
        "clock": "wall",
        "seconds": seconds,
        "impossible": {"imtrans bf16 compiled": "there is no compiler"},
        "shares": {name: {"data": 0.01, "forward": 0.39, "backward": 0.58, "optimiser": 0.02} for name in seconds},
        "memory": {name: {"state": 100 << 20, "step": 400 << 20} for name in seconds},
        "steps": [0, 6],
        "losses": dict.fromkeys(seconds, curve),
        "differences": {
            "imtrans fp32": {"first": 1e-7, "mean": 0.002},
            "imtrans bf16": {"first": 1e-3, "mean": 0.04},
        },
        "feed": {"workers": 2, **taken(0.01)},
        **changes,
    }
