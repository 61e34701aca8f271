"""Adaptive discriminator augmentation: how strongly to augment follows from how well the discriminator knows its data.

Karras, Aittala, Hellsten, Laine, Lehtinen, Aila: "Training Generative Adversarial Networks with Limited Data", 2020,
https://arxiv.org/abs/2006.06676. Real pictures and fakes are augmented alike, each transformation with probability p,
so that the generator never learns to make augmented pictures while p stays below about 0.8 (section 2.2).
r = E[sign D(x)] over real pictures near 1 means that the discriminator has learnt them by heart, and p rises
(section 3.1).
"""

from __future__ import annotations

import torch
from torch import Tensor, distributed, nn

from imtrans.train.losses.precision import full_precision, widen
from imtrans_stylegan2.augment_colour import colour_matrices, recolour
from imtrans_stylegan2.augment_geometry import blits, geometry, warp
from imtrans_stylegan2.config import AugmentConfig
from imtrans_stylegan2.draws import Draws


def augment(pictures: Tensor, p: Tensor | float, pipe: str = "bgc", draws: Draws | None = None) -> Tensor:
    """Transform each picture at random; differentiable by the pictures to any order.

    Computed in float32 at least, also under autocast: places in a picture have more digits than half precision has.

    Args:
        pictures: (N, 3, H, W), from -1 to 1; colours may leave that range.
        p: the probability of each transformation.
        pipe: groups of transformations: ``b`` mirrors, turns by right angles and shifts by whole pixels, ``g`` scales,
            turns and shifts freely, ``c`` changes brightness, contrast, luma, hue and saturation.
        draws: random numbers; None draws from torch's global generator.

    Returns:
        Pictures of the same shape and type.
    """
    draws = draws or Draws(len(pictures), pictures.device)
    size = (pictures.shape[3], pictures.shape[2])
    wide = widen(pictures)
    backward = torch.eye(3, device=pictures.device)
    with full_precision(pictures):
        if "b" in pipe:
            backward = backward @ blits(size, p, draws)
        if "g" in pipe:
            backward = backward @ geometry(size, p, draws)
        if "b" in pipe or "g" in pipe:
            wide = warp(wide, backward)
        if "c" in pipe:
            wide = recolour(wide, colour_matrices(p, draws))
    return wide.to(pictures.dtype)


class AdaptiveAugmentation(nn.Module):
    """Augments, and adapts how often. Its state is in buffers, so it stands among a method's networks.

    Args:
        config: kind, target and pace.
    """

    p: Tensor
    signs: Tensor
    seen: Tensor

    def __init__(self, config: AugmentConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("p", torch.tensor(config.p))
        self.register_buffer("signs", torch.zeros(()))
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, pictures: Tensor) -> Tensor:
        """The pictures as the discriminator is to see them."""
        return augment(pictures, self.p, self.config.pipe)

    @torch.no_grad()
    def observe(self, real: Tensor) -> None:
        """Take note of scores of real pictures."""
        self.signs += real.detach().float().sign().sum()
        self.seen += real.numel()

    @torch.no_grad()
    def adapt(self) -> None:
        """Move p by as much as the pictures seen since the last call allow, towards the target (kind ``ada`` only)."""
        if self.config.kind != "ada":
            return
        if distributed.is_available() and distributed.is_initialized():  # one p for all processes
            distributed.all_reduce(self.signs)
            distributed.all_reduce(self.seen)
        mean = self.signs / self.seen.clamp(min=1)
        step = self.seen / (self.config.kimg * 1000)
        self.p.copy_((self.p + (mean - self.config.target).sign() * step).clamp(0, 1))
        self.signs.zero_()
        self.seen.zero_()
