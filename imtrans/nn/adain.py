"""The adaptive instance norm as a layer, with the affine layer that reads its scale and shift off a style vector."""

from __future__ import annotations

from torch import Tensor, nn

from imtrans.nn.instance_norm import settings_of
from imtrans.ops.adain import adain_affine
from imtrans.ops.arguments import Activation


class AdaIN(nn.Module):
    """``pad(act((1 + gamma) * norm(x) + beta) + residual)``, gamma and beta being an affine function of a style vector.

    As in StyleGAN and StarGAN v2, whose keys the state dict has: ``fc.weight`` (2 C, style_dim) and ``fc.bias`` (2 C),
    first the gammas, then the betas. For the statistics of a style's feature maps see :func:`imtrans.ops.adain`, which
    has nothing to learn.

    Args:
        num_features: channels C of the feature maps (N, C, H, W).
        style_dim: length of the style vectors.
        activation: ``"none"``, ``"relu"`` or ``"leaky_relu"``.
        slope: of the leaky ReLU.
        eps: added to the variance.
        pad: pixels of the reflected border of the result, for a convolution without padding that comes next.
    """

    def __init__(
        self,
        num_features: int,
        style_dim: int,
        *,
        activation: Activation = "none",
        slope: float = 0.2,
        eps: float = 1e-5,
        pad: int = 0,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.activation: Activation = activation
        self.slope = slope
        self.eps = eps
        self.pad = pad
        self.fc = nn.Linear(style_dim, 2 * num_features)

    def forward(self, x: Tensor, style: Tensor, residual: Tensor | None = None) -> Tensor:
        """Normalise x (N, C, H, W), scale and shift it as ``style`` (N, style_dim) says, and add a residual."""
        gamma, beta = self.fc(style).chunk(2, dim=1)
        return adain_affine(
            x,
            1 + gamma,
            beta,
            residual,
            activation=self.activation,
            slope=self.slope,
            eps=self.eps,
            pad=self.pad,
        )

    def extra_repr(self) -> str:
        """The settings, as ``print(layer)`` shows them."""
        return f"{self.num_features}, {settings_of(self)}"
