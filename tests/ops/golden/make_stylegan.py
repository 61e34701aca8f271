"""Make the golden values of StyleGAN's operators with NVIDIA's own code, which is not part of this project.

    python make_stylegan.py CHECKOUT [--output FILE]

CHECKOUT is a checkout of NVlabs/stylegan3 at the commit that README.md names. Everything is computed by the
implementations that the authors call ``ref``, in float64.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

FILTERS: dict[str, Any] = {
    "none": None,
    "four": [1, 3, 3, 1],
    "eight": [1, 2, 4, 7, 6, 3, 2, 1],
    "skew": [[1.0, 2.0, 0.5], [0.0, 3.0, -1.0]],
}
"""Filters by name, as ``setup_filter`` is given them: 4 x 4, separable of 8 taps, and one without any symmetry."""

CASES: list[tuple[str, dict[str, Any]]] = [
    *(("bias_act", {"act": act}) for act in ("linear", "relu", "lrelu", "tanh", "sigmoid", "elu", "selu")),
    *(("bias_act", {"act": act}) for act in ("softplus", "swish")),
    ("bias_act", {"act": "lrelu", "alpha": 0.1, "gain": 3.0, "clamp": 2.0}),
    ("bias_act", {"act": "linear", "clamp": 0.5}),
    ("upfirdn2d", {"f": "four", "up": 2, "padding": [2, 1, 2, 1], "gain": 4}),
    ("upfirdn2d", {"f": "four", "down": 2, "padding": 1}),
    ("upfirdn2d", {"f": "eight", "up": 2, "down": 3, "padding": [5, 4]}),
    ("upfirdn2d", {"f": "skew", "up": [3, 1], "down": [1, 2], "padding": [2, -1, 0, 3], "flip_filter": True}),
    ("upfirdn2d", {"f": "skew", "up": [1, 2], "padding": [-1, -1, 2, -3], "gain": 0.5}),
    ("upfirdn2d", {"f": "none", "padding": [1, 2, -1, 0], "up": 2}),
    ("filter2d", {"f": "skew", "padding": 1}),
    ("filter2d", {"f": "four"}),
    ("upsample2d", {"f": "four"}),
    ("upsample2d", {"f": "eight", "up": [2, 1], "flip_filter": True}),
    ("downsample2d", {"f": "four"}),
    ("downsample2d", {"f": "skew", "down": [1, 2], "padding": [1, 0], "gain": 2}),
    *(
        ("conv2d_resample", {"kernel": kernel, "f": "four", "padding": kernel // 2, **factor, "flip_weight": flip})
        for kernel in (1, 3)
        for factor, flip in (({"up": 2}, False), ({"down": 2}, True), ({}, True))
    ),
    ("conv2d_resample", {"kernel": 3, "f": "eight", "up": 2, "padding": [3, 0, -1, 2]}),
    ("conv2d_resample", {"kernel": 3, "f": "none", "padding": [2, -1, 0, 1], "groups": 2}),
    ("conv2d_resample", {"kernel": 3, "f": "four", "up": 2, "padding": 1, "groups": 2}),
    ("modulated_conv2d", {"kernel": 3, "padding": 1}),
    ("modulated_conv2d", {"kernel": 3, "padding": 1, "up": 2, "resample_filter": "four", "flip_weight": False}),
    ("modulated_conv2d", {"kernel": 3, "padding": 1, "down": 2, "resample_filter": "four"}),
    ("modulated_conv2d", {"kernel": 1, "demodulate": False}),
]


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "stylegan.safetensors")
    options = parser.parse_args()
    sys.path.insert(0, str(options.checkout))
    torch.manual_seed(0)
    tensors: dict[str, Tensor] = {}
    for number, (name, arguments) in enumerate(CASES):
        for key, tensor in record(name, arguments).items():
            tensors[f"{number:02}.{key}"] = tensor.detach().float().contiguous()
    save_file(tensors, options.output, metadata={"cases": json.dumps(CASES), "filters": json.dumps(FILTERS)})


def record(name: str, arguments: dict[str, Any]) -> dict[str, Tensor]:
    """Operands, result, gradients of its squares, and the gradients of a penalty on the first of these."""
    arguments = dict(arguments)
    operands = operands_of(name, arguments)
    for key in ("f", "resample_filter"):
        if key in arguments:
            arguments[key] = part("ops.upfirdn2d").setup_filter(FILTERS[arguments[key]])
    inputs = {key: tensor.requires_grad_() for key, tensor in operands.items()}
    y = call(name, inputs, arguments)
    first = torch.autograd.grad(y.square().sum(), list(inputs.values()), create_graph=True)
    penalty = first[0].square().sum()
    second = torch.autograd.grad(penalty, list(inputs.values()))
    recorded = {**inputs, "y": y}
    for key, one, two in zip(inputs, first, second, strict=True):
        recorded |= {f"first.{key}": one, f"second.{key}": two}
    return recorded


def operands_of(name: str, arguments: dict[str, Any]) -> dict[str, Tensor]:
    """The tensors of a case, of numbers that float32 holds exactly."""
    x = drawn(2, 4, 6, 5)
    if name == "bias_act":
        return {"x": x[:, :, :3, :2].clone(), "bias": drawn(4)}
    if name == "conv2d_resample":
        kernel, groups = arguments.pop("kernel"), arguments.get("groups", 1)
        return {"x": x[:1].clone(), "weight": drawn(6, 4 // groups, kernel, kernel)}
    if name == "modulated_conv2d":
        kernel = arguments.pop("kernel")
        return {"x": x, "weight": drawn(3, 4, kernel, kernel), "styles": drawn(2, 4)}
    return {"x": x[:1, :2].clone()}


def drawn(*shape: int) -> Tensor:
    """Normal numbers, in float64."""
    return torch.randn(*shape).double()


def call(name: str, operands: dict[str, Tensor], arguments: dict[str, Any]) -> Tensor:
    """One of the authors' functions."""
    x, *others = operands.values()
    if name == "bias_act":
        result: Tensor = part("ops.bias_act").bias_act(x, *others, impl="ref", **arguments)
    elif name == "conv2d_resample":
        result = part("ops.conv2d_resample").conv2d_resample(x, *others, **arguments)
    elif name == "modulated_conv2d":
        networks = importlib.import_module("training.networks_stylegan2")
        result = networks.modulated_conv2d(x, *others, **arguments)
    else:
        result = getattr(part("ops.upfirdn2d"), name)(x, impl="ref", **arguments)
    return result


def part(name: str) -> Any:
    """A module of the authors."""
    return importlib.import_module(f"torch_utils.{name}")


if __name__ == "__main__":
    main()
