"""The fused instance norm as a layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from imtrans.ops.arguments import Activation
from imtrans.ops.instance_norm import instance_norm


class InstanceNorm2d(nn.Module):
    """``pad(act(norm(x) * weight + bias) + residual)``, see :func:`imtrans.ops.instance_norm`.

    Without an activation, a residual and a border it computes what ``torch.nn.InstanceNorm2d`` computes without running
    statistics, in training and in evaluation alike, but it keeps channels-last maps channels-last. The keys of its
    state dict are those of torch's layer: none, or ``weight`` and ``bias`` with ``affine=True``.

    Args:
        num_features: channels C of the feature maps (N, C, H, W).
        affine: learn a scale and a shift for each channel, 1 and 0 at first.
        activation: ``"none"``, ``"relu"`` or ``"leaky_relu"``.
        slope: of the leaky ReLU.
        eps: added to the variance.
        pad: pixels of the reflected border of the result, for a convolution without padding that comes next.
    """

    weight: nn.Parameter | None
    bias: nn.Parameter | None

    def __init__(
        self,
        num_features: int,
        *,
        affine: bool = False,
        activation: Activation = "none",
        slope: float = 0.2,
        eps: float = 1e-5,
        pad: int = 0,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.affine = affine
        self.activation: Activation = activation
        self.slope = slope
        self.eps = eps
        self.pad = pad
        self.register_parameter("weight", nn.Parameter(torch.ones(num_features)) if affine else None)
        self.register_parameter("bias", nn.Parameter(torch.zeros(num_features)) if affine else None)

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """Normalise x (N, C, H, W), and add a residual of the same shape, or the interior of one with a border."""
        return instance_norm(
            x,
            self.weight,
            self.bias,
            residual,
            activation=self.activation,
            slope=self.slope,
            eps=self.eps,
            pad=self.pad,
        )

    def extra_repr(self) -> str:
        """The settings, as ``print(layer)`` shows them."""
        return ", ".join([str(self.num_features), f"affine={self.affine}", settings_of(self)])


def settings_of(layer: nn.Module) -> str:
    """Activation, eps and border of a normalisation, as ``print(layer)`` shows them."""
    parts = [] if layer.activation == "none" else [f"activation={layer.activation}"]
    if layer.activation == "leaky_relu":
        parts.append(f"slope={layer.slope}")
    parts.append(f"eps={layer.eps}")
    return ", ".join(parts if layer.pad == 0 else [*parts, f"pad={layer.pad}"])
