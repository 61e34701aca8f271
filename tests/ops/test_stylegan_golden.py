"""StyleGAN's operators against values made by NVIDIA's own code; golden/README.md tells how."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from imtrans.ops import (
    bias_act,
    conv2d_resample,
    downsample2d,
    filter2d,
    modulated_conv2d,
    setup_filter,
    upfirdn2d,
    upsample2d,
    use_backend,
)
from imtrans.ops.modulated_conv2d import grouped

GOLDEN = Path(__file__).parent / "golden" / "stylegan.safetensors"

with safe_open(GOLDEN, "pt") as file:
    CASES: list[tuple[str, dict[str, Any]]] = json.loads(file.metadata()["cases"])
    FILTERS: dict[str, Any] = json.loads(file.metadata()["filters"])
    TENSORS: dict[str, Tensor] = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118

FUNCTIONS = {
    "bias_act": bias_act,
    "conv2d_resample": conv2d_resample,
    "downsample2d": downsample2d,
    "filter2d": filter2d,
    "modulated_conv2d": modulated_conv2d,
    "upfirdn2d": upfirdn2d,
    "upsample2d": upsample2d,
}


def arguments_of(given: dict[str, Any]) -> dict[str, Any]:
    """Their names for arguments as ours, with filters made."""
    renamed = {("activation" if key == "act" else key): value for key, value in given.items() if key != "kernel"}
    for key in ("f", "resample_filter"):
        if key in renamed:
            renamed[key] = setup_filter(FILTERS[renamed[key]])
    for key in ("up", "down"):
        if isinstance(renamed.get(key), list):
            renamed[key] = tuple(renamed[key])
    return renamed


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: f"{number:02}-{CASES[number][0]}")
def test_equals_nvidia(number: int, backend: str) -> None:
    name, given = CASES[number]
    check(FUNCTIONS[name], number, backend, arguments_of(given))


@pytest.mark.parametrize("number", [n for n, case in enumerate(CASES) if case[0] == "modulated_conv2d"])
def test_the_grouped_form_equals_nvidia(number: int) -> None:
    check(grouped, number, "auto", arguments_of(CASES[number][1]))


def check(function: Any, number: int, backend: str, arguments: dict[str, Any]) -> None:
    """Compare the value and two orders of gradients."""
    wanted = {key[3:]: tensor.double() for key, tensor in TENSORS.items() if key.startswith(f"{number:02}.")}
    inputs = {key: wanted[key].requires_grad_() for key in ("x", "bias", "weight", "styles") if key in wanted}
    with use_backend(backend):
        y = function(*inputs.values(), **arguments)
    got = {"y": y}
    first = torch.autograd.grad(y.square().sum(), list(inputs.values()), create_graph=True)
    second = torch.autograd.grad(first[0].square().sum(), list(inputs.values()))
    for key, one, two in zip(inputs, first, second, strict=True):
        got |= {f"first.{key}": one, f"second.{key}": two}
    for key, tensor in got.items():
        torch.testing.assert_close(
            tensor, wanted[key], rtol=1e-6, atol=1e-6, msg=lambda text, key=key: f"{key}: {text}"
        )
