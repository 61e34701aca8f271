"""U-GAT-IT's normalisations as layers: AdaLIN, whose scale and shift come from outside, and LIN, which learns them.

The keys of their state dicts are those of the authors' ``adaILN`` (``rho``) and ``ILN`` (``rho``, ``gamma``, ``beta``),
all of shape (1, C, 1, 1).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from imtrans.nn.instance_norm import settings_of
from imtrans.ops.adalin import adalin, lin
from imtrans.ops.arguments import Activation


class _Mixed(nn.Module):
    """What both layers have: rho, the share of the instance norm, and the settings."""

    def __init__(
        self, num_features: int, rho: float, activation: Activation, slope: float, eps: float, pad: int
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.activation: Activation = activation
        self.slope = slope
        self.eps = eps
        self.pad = pad
        self.rho = nn.Parameter(torch.full((1, num_features, 1, 1), rho))

    @torch.no_grad()
    def clip_rho(self) -> None:
        """Bring rho back into [0, 1], in place."""
        self.rho.clamp_(0, 1)

    def extra_repr(self) -> str:
        """The settings, as ``print(layer)`` shows them."""
        return f"{self.num_features}, {settings_of(self)}"


class AdaLIN(_Mixed):
    """``pad(act(gamma * mix(x) + beta) + residual)`` with gamma and beta of each image, see :func:`imtrans.ops.adalin`.

    Args:
        num_features: channels C of the feature maps (N, C, H, W).
        activation: ``"none"``, ``"relu"`` or ``"leaky_relu"``.
        slope: of the leaky ReLU.
        eps: added to the variances.
        pad: pixels of the reflected border of the result, for a convolution without padding that comes next.

    rho begins at 0.9. It is used as it is; :func:`clip_rho` after each step of the optimiser keeps it in [0, 1].
    """

    def __init__(
        self,
        num_features: int,
        *,
        activation: Activation = "none",
        slope: float = 0.2,
        eps: float = 1e-5,
        pad: int = 0,
    ) -> None:
        super().__init__(num_features, 0.9, activation, slope, eps, pad)

    def forward(self, x: Tensor, gamma: Tensor, beta: Tensor, residual: Tensor | None = None) -> Tensor:
        """Normalise x (N, C, H, W), scale and shift it by gamma and beta (N, C), and add a residual."""
        return adalin(
            x,
            self.rho.flatten(),
            gamma,
            beta,
            residual,
            activation=self.activation,
            slope=self.slope,
            eps=self.eps,
            pad=self.pad,
        )


class LIN(_Mixed):
    """``pad(act(gamma * mix(x) + beta) + residual)`` with a gamma and a beta that it learns: U-GAT-IT's ``ILN``.

    The arguments are those of :class:`AdaLIN`. rho begins at 0, gamma at 1, beta at 0.
    """

    def __init__(
        self,
        num_features: int,
        *,
        activation: Activation = "none",
        slope: float = 0.2,
        eps: float = 1e-5,
        pad: int = 0,
    ) -> None:
        super().__init__(num_features, 0.0, activation, slope, eps, pad)
        self.gamma = nn.Parameter(torch.ones(1, num_features, 1, 1))
        self.beta = nn.Parameter(torch.zeros(1, num_features, 1, 1))

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """Normalise x (N, C, H, W), and add a residual."""
        return lin(
            x,
            self.rho.flatten(),
            self.gamma.flatten(),
            self.beta.flatten(),
            residual,
            activation=self.activation,
            slope=self.slope,
            eps=self.eps,
            pad=self.pad,
        )


def clip_rho(network: nn.Module) -> None:
    """Bring the rho of every :class:`AdaLIN` and :class:`LIN` in a network back into [0, 1], in place.

    U-GAT-IT's authors do this after every step of the generator's optimiser.
    """
    for layer in network.modules():
        if isinstance(layer, _Mixed):
            layer.clip_rho()
