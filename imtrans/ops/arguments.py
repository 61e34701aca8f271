"""What users may pass to a normalisation, and how it is told when it does not fit."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from imtrans.errors import UsageError
from imtrans.ops.reflect_pad import require_paddable

Activation = Literal["none", "relu", "leaky_relu"]


def slope_of(activation: str, slope: float) -> float:
    """One number says it all: ``act(z) = z if z > 0 else slope * z``.

    Raises:
        UsageError: there is no such activation.
    """
    if activation == "relu":
        return 0.0
    if activation == "none":
        return 1.0
    if activation != "leaky_relu":
        raise UsageError(
            f"there is no activation called {activation!r}.", have="Activations: 'none', 'relu', 'leaky_relu'."
        )
    return slope


def require_map(operator: str, x: Tensor, eps: float, pad: int = 0) -> None:
    """Refuse what has no statistics, or is too small for its border.

    Raises:
        UsageError: no feature maps, empty ones, types that are not floating, a negative eps, a border that is not less
            than both sides.
    """
    if x.dim() != 4:
        raise UsageError(f"{operator} takes feature maps (N, C, H, W), not a tensor of shape {tuple(x.shape)}.")
    if x.numel() == 0:
        raise UsageError(f"{operator} has nothing to take statistics from in a tensor of shape {tuple(x.shape)}.")
    if not x.is_floating_point():
        raise UsageError(f"{operator} takes floating-point feature maps, not {x.dtype}.")
    if not eps >= 0:
        raise UsageError(f"{operator} needs an eps of at least 0, not {eps}.")
    if pad != 0:
        require_paddable(operator, x, pad)


def require_fits(operator: str, name: str, tensor: Tensor, x: Tensor, *shapes: tuple[int, ...]) -> None:
    """Refuse a tensor that has none of the ``shapes``, or another device than x, or no floating type."""
    shape = tuple(tensor.shape)
    if shape not in shapes:
        raise UsageError(
            f"the {name} of {operator} has shape {shape}.",
            have=f"For feature maps of shape {tuple(x.shape)} it has shape {' or '.join(map(str, shapes))}.",
        )
    if tensor.device != x.device:
        raise UsageError(f"the {name} of {operator} is on {tensor.device}, and the feature maps are on {x.device}.")
    if not tensor.is_floating_point():
        raise UsageError(f"the {name} of {operator} is of a floating type, not {tensor.dtype}.")


def require_residual(operator: str, residual: Tensor, x: Tensor) -> None:
    """Refuse a residual that is neither as large as x nor larger by the same number of pixels on each side."""
    if residual.shape != x.shape:
        border = border_of(residual, x) if residual.dim() == 4 else 0
        height, width = x.shape[2:]
        fits = (*x.shape[:2], height + 2 * border, width + 2 * border)
        if border < 0 or tuple(residual.shape) != fits:
            raise UsageError(
                f"the residual of {operator} has shape {tuple(residual.shape)}.",
                have=f"For feature maps of shape {tuple(x.shape)} it has that shape, or the same number of pixels more "
                "on each side.",
            )
    require_fits(operator, "residual", residual, x, tuple(residual.shape))


def border_of(residual: Tensor, x: Tensor) -> int:
    """How many pixels a residual is larger than x on each side."""
    return (residual.shape[2] - x.shape[2]) // 2


def interior(residual: Tensor, border: int) -> Tensor:
    """A map without its border."""
    return residual if border == 0 else residual[:, :, border:-border, border:-border]


def statistics_dtype(dtype: torch.dtype) -> torch.dtype:
    """The type of statistics, parameters and arithmetic for feature maps of type ``dtype``."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def full_precision(x: Tensor) -> torch.autocast:
    """A ``with`` block in which autocast converts nothing on the device of x."""
    return torch.autocast(x.device.type, enabled=False)
