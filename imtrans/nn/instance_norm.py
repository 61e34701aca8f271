"""The fused instance norm as a layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from imtrans.ops.instance_norm import Activation, instance_norm


class InstanceNorm2d(nn.Module):
    """``act(norm(x) * weight + bias) + residual``, see :func:`imtrans.ops.instance_norm`.

    Without an activation and a residual it computes what ``torch.nn.InstanceNorm2d`` computes without running
    statistics, in training and in evaluation alike, but it keeps channels-last maps channels-last. The keys of its
    state dict are those of torch's layer: none, or ``weight`` and ``bias`` with ``affine=True``.

    Args:
        num_features: channels C of the feature maps (N, C, H, W).
        affine: learn a scale and a shift for each channel, 1 and 0 at first.
        activation: ``"none"``, ``"relu"`` or ``"leaky_relu"``.
        slope: of the leaky ReLU.
        eps: added to the variance.
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
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.affine = affine
        self.activation: Activation = activation
        self.slope = slope
        self.eps = eps
        self.register_parameter("weight", nn.Parameter(torch.ones(num_features)) if affine else None)
        self.register_parameter("bias", nn.Parameter(torch.zeros(num_features)) if affine else None)

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """Normalise x (N, C, H, W), and add a residual of the same shape."""
        return instance_norm(
            x,
            self.weight,
            self.bias,
            residual,
            activation=self.activation,
            slope=self.slope,
            eps=self.eps,
        )

    def extra_repr(self) -> str:
        """The settings, as ``print(layer)`` shows them."""
        parts = [str(self.num_features), f"affine={self.affine}"]
        if self.activation != "none":
            parts.append(f"activation={self.activation}")
        if self.activation == "leaky_relu":
            parts.append(f"slope={self.slope}")
        return ", ".join([*parts, f"eps={self.eps}"])
