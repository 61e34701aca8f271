"""The discriminator with attention; that it is the authors', tests/plugins/test_ugatit_networks.py shows."""

from __future__ import annotations

import pytest
import torch

from imtrans.nn import ReflectConv2d
from imtrans.nn.attention_discriminator import AttentionDiscriminator
from imtrans.train.losses import discriminator_loss


@pytest.mark.parametrize("layers", [3, 5, 7])
def test_the_least_picture_has_one_score(layers: int) -> None:
    judge = AttentionDiscriminator(3, 1, layers)
    assert all(isinstance(judge.model[place], ReflectConv2d) for place in range(1, 3 * (layers - 1), 3))
    said = judge(torch.rand(1, 3, judge.minimum, judge.minimum))
    assert (said.score.shape, said.cam_logit.shape) == ((1, 1, 1, 1), (1, 2))


def test_every_weight_learns_from_scores_alone() -> None:
    """The classifier's weights too: they weigh the maps that the scores come from."""
    judge = AttentionDiscriminator(1, 2, 3)
    score, _ = judge(torch.rand(2, 1, 12, 16))
    discriminator_loss("lsgan", score, score).backward()
    assert all(parameter.grad is not None for parameter in judge.parameters())


def test_the_keys_are_the_authors() -> None:
    keys = set(AttentionDiscriminator(3, 1, 3).state_dict())
    heads = {f"{head}.weight_{part}" for head in ("gap_fc", "gmp_fc", "conv") for part in ("orig", "u", "v")}
    assert heads | {"conv1x1.weight", "conv1x1.bias", "model.1.bias", "model.4.weight_orig"} <= keys
