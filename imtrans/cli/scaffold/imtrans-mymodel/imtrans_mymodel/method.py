"""How mymodel learns: a least-squares GAN (Mao et al., ICCV 2017) with an L1 loss that keeps the content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss

from imtrans.train.method import Adam, Losses, Method, Phase, Step
from imtrans_mymodel.config import MethodConfig
from imtrans_mymodel.networks import Discriminator, build_generator


class MyModelMethod(Method):
    """Two phases a step: the generator against the discriminator, then the discriminator on what it made."""

    data = "unpaired"

    def __init__(self, config: MethodConfig) -> None:
        super().__init__(config)
        self.generator = build_generator(config.generator)
        self.discriminator = Discriminator()
        self.networks = nn.ModuleDict({"generator": self.generator, "discriminator": self.discriminator})

    def phases(self) -> Sequence[Phase]:
        """Who learns from what, in order."""
        adam = Adam(lr=self.config.lr)
        return (
            Phase("generator", [self.generator], self.generator_loss, adam),
            Phase("discriminator", [self.discriminator], self.discriminator_loss, adam),
        )

    def generator_loss(self, step: Step) -> Losses:
        """Translations of A shall pass for B, and stay near A."""
        fake = self.generator(step.batch["A"])
        step.shared["fake"] = fake.detach()
        scores = self.discriminator(fake)
        return {
            "gan": mse_loss(scores, scores.new_ones(scores.shape)),
            "content": self.config.lambda_content * l1_loss(fake, step.batch["A"]),
        }

    def discriminator_loss(self, step: Step) -> Losses:
        """1 for pictures of B, 0 for translations."""
        real = self.discriminator(step.batch["B"])
        fake = self.discriminator(step.shared["fake"])
        return {
            "real": 0.5 * mse_loss(real, real.new_ones(real.shape)),
            "fake": 0.5 * mse_loss(fake, fake.new_zeros(fake.shape)),
        }

    def preview(self, batch: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The columns of the sample grid."""
        return {"A": batch["A"], "A to B": self.generator(batch["A"])}

    def translators(self) -> Mapping[str, tuple[str, Any]]:
        """What the training yields, for ``imtrans run``."""
        return {"a2b": ("generator", self.config.generator)}
