"""What the normalisations have in common around their kernels: the end of the formula, borders, the limit of order."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from imtrans.errors import BackendError
from imtrans.ops import reflect_pad
from imtrans.ops.arguments import border_of, interior


def finish(z: Tensor, residual: Tensor | None, slope: float, pad: int) -> Tensor:
    """``pad(act(z) + residual)``, in plain PyTorch."""
    if slope != 1:
        z = functional.leaky_relu(z, slope)
    if residual is not None:
        z = z + interior(residual, border_of(residual, z)).to(z.dtype)
    return reflect_pad.reference(z, pad) if pad > 0 else z


def new_padded(x: Tensor, pad: int) -> Tensor:
    """An uninitialised map with a border, as the kernels make it."""
    return torch.empty_like(x) if pad == 0 else reflect_pad.bordered(x, pad)


def residual_gradient(ctx: Any, dy: Tensor | None, folded: Tensor | None) -> Tensor | None:
    """The gradient of a residual of which only the interior was read: ``dy`` without its border, in a border of zeros.

    Args:
        ctx: with ``pad`` of the output and ``border`` of the residual.
        dy: the gradient of the output, or None where it has none.
        folded: dy without its border, where the kernel has given it.
    """
    if dy is None:
        return None
    if ctx.pad > 0 and folded is None:
        folded = torch.ops.imtrans.reflect_fold(reflect_pad.dense(dy), ctx.pad)
    gradient = dy if folded is None else folded
    return gradient if ctx.border == 0 else functional.pad(gradient, (ctx.border,) * 4)


def refuse_third_order(name: str) -> None:
    """Give ``imtrans::<name>_backward_backward`` a gradient that raises a BackendError."""

    def third_order(ctx: Any, *_: Tensor | None) -> None:
        raise BackendError(
            f"the fused {name} has first and second gradients, and a third was asked for.",
            hint="Compute the forward pass under imtrans.ops.use_backend('reference').",
        )

    def save_nothing(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        pass

    torch.library.register_autograd(f"imtrans::{name}_backward_backward", third_order, setup_context=save_nothing)
