"""How U-GAT-IT learns: two generators that undo each other, against a global and a local discriminator a domain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from imtrans.infer.heatmap import laid_over, levels_of
from imtrans.nn import clip_rho
from imtrans.nn.attention_discriminator import AttentionDiscriminator
from imtrans.nn.cam import Attended
from imtrans.train.channels import require_rgb
from imtrans.train.cycles import CycleMethod
from imtrans.train.freezing import unfrozen
from imtrans.train.losses import cam_loss, discriminator_loss, generator_loss, l1_loss
from imtrans.train.method import Adam, Losses, Phase, Step
from imtrans_ugatit.config import UGATITConfig
from imtrans_ugatit.networks import build_generator
from imtrans_ugatit.room import require_room


class UGATIT(CycleMethod):
    """Kim et al., 2020: adversarial, cycle, identity and CAM losses, weighted 1, 10, 10 and 1000 (equation 7).

    Networks: ``generator_ab`` (A -> B), ``generator_ba`` (B -> A), and for each domain a global and a local
    discriminator, ``global_a`` and ``local_a`` (they judge pictures of A), ``global_b`` and ``local_b``.

    Raises:
        ConfigError: the networks are not for RGB pictures, which is what the data set gives.
        UsageError: the full generators do not fit into memory.
    """

    def __init__(self, config: UGATITConfig) -> None:
        _check_channels(config)
        if not config.generator.light:
            # Two generators; on a CPU each with its gradient and Adam's two moments.
            require_room(config.generator, copies=2 if torch.cuda.is_available() else 8)
        judges = config.discriminator
        ab, ba = build_generator(config.generator), build_generator(config.generator)
        self.judges = {
            domain: (
                AttentionDiscriminator(judges.input_nc, judges.ndf, judges.global_layers),
                AttentionDiscriminator(judges.input_nc, judges.ndf, judges.local_layers),
            )
            for domain in "ab"
        }
        named = {
            f"{depth}_{domain}": judge
            for domain, pair in self.judges.items()
            for depth, judge in zip(("global", "local"), pair, strict=True)
        }
        super().__init__(config, ab, ba, named)

    def phases(self) -> Sequence[Phase]:
        """The discriminators first, then the generators against what they have become, in the authors' order."""
        config = self.config
        adam = Adam(config.lr, config.beta1, config.beta2, weight_decay=config.weight_decay)
        generators = (self.generator_ab, self.generator_ba)
        judges = (*self.judges["a"], *self.judges["b"])
        return (
            Phase("discriminators", judges, self.discriminator_loss, adam),
            Phase("generators", generators, self.generator_loss, adam, after=self._clip),
        )

    # --- the losses ---------------------------------------------------------------------------------------------------

    def discriminator_loss(self, step: Step) -> Losses:
        """Equation 3 of the paper, seen from the discriminators: of their patches, and of their classifiers' logits."""
        fake_b, fake_a = (self._translation(step, way).image.detach() for way in ("ab", "ba"))
        return {
            **self._judged("a", step.batch["A"], fake_a),
            **self._judged("b", step.batch["B"], fake_b),
        }

    def _judged(self, domain: str, real: Tensor, fake: Tensor) -> Losses:
        score, logit = real.new_zeros(()), real.new_zeros(())
        for judge in self.judges[domain]:
            on_real, on_fake = judge(real), judge(fake)
            score = score + discriminator_loss("lsgan", on_real.score, on_fake.score)
            logit = logit + discriminator_loss("lsgan", on_real.cam_logit, on_fake.cam_logit)
        weight = self.config.lambda_gan
        return {f"discriminator_{domain}": weight * score, f"discriminator_cam_{domain}": weight * logit}

    def generator_loss(self, step: Step) -> Losses:
        """Equation 7 of the paper, seen from the generators."""
        config, a, b = self.config, step.batch["A"], step.batch["B"]
        to_b, to_a = self._translation(step, "ab"), self._translation(step, "ba")
        kept_b, kept_a = self.generator_ab(b, attention=True), self.generator_ba(a, attention=True)
        return {
            **self._fooled("ab", "b", to_b.image),
            **self._fooled("ba", "a", to_a.image),
            "cycle_a": config.lambda_cycle * l1_loss(self.generator_ba(to_b.image), a),
            "cycle_b": config.lambda_cycle * l1_loss(self.generator_ab(to_a.image), b),
            "identity_a": config.lambda_identity * l1_loss(kept_a.image, a),
            "identity_b": config.lambda_identity * l1_loss(kept_b.image, b),
            "cam_ab": config.lambda_cam * cam_loss(to_b.cam_logit, kept_b.cam_logit),
            "cam_ba": config.lambda_cam * cam_loss(to_a.cam_logit, kept_a.cam_logit),
        }

    def _fooled(self, way: str, domain: str, fake: Tensor) -> Losses:
        score, logit = fake.new_zeros(()), fake.new_zeros(())
        for judge in self.judges[domain]:
            said = judge(fake)
            score = score + generator_loss("lsgan", said.score)
            logit = logit + generator_loss("lsgan", said.cam_logit)
        weight = self.config.lambda_gan
        return {f"gan_{way}": weight * score, f"gan_cam_{way}": weight * logit}

    def _translation(self, step: Step, way: str) -> Attended:
        """A picture's translation, made once a step: no generator changes between the two phases.

        It is ready for the generators' gradient even though the discriminators, which ask first, learn without.
        """
        names = [f"{part}_{way}" for part in Attended._fields]
        if names[0] not in step.shared:
            generator = self.networks[f"generator_{way}"]
            with unfrozen(generator):
                made = generator(step.batch["A" if way == "ab" else "B"], attention=True)
            step.shared |= dict(zip(names, made, strict=True))
        return Attended(*(step.shared[name] for name in names))

    def _clip(self) -> None:
        """The share of instance norm stays between 0 and 1 (section 3.1.1 of the paper)."""
        clip_rho(self.generator_ab)
        clip_rho(self.generator_ba)

    # --- what comes of it ---------------------------------------------------------------------------------------------

    def preview(self, batch: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """A, where the generator looks in it, its translation and its way back, and the same from B."""
        a, b = batch["A"], batch["B"]
        to_b, to_a = self.generator_ab(a, attention=True), self.generator_ba(b, attention=True)
        return {
            "A": a,
            "A, where it looks": _attended(a, to_b.heatmap),
            "A to B": to_b.image,
            "A to B to A": self.generator_ba(to_b.image),
            "B": b,
            "B, where it looks": _attended(b, to_a.heatmap),
            "B to A": to_a.image,
            "B to A to B": self.generator_ab(to_a.image),
        }


def _attended(pictures: Tensor, heatmap: Tensor) -> Tensor:
    """The heatmap over the pictures, all in [-1, 1]."""
    return 2 * laid_over((pictures + 1) / 2, levels_of(heatmap.float())) - 1


def _check_channels(config: UGATITConfig) -> None:
    require_rgb(
        "U-GAT-IT",
        {
            "generator.input_nc": config.generator.input_nc,
            "discriminator.input_nc": config.discriminator.input_nc,
        },
    )
