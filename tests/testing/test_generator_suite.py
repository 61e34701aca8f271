"""The checks of models that generate find each fault where it was put; the GAN ladder's tests show that they pass."""

from __future__ import annotations

from dataclasses import replace

import generating
import pytest
import torch
from generating import CARD, Plain
from torch import Tensor, nn

from imtrans.errors import PluginError
from imtrans.testing.card_checks import CardChecks
from imtrans.testing.generator_checks import GenerativeNetworkChecks, GeneratorChecks


class Mixing(Plain):
    """Takes something of the others in its batch."""

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().forward(z - z.mean(0), labels)


class Deaf(Plain):
    """Always draws the same."""

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().forward(torch.zeros_like(z), labels)


class Loud(Plain):
    """Speaks of levels up to 255."""

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return 127.5 * (super().forward(z, labels) + 1)


class Broken(Plain):
    """Gives no numbers."""

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().forward(z, labels) / 0


CHECKS = GenerativeNetworkChecks()


def test_sound_networks_pass() -> None:
    for network in (Plain(), Plain(3), generating.Styled()):
        CHECKS.test_network_keeps_the_contract(CARD, network)
        CHECKS.test_latents_matter(network)
        CHECKS.test_pictures_stand_alone(network)
        CHECKS.test_output_fits_the_value_range(CARD, network)
        CHECKS.test_bf16_is_finite_if_claimed(CARD, network)


def test_faults_are_found() -> None:
    with pytest.raises(PluginError, match="z_dim"):
        CHECKS.test_network_keeps_the_contract(CARD, nn.Linear(1, 1))
    with pytest.raises(AssertionError, match="same picture of two latents"):
        CHECKS.test_latents_matter(Deaf())
    with pytest.raises(AssertionError, match="not close"):
        CHECKS.test_pictures_stand_alone(Mixing())
    with pytest.raises(AssertionError):
        CHECKS.test_output_fits_the_value_range(CARD, Loud())
    with pytest.raises(AssertionError, match="infinities"):
        CHECKS.test_bf16_is_finite_if_claimed(CARD, Broken())


def test_a_model_is_tested_by_the_suite_of_its_task() -> None:
    class OfTheOther(GeneratorChecks, CardChecks):
        task = "translate"

    with pytest.raises(AssertionError, match="tested by GeneratorSuite"):
        OfTheOther().test_card_is_complete(CARD)
    OfTheOther().test_card_is_complete(replace(CARD, task="translate"))
