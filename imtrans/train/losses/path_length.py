"""Path length regularisation: a step in the style space should change the picture by the same amount everywhere."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from imtrans.errors import UsageError
from imtrans.train.losses.precision import full_precision, widen


class PathLength(nn.Module):
    """weight * E (||J_w^T y||_2 - a)^2, with noise y and a the running mean of the lengths.

    J_w is the Jacobian of the pictures with respect to the styles w, and y a picture of N(0, 1) / sqrt(H W). Karras et
    al., "Analyzing and Improving the Image Quality of StyleGAN", 2020, equation 4; in the form of the authors' code,
    where the length of a picture with L styles is the root mean square over L of the lengths of each, and the mean has
    a part in the gradient.

    The running mean is the buffer ``mean``. So the object belongs among the method's networks, and checkpoints hold it.

    Args:
        weight: 2 in the authors' code.
        decay: how much of each batch the running mean takes over.
        every: the penalty is computed in every so many steps, and so many times as strong (lazy regularisation; 4 in
            the authors' code). Put it into the generator's own phase, see :mod:`imtrans.train.losses.penalties`.
    """

    mean: Tensor

    def __init__(self, weight: float = 2.0, decay: float = 0.01, every: int = 1) -> None:
        super().__init__()
        if not 0 < decay <= 1:
            raise UsageError(f"the running mean of path lengths needs a decay above 0 and up to 1, not {decay}.")
        self.weight, self.decay, self.every = weight, decay, every
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, pictures: Tensor, styles: Tensor) -> Tensor:
        """The penalty, and a step of the running mean where the module is in training mode.

        Args:
            pictures: (N, C, H, W), made from ``styles`` with gradients.
            styles: (N, L, D), a style a layer, or (N, D).

        Returns:
            A scalar in float32 (float64 for float64 pictures).

        Raises:
            UsageError: the pictures do not depend on the styles.
        """
        lengths = self.lengths(pictures, styles)
        # lerp(a, l, d) = a + d (l - a); written out, for the buffer's type may be narrower than that of the lengths.
        mean = self.mean + self.decay * (lengths.mean() - self.mean)
        if self.training:
            self.mean.copy_(mean.detach())
        return self.weight * self.every * (lengths - mean).square().mean()

    def lengths(self, pictures: Tensor, styles: Tensor) -> Tensor:
        """The length of each picture's gradient, (N,); the noise is from torch's global generator."""
        with full_precision(pictures):
            wide = widen(pictures)
            noise = torch.randn_like(wide) / math.sqrt(wide.shape[-2] * wide.shape[-1])
            gradient = self._gradient((wide * noise).sum(), styles)
        # The norm of all L styles together over sqrt(L); unlike a square root, it has a gradient at 0.
        layers = styles[0].numel() // styles.shape[-1]
        return torch.linalg.vector_norm(widen(gradient).flatten(1), dim=1) / math.sqrt(layers)

    def _gradient(self, total: Tensor, styles: Tensor) -> Tensor:
        if total.requires_grad and styles.requires_grad:
            (gradient,) = torch.autograd.grad(total, styles, create_graph=True, allow_unused=True)
            if gradient is not None:
                return gradient
        raise UsageError(
            "the pictures do not depend on the styles, so a path between styles has no length.",
            hint="Give the very styles that the pictures were made from, before any detach().",
        )

    def extra_repr(self) -> str:
        """The settings, as ``print(module)`` shows them."""
        return f"weight={self.weight}, decay={self.decay}, every={self.every}"
