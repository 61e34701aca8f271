"""How StyleGAN2 learns: the non-saturating loss, R1 and path lengths now and then, mixed styles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from imtrans.data.augmentation import Augmentation
from imtrans.data.kinds import KindName
from imtrans.train.latent_samples import latent_columns
from imtrans.train.losses import PathLength, discriminator_loss, generator_loss, r1_penalty
from imtrans.train.method import Adam, Losses, Method, Phase, Step
from imtrans.train.style_mixing import mixed_styles
from imtrans.train.translators import GENERATES
from imtrans_stylegan2.ada import AdaptiveAugmentation
from imtrans_stylegan2.config import StyleGAN2Config
from imtrans_stylegan2.discriminator import Discriminator
from imtrans_stylegan2.generator import build_generator


class StyleGAN2(Method):
    """Karras et al., 2020, as NVIDIA's stylegan2-ada-pytorch trains it.

    Networks: ``generator`` (z -> pictures), ``discriminator`` (pictures -> scores), ``path_length`` (the running mean
    of path lengths), ``augment`` (what the discriminator sees, where ``augment.kind`` is not none). With classes
    (``generator.c_dim``) it learns from pictures in folders by class.
    """

    data: ClassVar[KindName] = "single"
    augmentation = Augmentation(load_size=256, crop_size=256)

    def __init__(self, config: StyleGAN2Config) -> None:
        super().__init__(config)
        self.generator = build_generator(config.generator)
        self.discriminator = Discriminator(config.generator, config.discriminator)
        self.path_length = PathLength(config.pl_weight, config.pl_decay, every=config.pl_every)
        self.networks = nn.ModuleDict(
            {"generator": self.generator, "discriminator": self.discriminator, "path_length": self.path_length}
        )
        self.augment = AdaptiveAugmentation(config.augment) if config.augment.kind != "none" else None
        if self.augment is not None:
            self.networks["augment"] = self.augment

    @classmethod
    def data_for(cls, config: StyleGAN2Config) -> KindName:
        """Pictures, and for a conditional network pictures in folders by class."""
        return "classes" if config.generator.c_dim > 0 else cls.data

    @classmethod
    def classes(cls, config: StyleGAN2Config) -> int | None:
        """As many as the generator knows."""
        return config.generator.c_dim or None

    def phases(self) -> Sequence[Phase]:
        """The generator, then the discriminator, in the authors' order; each with its penalty now and then."""
        adam = Adam(self.config.lr, self.config.beta1, self.config.beta2)
        return (
            Phase("generator", (self.generator,), self.generator_loss, adam, second_order=self.config.pl_weight > 0),
            Phase("discriminator", (self.discriminator,), self.discriminator_loss, adam, second_order=True),
        )

    # --- the losses -------------------------------------------------------------------------------------------------

    def generator_loss(self, step: Step) -> Losses:
        """-log sigmoid D(G(z)), and every few steps the path lengths of a part of the batch."""
        real, config = step.batch["image"], self.config
        fake, _ = self.draw(self._latents(real), self._labels(step))
        losses = {"generator": generator_loss("vanilla", self.judge(fake, self._labels(step)))}
        if config.pl_weight > 0 and step.index % config.pl_every == 0:
            losses["path_length"] = self.path_length_loss(step)
        return losses

    def path_length_loss(self, step: Step) -> Tensor:
        """Equation 4 of the paper on new pictures, fewer than in a batch, for it takes much memory."""
        real, labels = step.batch["image"], self._labels(step)
        count = max(1, len(real) // self.config.pl_batch_shrink)
        pictures, ws = self.draw(self._latents(real[:count]), None if labels is None else labels[:count])
        loss: Tensor = self.path_length(pictures, ws)
        return loss

    def discriminator_loss(self, step: Step) -> Losses:
        """-log sigmoid D(x) - log(1 - sigmoid D(G(z))), and every few steps R1 on the real pictures."""
        real, labels, config = step.batch["image"], self._labels(step), self.config
        with torch.no_grad():
            fake, _ = self.draw(self._latents(real), labels)
        fake_scores, real_scores = self.judge(fake, labels), self.judge(real, labels)
        self._watch(step, real_scores)
        losses = {"discriminator": discriminator_loss("vanilla", real_scores, fake_scores)}
        gamma = self.gamma(len(real))
        if gamma > 0 and step.index % config.r1_every == 0:
            losses["r1"] = r1_penalty(lambda x: self.judge(x, labels), real, gamma=gamma, every=config.r1_every)
        return losses

    def gamma(self, batch: int) -> float:
        """The weight of R1 for a batch (a portion of one) of so many pictures; NVIDIA's rule where it is not set."""
        resolution = self.config.generator.resolution
        gamma: float = self.config.r1_gamma
        return gamma if gamma >= 0 else 0.0002 * resolution**2 / batch

    # --- what they are made of --------------------------------------------------------------------------------------

    def draw(self, z: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        """Pictures (N, 3, R, R) from latents (N, z_dim), and the styles that they were made of (N, num_ws, w_dim).

        In most batches, styles of two latents are mixed.
        """
        ws = mixed_styles(self.generator.mapping, z, labels, share=self.config.style_mixing)
        return self.generator.synthesis(ws, noise_mode="random"), ws

    def judge(self, pictures: Tensor, labels: Tensor | None) -> Tensor:
        """Scores (N, 1) of pictures, augmented where the settings say so."""
        if self.augment is not None:
            pictures = self.augment(pictures)
        scores: Tensor = self.discriminator(pictures, labels)
        return scores

    def _latents(self, like: Tensor) -> Tensor:
        return torch.randn(len(like), self.config.generator.z_dim, device=like.device)

    def _labels(self, step: Step) -> Tensor | None:
        return step.batch["labels"] if self.config.generator.c_dim > 0 else None

    def _watch(self, step: Step, real_scores: Tensor) -> None:
        """Let the augmentation see how sure the discriminator is, and adapt now and then."""
        if self.augment is not None:
            self.augment.observe(real_scores)
            if (step.index + 1) % self.config.augment.interval == 0:
                self.augment.adapt()

    # --- what is shown and kept -------------------------------------------------------------------------------------

    def preview(self, batch: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The pictures of the first seeds, the same ones at every look."""
        return latent_columns(self.generator)

    def translators(self) -> Mapping[str, tuple[str, Any]]:
        """The generator."""
        return {GENERATES: ("generator", self.config.generator)}
