"""How DeblurGAN learns: towards the sharp picture as VGG sees it, and against a Wasserstein critic of sharpness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from imtrans.data.augmentation import Augmentation
from imtrans.errors import WeightsError
from imtrans.nn.discriminators import build_discriminator
from imtrans.nn.init import init_normal
from imtrans.train.channels import require_rgb
from imtrans.train.freezing import unfrozen
from imtrans.train.losses import discriminator_loss, generator_loss, gradient_penalty, l1_loss, l2_loss
from imtrans.train.losses.adversarial import Kind
from imtrans.train.losses.perceptual import DEBLURGAN, Perception, PerceptualLoss
from imtrans.train.method import Adam, Losses, Method, Phase, Step
from imtrans_deblurgan.config import DeblurGANConfig
from imtrans_deblurgan.networks import build_generator
from imtrans_deblurgan.penalty import pixel_penalty

KERAS = Perception(content={"relu3_3": 1.0}, depth=16, distance="l2", normalise=False)
"""What the Keras version (RaphaelMeudec/deblur-gan) compares pictures by: ``block3_conv3`` ends with its ReLU there."""


class DeblurGAN(Method):
    """Kupyn et al., 2018: L = L_GAN + 100 L_X, with WGAN-GP and a perceptual loss (equations 2 to 4).

    Networks: ``generator`` (G: blurred -> sharp), ``critic`` (judges single pictures, not pairs).

    Raises:
        ConfigError: the networks are not for RGB pictures, which is what the data set gives.
        WeightsError: the file of VGG cannot be had.
    """

    data = "paired"
    augmentation = Augmentation(load_size=286, crop_size=256, mode="crop")

    def __init__(self, config: DeblurGANConfig) -> None:
        super().__init__(config)
        _check_channels(config)
        self.generator = build_generator(config.generator)
        self.critic = build_discriminator(config.critic)
        self.networks = nn.ModuleDict({"generator": self.generator, "critic": self.critic})
        init_normal(self.critic, std=0.02)
        if config.generator.norm != "none":  # weights so small would let the signal die where no norm revives it
            init_normal(self.generator, std=0.02)
        self.perceptual = _perceptual(config)
        self.source, self.target = config.direction.split("to")

    def phases(self) -> Sequence[Phase]:
        """The critic first, several times, then the generator against what it has become."""
        config = self.config
        adam = Adam(config.lr, config.beta1, config.beta2)
        generator = Phase("generator", (self.generator,), self.generator_loss, adam)
        if config.lambda_gan == 0:
            return (generator,)
        penalised = config.gan_loss == "wgan-gp" and config.lambda_penalty > 0
        repeat = config.critic_steps
        critic = Phase("critic", (self.critic,), self.critic_loss, adam, repeat=repeat, second_order=penalised)
        return (critic, generator)

    def critic_loss(self, step: Step) -> Losses:
        """Equation 3 of the paper, seen from the critic, and the gradient penalty."""
        config, real, fake = self.config, step.batch[self.target], self._restored(step).detach()
        if config.gan_loss != "wgan-gp":
            return {"critic": 0.5 * discriminator_loss(config.gan_loss, self.critic(real), self.critic(fake))}
        losses = {"critic": discriminator_loss("wgan", self.critic(real), self.critic(fake))}
        if config.lambda_penalty > 0:
            penalty = pixel_penalty if config.penalty == "pixel" else gradient_penalty
            losses["penalty"] = penalty(self.critic, real, fake, weight=config.lambda_penalty)
        return losses

    def generator_loss(self, step: Step) -> Losses:
        """Equations 2 to 4 of the paper, seen from the generator."""
        config, restored = self.config, self._restored(step)
        losses = {"content": config.lambda_content * self._distance(restored, step.batch[self.target])}
        if config.lambda_gan > 0:
            kind: Kind = "wgan" if config.gan_loss == "wgan-gp" else config.gan_loss
            losses["gan"] = config.lambda_gan * generator_loss(kind, self.critic(restored))
        return losses

    def _distance(self, restored: Tensor, sharp: Tensor) -> Tensor:
        if self.perceptual is not None:
            distance: Tensor = self.perceptual(restored, sharp)
            return distance
        return l2_loss(restored, sharp) if self.config.content == "l2" else l1_loss(restored, sharp)

    def _restored(self, step: Step) -> Tensor:
        """G(blurred), made once for each batch: both phases have to see what the same dropout gave.

        It is ready for the generator's gradient even though the critic, which asks first, learns without. The phases of
        a step may see different batches, so it is kept beside the pictures that it was made of.
        """
        blurred = step.batch[self.source]
        if step.shared.get("blurred") is not blurred:
            with unfrozen(self.generator):
                step.shared |= {"blurred": blurred, "restored": self.generator(blurred)}
        return step.shared["restored"]

    def preview(self, batch: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The blurred picture, what becomes of it, and the sharp one."""
        # One at a time, as pictures are translated: the others of a batch would change its statistics.
        restored = torch.cat([self.generator(picture) for picture in batch[self.source].split(1)])
        return {"blurred": batch[self.source], "restored": restored, "sharp": batch[self.target]}

    def translators(self) -> Mapping[str, tuple[str, Any]]:
        """The generator, in the direction that it learns."""
        direction = f"{self.source}2{self.target}".lower()
        return {direction: ("generator", self.config.generator)}


def _perceptual(config: DeblurGANConfig) -> PerceptualLoss | None:
    if config.content not in ("vgg19", "vgg16"):
        return None
    try:
        return PerceptualLoss(DEBLURGAN if config.content == "vgg19" else KERAS, config.vgg or None)
    except WeightsError as error:
        way = "The setting is --set vgg=FILE; --set content=l2 learns without it, from the pixels alone."
        raise WeightsError(error.what, have=error.have, hint=f"{error.hint} {way}".strip()) from error


def _check_channels(config: DeblurGANConfig) -> None:
    require_rgb(
        "DeblurGAN",
        {
            "generator.input_nc": config.generator.input_nc,
            "generator.output_nc": config.generator.output_nc,
            "critic.input_nc": config.critic.input_nc,
        },
    )
