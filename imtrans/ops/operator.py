"""What an operator consists of, and the list of them all. Adding one is adding a file; see ``docs/operators.md``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from imtrans.errors import BackendError
from imtrans.ops import library
from imtrans.ops.backend import current_backend, note_fallback

OPERATORS: dict[str, Operator] = {}
"""Every operator by name, in the order in which they were defined."""


@dataclass(frozen=True)
class Check:
    """One comparison of a self-check: an operator against its reference in float64."""

    case: str
    """What was compared, such as ``"bfloat16 channels-last, gradient of x"``."""
    error: float
    """Largest absolute difference, divided by the largest absolute value of the reference."""
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance; NaN is not."""
        return self.error <= self.tolerance


@dataclass(frozen=True)
class Operator:
    """A fused operator: its native kernels, the PyTorch code they must agree with, and how to tell which serves."""

    name: str
    """Stem of every file of the operator, and of ``imtrans::<name>`` in torch's dispatcher."""
    summary: str
    """One line for tables."""
    schemas: Mapping[str, str]
    """``{name in the dispatcher: signature}``, the forward first, then its derivatives."""
    reference: Callable[..., Tensor | tuple[Tensor, ...]]
    """The same function in readable PyTorch, differentiable to any order."""
    self_check: Callable[[torch.device], list[Check]]
    """Compares kernels and reference on small inputs; called where the native kernels exist."""
    dtypes: Mapping[str, frozenset[torch.dtype]] = field(default_factory=dict)
    """Types of feature maps that the kernels take, by type of device."""

    def why_unavailable(self, device: torch.device) -> str | None:
        """Why the kernels cannot run on this device at all; None if they can."""
        return library.why_no_kernel(self.name, device.type)

    def why_not(self, x: Tensor) -> str | None:
        """Why the kernels cannot take this feature map; None if they can."""
        taken = self.dtypes.get(x.device.type, frozenset())
        unavailable = self.why_unavailable(x.device)
        if unavailable is None and x.dtype not in taken:
            names = ", ".join(sorted(str(dtype).removeprefix("torch.") for dtype in taken))
            return f"on {x.device.type} its kernels take {names}, not {str(x.dtype).removeprefix('torch.')}."
        return unavailable

    def is_fused(self, reason: str | None) -> bool:
        """Decide between kernel and reference, given why the kernel does not fit (None: it fits).

        Raises:
            BackendError: the backend ``fused`` is in force and the kernel does not fit.
        """
        backend = current_backend()
        if backend == "reference":
            return False
        if reason is not None and backend == "fused":
            raise BackendError(
                f"{self.name} has no fused kernel for this call: {reason}",
                hint="Call it under use_backend('auto') or use_backend('reference'); "
                "'imtrans doctor --ops' shows what is available.",
            )
        if reason is not None:
            note_fallback(self.name, reason)
        return reason is None


def define(operator: Operator) -> Operator:
    """Register the operator's schemas with torch and the operator with imtrans."""
    for name, signature in operator.schemas.items():
        torch.library.define(f"imtrans::{name}", signature, tags=torch.Tag.pt2_compliant_tag)
    OPERATORS[operator.name] = operator
    return operator
