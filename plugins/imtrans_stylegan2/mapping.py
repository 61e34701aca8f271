"""The mapping network: from a latent z, which is drawn, to a style w, which pictures are made from."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from imtrans_stylegan2.layers import FullyConnected, normalise_second_moment


class MappingNetwork(nn.Module):
    """w = f(z / rms(z)), f of fully connected layers that learn a hundredth as fast as others.

    Karras et al., "A Style-Based Generator Architecture for GANs", 2019, section 2. A class comes in as an embedding
    beside z. ``w_avg`` is a running average of w; truncation moves every w towards it (its appendix B).

    Args:
        z_dim: numbers in z; 0 maps classes alone, as a discriminator does.
        c_dim: classes; 0 for none.
        w_dim: numbers in w.
        num_ws: how often w is repeated, once a layer of the synthesis; 0 leaves it as (N, D), without an average.
        layers: fully connected layers.
        average_decay: share of ``w_avg`` that a batch leaves.
    """

    w_avg: Tensor

    def __init__(
        self, z_dim: int, c_dim: int, w_dim: int, num_ws: int, layers: int = 8, average_decay: float = 0.995
    ) -> None:
        super().__init__()
        self.z_dim, self.c_dim, self.num_ws, self.num_layers = z_dim, c_dim, num_ws, layers
        self.average_decay = average_decay
        if c_dim > 0:
            self.embed = FullyConnected(c_dim, w_dim)
        features = [z_dim + (w_dim if c_dim > 0 else 0)] + [w_dim] * layers
        for index in range(layers):
            layer = FullyConnected(features[index], w_dim, activation="lrelu", lr_multiplier=0.01)
            self.add_module(f"fc{index}", layer)
        if num_ws > 0:
            self.register_buffer("w_avg", torch.zeros(w_dim))

    def forward(
        self,
        z: Tensor | None,
        labels: Tensor | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        *,
        update_average: bool = True,
    ) -> Tensor:
        """Styles.

        Args:
            z: (N, z_dim), of any length: only its direction counts.
            labels: the classes' numbers, int64 (N,); None for networks without classes.
            truncation_psi: 1 leaves w alone, 0 makes it the average.
            truncation_cutoff: truncate only the first so many styles; None for all.
            update_average: whether a network in training mode moves its average.

        Returns:
            (N, num_ws, w_dim), or (N, w_dim) with ``num_ws=0``.
        """
        parts = []
        if z is not None and self.z_dim > 0:
            parts.append(normalise_second_moment(z.to(self.dtype)))
        if labels is not None and self.c_dim > 0:
            classes = functional.one_hot(labels, self.c_dim)
            parts.append(normalise_second_moment(self.embed(classes.to(self.dtype))))
        w = torch.cat(parts, 1)
        for index in range(self.num_layers):
            w = self.get_submodule(f"fc{index}")(w)
        if self.num_ws == 0:
            return w
        if self.training and update_average:
            with torch.no_grad():
                self.w_avg.copy_(w.detach().mean(0).to(self.w_avg.dtype).lerp(self.w_avg, self.average_decay))
        return self.truncate(w.unsqueeze(1).repeat(1, self.num_ws, 1), truncation_psi, truncation_cutoff)

    def truncate(self, ws: Tensor, psi: float, cutoff: int | None = None) -> Tensor:
        """w_avg + psi (w - w_avg) in the first ``cutoff`` styles (all for None)."""
        if psi == 1:
            return ws
        cutoff = self.num_ws if cutoff is None else cutoff
        return torch.cat([self.w_avg.to(ws.dtype).lerp(ws[:, :cutoff], psi), ws[:, cutoff:]], 1)

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        weight: Tensor = self.get_submodule("fc0").weight  # type: ignore[assignment]
        return weight.dtype
