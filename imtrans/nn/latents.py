"""Seeds made into what a generator starts from: latent vectors, and the noise of its layers.

A seed stands for the same picture everywhere, so both are drawn on the CPU by NumPy's legacy generator, whose numbers
never change; a picture depends on its own seed alone, not on the others of a batch. The latent is drawn as NVIDIA's
``gen_images.py`` (stylegan2-ada-pytorch, stylegan3) draws it, so that known seeds give the known pictures.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

MAX_SEED = 2**32 - 1
"""The largest seed that NumPy's ``RandomState`` takes."""

_NOISE = 1
"""Tells the stream of the layers' noise from that of the latent."""


def latents(seeds: Sequence[int], z_dim: int) -> Tensor:
    """The latent vectors of the seeds, float32 (N, z_dim) from N(0, 1)."""
    drawn = [np.random.RandomState(seed).randn(1, z_dim) for seed in seeds]
    return torch.from_numpy(np.concatenate(drawn)).float()


def layer_noise(seeds: Sequence[int], shapes: Sequence[tuple[int, int]]) -> list[Tensor]:
    """The noise of the seeds' pictures, a float32 tensor (N, 1, H, W) from N(0, 1) for each (H, W) of ``shapes``.

    NVIDIA's code draws it from the device's generator, whose numbers depend on device and batch; these do not.
    """
    states = [np.random.RandomState([seed, _NOISE]) for seed in seeds]
    return [torch.from_numpy(np.stack([state.randn(1, *shape) for state in states])).float() for shape in shapes]


def slerp(a: Tensor, b: Tensor, share: float) -> Tensor:
    """Spherical interpolation along the last dimension (White, "Sampling Generative Networks", 2016, section 2).

    Latents of N(0, 1) in many dimensions have nearly one length, which the straight line between two of them leaves.

    Args:
        a: where ``share`` is 0, (..., D).
        b: where ``share`` is 1, of the same shape.
        share: of the way from ``a`` to ``b``.
    """
    one, other = (torch.nn.functional.normalize(x.double(), dim=-1) for x in (a, b))
    angle = torch.arccos((one * other).sum(-1, keepdim=True).clamp(-1, 1))
    sine = torch.sin(angle)
    arc = (torch.sin((1 - share) * angle) * a + torch.sin(share * angle) * b) / sine.clamp(min=1e-9)
    return torch.where(sine.abs() < 1e-6, torch.lerp(a.double(), b.double(), share), arc).to(a.dtype)
