"""What is available, why the rest is not, and whether the kernels are right: ``imtrans doctor --ops``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from imtrans.ops.backend import fallbacks
from imtrans.ops.library import Library, load
from imtrans.ops.operator import OPERATORS, Check


@dataclass(frozen=True)
class OperatorStatus:
    """One operator in this process."""

    name: str
    summary: str
    unavailable: Mapping[str, str | None]
    """For each type of device of this machine, why there is no fused kernel; None where there is one."""
    dtypes: Mapping[str, tuple[str, ...]]
    """Types of feature maps that the fused kernels take, by type of device."""
    fallbacks: Mapping[str, int]
    """Why the reference ran instead of the kernel in this process, and how often."""


@dataclass(frozen=True)
class Status:
    """The native library and every operator."""

    library: Library
    operators: tuple[OperatorStatus, ...]


def status() -> Status:
    """Describe library and operators. Loads the native library, as the first use of an operator does."""
    devices = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    return Status(
        load(),
        tuple(
            OperatorStatus(
                name=operator.name,
                summary=operator.summary,
                unavailable={device: operator.why_unavailable(torch.device(device)) for device in devices},
                dtypes={
                    device: tuple(sorted(str(dtype).removeprefix("torch.") for dtype in operator.dtypes[device]))
                    for device in devices
                },
                fallbacks=fallbacks(operator.name),
            )
            for operator in OPERATORS.values()
        ),
    )


def self_check(device: str | torch.device = "cpu") -> dict[str, list[Check]]:
    """Run every operator that has kernels for ``device`` against its reference in float64.

    Returns:
        The comparisons by operator; an operator without kernels for the device has an empty list.
    """
    device = torch.device(device)
    return {
        operator.name: [] if operator.why_unavailable(device) is not None else operator.self_check(device)
        for operator in OPERATORS.values()
    }
