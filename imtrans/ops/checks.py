"""Self-checks: an operator in every type and layout against itself in float64, computed by the reference."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from imtrans.ops.backend import use_backend
from imtrans.ops.operator import Check

TOLERANCES = {torch.float64: 1e-10, torch.float32: 1e-5, torch.bfloat16: 2e-2, torch.float16: 3e-3}
"""Largest accepted error, relative to the largest value."""

LAYOUTS = {"contiguous": torch.contiguous_format, "channels-last": torch.channels_last}


def check_against_reference(
    dtypes: Iterable[torch.dtype], device: torch.device, function: Callable[..., Tensor]
) -> list[Check]:
    """Compare ``function(x, weight, bias, residual, activation=..., pad=...)`` and its gradients with float64."""
    checks: list[Check] = []
    for dtype in sorted(dtypes, key=str):
        for layout, memory_format in LAYOUTS.items():
            inputs = [tensor.to(device, dtype) for tensor in _inputs()]
            inputs[0] = inputs[0].contiguous(memory_format=memory_format)
            with use_backend("fused"):
                got = _value_and_gradients(function, inputs)
            with use_backend("reference"):
                want = _value_and_gradients(function, [tensor.double() for tensor in inputs])
            name = f"{str(dtype).removeprefix('torch.')} {layout}"
            checks += [
                Check(f"{name}, {what}", _relative_error(a, b), TOLERANCES[dtype])
                for (what, a), b in zip(got.items(), want.values(), strict=True)
            ]
    return checks


def check_padding(
    dtypes: Iterable[torch.dtype], device: torch.device, function: Callable[[Tensor, int], Tensor]
) -> list[Check]:
    """Compare ``function(x, padding)`` and two orders of gradients with float64, for borders of 1 and 3 pixels."""
    checks: list[Check] = []
    for dtype in sorted(dtypes, key=str):
        for layout, memory_format in LAYOUTS.items():
            x = _inputs()[0].to(device, dtype).contiguous(memory_format=memory_format)
            for padding in (1, 3):
                with use_backend("fused"):
                    got = _padded_and_gradients(function, x, padding)
                with use_backend("reference"):
                    want = _padded_and_gradients(function, x.double(), padding)
                name = f"{str(dtype).removeprefix('torch.')} {layout}, padding {padding}"
                checks += [
                    Check(f"{name}, {what}", _relative_error(a, b), TOLERANCES[dtype])
                    for (what, a), b in zip(got.items(), want.values(), strict=True)
                ]
    return checks


def check_moments(
    dtypes: Iterable[torch.dtype], device: torch.device, function: Callable[[Tensor], tuple[Tensor, Tensor]]
) -> list[Check]:
    """Compare mean and deviation, as ``function(x)`` gives them, and two orders of gradients with float64."""
    checks: list[Check] = []
    for dtype in sorted(dtypes, key=str):
        for layout, memory_format in LAYOUTS.items():
            x = _inputs()[0].to(device, dtype).contiguous(memory_format=memory_format)
            with use_backend("fused"):
                got = _moments_and_gradients(function, x)
            with use_backend("reference"):
                want = _moments_and_gradients(function, x.double())
            name = f"{str(dtype).removeprefix('torch.')} {layout}"
            checks += [
                Check(f"{name}, {what}", _relative_error(a, b), TOLERANCES[dtype])
                for (what, a), b in zip(got.items(), want.values(), strict=True)
            ]
    return checks


def check_resampling(
    dtypes: Iterable[torch.dtype], device: torch.device, function: Callable[..., Tensor]
) -> list[Check]:
    """Compare ``function(x, f, up=..., down=..., padding=...)`` and two orders of gradients with float64."""
    generator = torch.Generator().manual_seed(0)
    f = torch.randn(3, 4, generator=generator).to(device)
    cases: dict[str, dict[str, Any]] = {
        "filtered": {"padding": (1, 2, 1, 1)},
        "enlarged": {"up": (2, 3), "padding": (2, 1, -1, 3), "gain": 4.0},
        "shrunk": {"down": (2, 1), "padding": 2, "flip_filter": True},
    }
    checks: list[Check] = []
    for dtype, layout, (name, numbers) in itertools.product(sorted(dtypes, key=str), LAYOUTS, cases.items()):
        x = _inputs()[0].to(device, dtype).contiguous(memory_format=LAYOUTS[layout])

        def resampled(x: Tensor, _: int, numbers: dict[str, Any] = numbers) -> Tensor:
            return function(x, f, **numbers)

        with use_backend("fused"):
            got = _padded_and_gradients(resampled, x, 0)
        with use_backend("reference"):
            want = _padded_and_gradients(resampled, x.double(), 0)
        checks += _compared(f"{str(dtype).removeprefix('torch.')} {layout} {name}", got, want, TOLERANCES[dtype])
    return checks


def check_bias_act(dtypes: Iterable[torch.dtype], device: torch.device, function: Callable[..., Tensor]) -> list[Check]:
    """Compare ``function(x, bias, scale=..., ...)`` and two orders of its gradients with float64."""
    checks: list[Check] = []
    for dtype, layout in itertools.product(sorted(dtypes, key=str), LAYOUTS):
        inputs = [tensor.to(device, dtype) for tensor in _pointwise_inputs()]
        inputs[0] = inputs[0].contiguous(memory_format=LAYOUTS[layout])
        with use_backend("fused"):
            got = _activated_and_gradients(function, inputs)
        with use_backend("reference"):
            want = _activated_and_gradients(function, [tensor.double() for tensor in inputs])
        checks += _compared(f"{str(dtype).removeprefix('torch.')} {layout}", got, want, TOLERANCES[dtype])
    return checks


def _pointwise_inputs() -> list[Tensor]:
    """x, bias, scale, noise, its strength and the next style. Where x is rounded, so is all else, to the same."""
    x, _, bias, _ = _inputs()
    generator = torch.Generator().manual_seed(1)
    shapes = (2, 19), (2, 1, 9, 13), (), (2, 19)
    return [x, bias, *(torch.randn(shape, generator=generator) for shape in shapes)]


def _activated_and_gradients(function: Callable[..., Tensor], inputs: list[Tensor]) -> dict[str, Tensor]:
    x, bias, scale, noise, strength, style = inputs
    x, bias, scale, strength, style = leaves = [
        each.detach().requires_grad_() for each in (x, bias, scale, strength, style)
    ]
    parts = {"scale": scale, "noise": noise, "noise_strength": strength, "next_style": style}
    y = function(x, bias, activation="lrelu", clamp=8.0, **parts)
    names = "x", "bias", "scale", "noise strength", "next style"
    first = torch.autograd.grad(y.square().sum(), leaves, create_graph=True)
    # Where the first are as large as sums over maps, what is left of the second would be their rounding.
    second = torch.autograd.grad(first[0].square().sum(), leaves)
    found = {"output": y}
    found |= {f"gradient of {name}": one for name, one in zip(names, first, strict=True)}
    return found | {f"second gradient of {name}": two for name, two in zip(names, second, strict=True)}


def _compared(name: str, got: dict[str, Tensor], want: dict[str, Tensor], tolerance: float) -> list[Check]:
    return [Check(f"{name}, {what}", _relative_error(one, want[what]), tolerance) for what, one in got.items()]


def _moments_and_gradients(function: Callable[[Tensor], tuple[Tensor, Tensor]], x: Tensor) -> dict[str, Tensor]:
    x = x.detach().requires_grad_()
    mean, std = function(x)
    (first,) = torch.autograd.grad((mean * std.square()).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), x)
    return {"mean": mean, "deviation": std, "gradient": first, "second gradient": second}


def _padded_and_gradients(function: Callable[[Tensor, int], Tensor], x: Tensor, padding: int) -> dict[str, Tensor]:
    x = x.detach().requires_grad_()
    y = function(x, padding)
    (first,) = torch.autograd.grad(y.pow(3).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), x)
    return {"output": y, "gradient": first, "second gradient": second}


def _inputs() -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    return [3 + 2 * normal(2, 19, 9, 13), 1 + 0.1 * normal(19), normal(19), normal(2, 19, 9, 13)]


def _value_and_gradients(function: Callable[..., Tensor], inputs: list[Tensor]) -> dict[str, Tensor]:
    x, weight, bias, residual = (tensor.detach().requires_grad_() for tensor in inputs)
    y = function(x, weight, bias, residual, activation="leaky_relu", pad=1)
    first = torch.autograd.grad((y * y).sum(), [x, weight, bias], create_graph=True)
    (second,) = torch.autograd.grad(first[0].square().sum(), [x])
    return {"output": y, "gradient of x": first[0], "gradient of weight": first[1], "gradient of bias": first[2]} | {
        "second gradient of x": second
    }


def _relative_error(got: Tensor, want: Tensor) -> float:
    want = want.detach().double()
    return float((got.detach().double() - want).abs().max() / want.abs().max())
