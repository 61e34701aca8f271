"""Losses that several methods share, one idea a file. Each says what it computes and who wrote it down first.

``docs/losses.md`` lists them with their equations and with the models that use them. All are computed in float32, also
under autocast; what a method returns to the loop is a loss times its weight.
"""

from __future__ import annotations

from imtrans.train.losses.adversarial import discriminator_loss, generator_loss
from imtrans.train.losses.cam import cam_loss
from imtrans.train.losses.feature_matching import feature_matching_loss
from imtrans.train.losses.path_length import PathLength
from imtrans.train.losses.penalties import clip_weights, drift_penalty, gradient_penalty, r1_penalty
from imtrans.train.losses.reconstruction import charbonnier_loss, l1_loss, l2_loss, total_variation
from imtrans.train.losses.scores import Scores, predictions

__all__ = [
    "PathLength",
    "Scores",
    "cam_loss",
    "charbonnier_loss",
    "clip_weights",
    "discriminator_loss",
    "drift_penalty",
    "feature_matching_loss",
    "generator_loss",
    "gradient_penalty",
    "l1_loss",
    "l2_loss",
    "predictions",
    "r1_penalty",
    "total_variation",
]
