"""What a network that draws pictures looks like from outside: the contract of models with ``task="generate"``.

Every such network is a :class:`GenerativeNetwork`. One that separates styles from their synthesis, as the StyleGANs do,
is a :class:`StyleNetwork` besides, and can be truncated and mixed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor

__all__ = ["GenerativeNetwork", "StyleNetwork"]


@runtime_checkable
class GenerativeNetwork(Protocol):
    """Pictures from latent vectors: a module called as ``network(z)`` or ``network(z, labels)``.

    It is given z, (N, z_dim) from N(0, 1), and, where ``classes`` is not 0, the numbers of the classes, int64 (N,); it
    returns (N, C, H, W) in the card's value range, where C is 1 (grey) or 3 (in the card's order of channels). In eval
    mode a picture depends on its own z and label alone.
    """

    z_dim: int
    """Numbers in a latent vector."""
    classes: int
    """Classes that a picture can be asked for; 0 for an unconditional network."""
    output_size: tuple[int, int]
    """Height and width of the pictures."""


@runtime_checkable
class StyleNetwork(GenerativeNetwork, Protocol):
    """A network in two halves, each a method or a submodule of the network.

    ``mapping(z, labels, truncation_psi=1.0, truncation_cutoff=None)`` gives the styles ws, (N, num_ws, w_dim), with the
    first ``truncation_cutoff`` of them (None for all) moved towards their average: w_avg + psi (w - w_avg).

    ``synthesis(ws, noise_mode="const", noise=None)`` makes pictures of them, with the network's own noise (``const``),
    none (``none``) or ``random`` noise: that of ``noise``, tensors (N, 1, H, W) for each of ``noise_shapes``, or where
    it is None, drawn from torch's generator.
    """

    num_ws: int
    """Layers that take a style."""
    w_dim: int
    """Numbers in a style."""
    noise_shapes: Sequence[tuple[int, int]]
    """Height and width of the noise of each layer that takes some; empty where none does."""
    mapping: Callable[..., Tensor]
    synthesis: Callable[..., Tensor]
