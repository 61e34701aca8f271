"""How CycleGAN learns: two generators that undo each other, against one discriminator a domain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from imtrans.nn.discriminators import build_discriminator
from imtrans.nn.generators import build_generator
from imtrans.nn.init import init_normal
from imtrans.train.channels import require_rgb
from imtrans.train.cycles import CycleMethod
from imtrans.train.losses import discriminator_loss, generator_loss, l1_loss
from imtrans.train.method import Adam, Losses, Phase, Step
from imtrans_cyclegan.config import CycleGANConfig


class CycleGAN(CycleMethod):
    """Zhu et al., 2017: G: A -> B and F: B -> A with LSGAN, cycle-consistency and identity losses.

    Networks: ``generator_ab`` (G), ``generator_ba`` (F), ``discriminator_a`` (judges pictures of A),
    ``discriminator_b`` (judges pictures of B).

    Raises:
        ConfigError: the networks are not for RGB pictures, which is what the data set gives.
    """

    def __init__(self, config: CycleGANConfig) -> None:
        _check_channels(config)
        ab, ba = build_generator(config.generator), build_generator(config.generator)
        self.discriminator_a = build_discriminator(config.discriminator)
        self.discriminator_b = build_discriminator(config.discriminator)
        judges = {"discriminator_a": self.discriminator_a, "discriminator_b": self.discriminator_b}
        super().__init__(config, ab, ba, judges)
        init_normal(self.networks, std=0.02)

    def pool_sizes(self) -> Mapping[str, int]:
        """One pool of translated pictures a domain."""
        return {"a": self.config.pool_size, "b": self.config.pool_size}

    def phases(self) -> Sequence[Phase]:
        """The generators first, then the discriminators on what the generators made."""
        adam = Adam(self.config.lr, self.config.beta1, self.config.beta2)
        return (
            Phase("generators", (self.generator_ab, self.generator_ba), self.generator_loss, adam),
            Phase("discriminators", (self.discriminator_a, self.discriminator_b), self.discriminator_loss, adam),
        )

    def generator_loss(self, step: Step) -> Losses:
        """Equation 3 of the paper, seen from G and F, with the identity loss of section 5.2."""
        config, a, b = self.config, step.batch["A"], step.batch["B"]
        (fake_b, same_b), (fake_a, same_a) = (
            self._translate(self.generator_ab, a, b),
            self._translate(self.generator_ba, b, a),
        )
        step.shared |= {"fake_a": fake_a.detach(), "fake_b": fake_b.detach()}
        losses = {
            "gan_ab": generator_loss(config.gan_loss, self.discriminator_b(fake_b)),
            "gan_ba": generator_loss(config.gan_loss, self.discriminator_a(fake_a)),
            "cycle_a": config.lambda_cycle * l1_loss(self.generator_ba(fake_b), a),
            "cycle_b": config.lambda_cycle * l1_loss(self.generator_ab(fake_a), b),
        }
        if same_a is not None and same_b is not None:
            weight = config.lambda_cycle * config.lambda_identity
            losses["identity_a"] = weight * l1_loss(same_a, a)
            losses["identity_b"] = weight * l1_loss(same_b, b)
        return losses

    def _translate(self, generator: nn.Module, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor | None]:
        """The translation of the source, and what becomes of the target, where the identity loss is wanted."""
        if self.config.lambda_identity > 0:
            return in_one_pass(generator, source, target, mixes=self.config.generator.norm == "batch")
        return generator(source), None

    def discriminator_loss(self, step: Step) -> Losses:
        """Equation 1 of the paper, seen from both discriminators, on fakes that went through the pools."""
        fake_a = step.pools["a"].query(step.shared["fake_a"])
        fake_b = step.pools["b"].query(step.shared["fake_b"])
        return {
            "discriminator_a": self._judge(self.discriminator_a, step.batch["A"], fake_a),
            "discriminator_b": self._judge(self.discriminator_b, step.batch["B"], fake_b),
        }

    def _judge(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        scores = in_one_pass(discriminator, real, fake, mixes=self.config.discriminator.norm == "batch")
        # Halved, so that the discriminators learn at half the generators' pace.
        return 0.5 * discriminator_loss(self.config.gan_loss, *scores)


def in_one_pass(network: nn.Module, first: Tensor, second: Tensor, *, mixes: bool) -> tuple[Tensor, Tensor]:
    """``network(first), network(second)``, as one batch where that changes nothing but the time.

    Args:
        network: what computes.
        first: pictures.
        second: others, perhaps of another size.
        mixes: whether a picture's result depends on the others of its batch, as with a batch norm.
    """
    if mixes or first.shape[1:] != second.shape[1:]:
        return network(first), network(second)
    together: Tensor = network(torch.cat([first, second]))
    return together[: len(first)], together[len(first) :]


def _check_channels(config: CycleGANConfig) -> None:
    require_rgb(
        "CycleGAN",
        {
            "generator.input_nc": config.generator.input_nc,
            "generator.output_nc": config.generator.output_nc,
            "discriminator.input_nc": config.discriminator.input_nc,
        },
    )
