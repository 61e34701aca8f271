"""Soft-AdaLIN, the normalisation of photo2cartoon."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from imtrans.nn.adalin import AdaLIN
from imtrans.ops.arguments import Activation


class SoftAdaLIN(nn.Module):
    """AdaLIN whose scale and shift are mixed from content and style, with a weight for each channel::

        gamma = (1 - w_gamma) * s_gamma(style) + w_gamma * c_gamma(content)          beta likewise

    c_gamma and c_beta are networks of two fully connected layers with a ReLU between, s_gamma and s_beta single layers;
    w_gamma and w_beta begin at 0. The keys of the state dict are those of https://github.com/minivision-ai/photo2cartoon:
    ``norm.rho``, ``w_gamma``, ``w_beta``, ``c_gamma.0.weight`` ... ``s_beta.bias``.

    Args:
        num_features: channels C of the feature maps, and the length of content and style vectors.
        activation: ``"none"``, ``"relu"`` or ``"leaky_relu"``.
        slope: of the leaky ReLU.
        eps: added to the variances.
        pad: pixels of the reflected border of the result, for a convolution without padding that comes next.
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
        super().__init__()
        self.norm = AdaLIN(num_features, activation=activation, slope=slope, eps=eps, pad=pad)
        self.w_gamma = nn.Parameter(torch.zeros(1, num_features))
        self.w_beta = nn.Parameter(torch.zeros(1, num_features))
        self.c_gamma = _two_layers(num_features)
        self.c_beta = _two_layers(num_features)
        self.s_gamma = nn.Linear(num_features, num_features)
        self.s_beta = nn.Linear(num_features, num_features)

    def forward(self, x: Tensor, content: Tensor, style: Tensor, residual: Tensor | None = None) -> Tensor:
        """Normalise x (N, C, H, W) as content and style (N, C) say, and add a residual."""
        gamma = (1 - self.w_gamma) * self.s_gamma(style) + self.w_gamma * self.c_gamma(content)
        beta = (1 - self.w_beta) * self.s_beta(style) + self.w_beta * self.c_beta(content)
        return self.norm(x, gamma, beta, residual)


def _two_layers(features: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(features, features), nn.ReLU(), nn.Linear(features, features))
