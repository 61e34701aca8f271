"""The mapping network: from a latent z, which is drawn, to a style w, which pictures are made from."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from imtrans.nn.equalised import SLOPE, EqualisedLinear, pixel_norm

_DECAY = 0.99
"""Share of the average style that a batch leaves."""


class MappingNetwork(nn.Module):
    """w = f(z / rms(z)), f of fully connected layers that learn a hundredth as fast as others.

    Karras et al., "A Style-Based Generator Architecture for GANs", 2019, section 2. ``mean_w`` is a running average of
    w; truncation moves every w towards it (appendix B).

    Args:
        z_dim: numbers in z.
        w_dim: numbers in w.
        num_ws: how often w is repeated, once a layer of the synthesis.
        layers: fully connected layers.
    """

    mean_w: Tensor

    def __init__(self, z_dim: int, w_dim: int, num_ws: int, layers: int) -> None:
        super().__init__()
        self.num_ws = num_ws
        self.FC = nn.ModuleList(
            EqualisedLinear(w_dim if place else z_dim, w_dim, lr_multiplier=0.01) for place in range(layers)
        )
        self.register_buffer("mean_w", torch.zeros(1, w_dim))

    def forward(
        self,
        z: Tensor,
        labels: Tensor | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        *,
        update_average: bool = True,
    ) -> Tensor:
        """Styles (N, num_ws, w_dim).

        Args:
            z: (N, z_dim), of any length: only its direction counts.
            labels: not used; this network has no classes.
            truncation_psi: 1 leaves w alone, 0 makes it the average.
            truncation_cutoff: truncate only the first so many styles; None for all.
            update_average: whether a network in training mode moves its average.
        """
        w = pixel_norm(z)
        for layer in self.FC:
            w = functional.leaky_relu(layer(w), SLOPE)
        if self.training and update_average:
            with torch.no_grad():
                mean = w.detach().mean(0, keepdim=True).to(self.mean_w.dtype)
                self.mean_w.copy_(mean.lerp(self.mean_w, _DECAY))
        ws = w.unsqueeze(1).repeat(1, self.num_ws, 1)
        if truncation_psi == 1:
            return ws
        cutoff = self.num_ws if truncation_cutoff is None else truncation_cutoff
        return torch.cat([self.mean_w.to(ws.dtype).lerp(ws[:, :cutoff], truncation_psi), ws[:, cutoff:]], 1)
