"""How photo2cartoon learns: U-GAT-IT's game with a strong cycle, and the same person on both sides."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from imtrans.nn import SoftAdaLIN, clip_rho
from imtrans.nn.attention_discriminator import AttentionDiscriminator
from imtrans.nn.cam import Attended
from imtrans.train.cycles import CycleMethod
from imtrans.train.losses import cam_loss, discriminator_loss, generator_loss, l1_loss
from imtrans.train.losses.face_identity import FaceIdentityLoss, load_embedding, photo2cartoon_face
from imtrans.train.method import Adam, Losses, Phase, Step
from imtrans_photo2cartoon.config import FaceIdentityConfig, Photo2CartoonConfig
from imtrans_photo2cartoon.networks import build_generator

DEPTHS = ("global", "local")


class Photo2Cartoon(CycleMethod):
    """The training of https://github.com/minivision-ai/photo2cartoon (2020), after U-GAT-IT (Kim et al., ICLR 2020).

    Networks: ``generator_ab`` (photographs to cartoons), ``generator_ba``, and for each domain two discriminators, such
    as ``discriminator_global_a`` and ``discriminator_local_a``, which judge pictures of A.

    Raises:
        UsageError: there is no such embedding of faces.
        WeightsError: its weights cannot be read or do not fit.
    """

    def __init__(self, config: Photo2CartoonConfig) -> None:
        ab, ba = build_generator(config.generator), build_generator(config.generator)
        layers = {"global": config.discriminator.global_layers, "local": config.discriminator.local_layers}
        self.judges = {
            f"discriminator_{depth}_{domain}": AttentionDiscriminator(3, config.discriminator.ndf, layers[depth])
            for domain in "ab"
            for depth in DEPTHS
        }
        super().__init__(config, ab, ba, self.judges)
        self.face_identity = _face_identity(config.face_identity) if config.lambda_faceid > 0 else None

    def notes(self) -> Sequence[str]:
        """Whether the identity of faces is looked at."""
        if self.face_identity is not None or self.config.lambda_faceid == 0:
            return ()
        return (
            "the face-identity loss is off: it needs a network that recognises faces "
            "(--set face_identity.embedding=package.module:name)",
        )

    def phases(self) -> Sequence[Phase]:
        """The discriminators first, then the generators against what they have become, in the authors' order."""
        config = self.config
        adam = Adam(config.lr, config.beta1, config.beta2, weight_decay=config.weight_decay)
        generators = (self.generator_ab, self.generator_ba)
        return (
            Phase("discriminators", tuple(self.judges.values()), self.discriminator_loss, adam),
            Phase("generators", generators, self.generator_loss, adam, after=self.clip),
        )

    def clip(self) -> None:
        """Bring the shares that AdaLIN, LIN and soft-AdaLIN mix by back into [0, 1]."""
        for generator in (self.generator_ab, self.generator_ba):
            clip_rho(generator)
            for layer in generator.modules():
                if isinstance(layer, SoftAdaLIN):
                    layer.w_gamma.clamp_(0, 1)
                    layer.w_beta.clamp_(0, 1)

    # --- discriminators -----------------------------------------------------------------------------------------------

    def discriminator_loss(self, step: Step) -> Losses:
        """Each discriminator tells the pictures of its domain from translations, by patches and as a whole."""
        a, b = step.batch["A"], step.batch["B"]
        with torch.no_grad():
            fakes = {"a": self.generator_ba(b), "b": self.generator_ab(a)}
        reals = {"a": a, "b": b}
        return {name: self._unmasking(judge, reals[name[-1]], fakes[name[-1]]) for name, judge in self.judges.items()}

    def _unmasking(self, judge: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        pairs = zip(judge(real), judge(fake), strict=True)
        scores, logits = (discriminator_loss("lsgan", of_real, of_fake) for of_real, of_fake in pairs)
        return self.config.lambda_gan * (scores + logits)

    # --- generators ---------------------------------------------------------------------------------------------------

    def generator_loss(self, step: Step) -> Losses:
        """What the authors call G_loss_A and G_loss_B, by its parts."""
        config, a, b = self.config, step.batch["A"], step.batch["B"]
        to_b: Attended = self.generator_ab(a, attention=True)
        to_a: Attended = self.generator_ba(b, attention=True)
        kept_a: Attended = self.generator_ba(a, attention=True)
        kept_b: Attended = self.generator_ab(b, attention=True)
        losses = {
            f"gan_{depth}_{domain}": self._deceiving(self.judges[f"discriminator_{depth}_{domain}"], made.image)
            for domain, made in (("a", to_a), ("b", to_b))
            for depth in DEPTHS
        }
        losses |= {
            "cycle_a": config.lambda_cycle * l1_loss(self.generator_ba(to_b.image), a),
            "cycle_b": config.lambda_cycle * l1_loss(self.generator_ab(to_a.image), b),
            "identity_a": config.lambda_identity * l1_loss(kept_a.image, a),
            "identity_b": config.lambda_identity * l1_loss(kept_b.image, b),
            "cam_a": config.lambda_cam * cam_loss(to_a.cam_logit, kept_a.cam_logit),
            "cam_b": config.lambda_cam * cam_loss(to_b.cam_logit, kept_b.cam_logit),
        }
        if self.face_identity is not None:
            losses["faceid_a"] = config.lambda_faceid * self.face_identity(a, to_b.image)
            losses["faceid_b"] = config.lambda_faceid * self.face_identity(b, to_a.image)
        return losses

    def _deceiving(self, judge: nn.Module, fake: Tensor) -> Tensor:
        scores, logits = judge(fake)
        return self.config.lambda_gan * (generator_loss("lsgan", scores) + generator_loss("lsgan", logits))


def _face_identity(config: FaceIdentityConfig) -> FaceIdentityLoss | None:
    if config.embedding is None:
        return None
    return FaceIdentityLoss(load_embedding(config.embedding, config.weights), crop=photo2cartoon_face, side=112)
