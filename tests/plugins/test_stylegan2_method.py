"""StyleGAN2 learns from the same numbers as NVIDIA's code does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest import mock

import pytest
import torch
from golden.stylegan2_values import drawn, faces
from stylegan2_golden import CASES, expected, labels_of, method_of
from torch import Tensor

from imtrans.train.method import Step
from imtrans_stylegan2.ada import AdaptiveAugmentation
from imtrans_stylegan2.config import AugmentConfig, DiscriminatorConfig, GeneratorConfig, StyleGAN2Config
from imtrans_stylegan2.method import StyleGAN2

SMALL = GeneratorConfig(resolution=16, channel_max=4, z_dim=6, w_dim=6, mapping_layers=1)


def small(**settings: Any) -> StyleGAN2:
    """A method over networks that take no time."""
    return StyleGAN2(StyleGAN2Config(SMALL, DiscriminatorConfig(), **settings))


def step_of(pictures: Tensor, index: int = 0, labels: Tensor | None = None) -> Step:
    """A step with a batch."""
    return Step({"image": pictures, **({} if labels is None else {"labels": labels})}, index, {})


@pytest.mark.parametrize("case", CASES)
def test_losses_equal_nvidias(case: str) -> None:
    """Main losses, R1, path lengths and a gradient, on the same latents, noise, crossovers and pictures."""
    method, wanted = method_of(case), expected(case)
    method.networks.train()
    z, step = drawn("z of losses", (4, 16)), step_of(faces(4, 64), 0, labels_of(method, 4))
    found = {}
    with mock.patch.object(method, "_latents", lambda like: z[: len(like)]):
        torch.manual_seed(1)
        found["G/loss"] = method.generator_loss(replace(step, index=1))["generator"]
        torch.manual_seed(1)
        path_length = method.path_length_loss(step)
        torch.manual_seed(1)
        judged = method.discriminator_loss(step)
    (found["G/loss"] + path_length).backward()
    # Lazy regularisation is folded into the losses here, and into the gradients there.
    found |= {"G/reg": path_length / 4, "D/loss": judged["discriminator"], "D/reg": judged["r1"] / 16}
    for name, loss in found.items():
        torch.testing.assert_close(loss.reshape(1), wanted[f"Loss/{name}"], atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(method.path_length.mean.reshape(1), wanted["pl_mean"])
    gradient = method.generator.synthesis.b8.conv0.weight.grad
    torch.testing.assert_close(gradient[:2, :2], wanted["gradient"], atol=1e-5, rtol=1e-3)


def test_penalties_come_now_and_then() -> None:
    """Path lengths every fourth step, R1 every sixteenth, unless they are switched off."""
    method = small()
    for index, generator, discriminator in ((0, 2, 2), (1, 1, 1), (4, 2, 1), (16, 2, 2)):
        step = step_of(faces(4, 16), index)
        assert len(method.generator_loss(step)) == generator
        assert len(method.discriminator_loss(step)) == discriminator
    without, step = small(r1_gamma=0.0, pl_weight=0.0), step_of(faces(4, 16))
    assert list(without.generator_loss(step)) == ["generator"]
    assert list(without.discriminator_loss(step)) == ["discriminator"]


def test_gamma_follows_nvidias_rule_unless_set() -> None:
    """0.0002 resolution^2 / batch."""
    assert small().gamma(8) == pytest.approx(0.0002 * 256 / 8)
    assert small(r1_gamma=5.0).gamma(8) == 5.0


def test_styles_are_mixed_at_a_random_layer() -> None:
    """Each batch has one crossover: the styles before it are one latent's, those from it on another's."""
    method = small(style_mixing=1.0)
    z, seen = torch.randn(2, 6), set()
    for seed in range(30):
        torch.manual_seed(seed)
        _, ws = method.draw(z, None)
        own = method.generator.mapping(z, update_average=False)
        same = [torch.equal(ws[:, layer], own[:, layer]) for layer in range(SMALL.num_ws)]
        crossover = same.index(False)
        assert not any(same[crossover:])
        seen.add(crossover)
    assert seen == set(range(1, SMALL.num_ws))
    _, ws = small(style_mixing=0.0).draw(z, None)
    assert torch.equal(ws[:, 0], ws[:, -1])


def test_classes_come_from_labelled_pictures() -> None:
    """A conditional generator asks for the kind of data that has labels, and another class is another picture."""
    method = StyleGAN2(StyleGAN2Config(replace(SMALL, c_dim=3)))
    assert StyleGAN2.data_for(method.config) == "classes"
    assert StyleGAN2.classes(method.config) == 3
    assert StyleGAN2.data_for(small().config) == "single"
    assert StyleGAN2.classes(small().config) is None
    pictures = method.generator(torch.randn(1, 6).repeat(2, 1), torch.tensor([0, 1]))
    assert not torch.allclose(pictures[0], pictures[1])


@pytest.mark.parametrize(("score", "moves"), [(5.0, 1), (-5.0, 0)])
def test_augmentation_follows_the_discriminator(score: float, moves: int) -> None:
    """P rises by pictures / (1000 kimg) while real pictures are told for sure, and falls to 0 otherwise."""
    augmentation = AdaptiveAugmentation(AugmentConfig("ada", kimg=0.1))
    for _ in range(3):
        augmentation.observe(torch.full((4, 1), score))
        augmentation.adapt()
    assert float(augmentation.p) == pytest.approx(moves * 12 / 100)


def test_fixed_augmentation_stays() -> None:
    """Only ``ada`` adapts."""
    augmentation = AdaptiveAugmentation(AugmentConfig("fixed", p=0.3))
    augmentation.observe(torch.ones(4, 1))
    augmentation.adapt()
    assert float(augmentation.p) == pytest.approx(0.3)


def test_discriminator_sees_augmented_pictures_in_all_losses() -> None:
    """Real ones and fakes alike, and the penalty too."""
    method = small(augment=AugmentConfig("ada", p=0.5, interval=1))
    assert method.augment is not None
    assert set(method.networks) >= {"augment"}
    with mock.patch.object(method.augment, "forward", side_effect=lambda pictures: pictures) as seen:
        method.discriminator_loss(step_of(faces(4, 16)))
        method.generator_loss(step_of(faces(4, 16), 1))
    assert seen.call_count == 4
    assert float(method.augment.p) != 0.5


@pytest.mark.parametrize(
    "change", [{"pipe": "bx"}, {"pipe": "bb"}, {"p": 1.5}, {"target": -0.1}, {"kimg": 0.0}, {"interval": 0}]
)
def test_impossible_augmentation_is_refused(change: dict[str, Any]) -> None:
    """In words, before anything is built."""
    with pytest.raises(ValueError, match=next(iter(change))):
        AugmentConfig(**change)


@pytest.mark.parametrize(
    "change",
    [
        *({"r1_every": 0}, {"pl_batch_shrink": 0}, {"style_mixing": 2.0}, {"pl_weight": -1.0}, {"pl_decay": 0.0}),
        {"discriminator": DiscriminatorConfig(channel_base=128)},  # of 256 pixels, the first block would have none
    ],
)
def test_impossible_training_is_refused(change: dict[str, Any]) -> None:
    """Likewise."""
    with pytest.raises(ValueError, match=next(iter(change))):
        StyleGAN2Config(**change)
