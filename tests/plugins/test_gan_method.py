"""How the variants of the GAN ladder learn: their losses by hand, their phases, and what their critics are held to."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softplus

from imtrans import registry
from imtrans.config import from_dict
from imtrans.errors import ConfigError
from imtrans.testing.method_checks import run_phase
from imtrans.train.method import Adam, Method, RMSprop, Step
from imtrans_gan.method import GAN

CONV = {"generator": {"size": 8, "base_channels": 4, "z_dim": 3}, "discriminator": {"base_channels": 4}}
DENSE = {
    "generator": {"size": 8, "hidden": 12, "z_dim": 3},
    "discriminator": {"hidden": 6, "pieces": 2, "dropout": 0.0},
}


def made(model: str, **changes: Any) -> Any:
    card = registry.find(model)
    assert card.method is not None
    assert card.method_config is not None
    torch.manual_seed(0)
    small = DENSE if model in ("gan", "cgan") else CONV
    method: Method = card.method.load()(from_dict(card.method_config.load(), {**small, **changes}))
    method.networks.train()
    return method


def step(count: int = 6) -> Step:
    pictures = torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return Step({"image": pictures, "labels": torch.arange(count) % 3}, 0, {})


def scores_of(method: Any, pictures: Tensor) -> Tensor:
    scores: Tensor = method.discriminator(pictures)
    return scores


def test_the_first_gan_plays_the_papers_game() -> None:
    method = made("gan")
    torch.manual_seed(5)
    losses = method.discriminator_loss(step())
    torch.manual_seed(5)
    fake = method.generator(torch.randn(6, 3))
    grey = (step().batch["image"] * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1, keepdim=True)
    expected = softplus(-scores_of(method, grey)).mean() + softplus(scores_of(method, fake)).mean()
    torch.testing.assert_close(losses, {"discriminator": expected})
    torch.manual_seed(5)
    torch.testing.assert_close(method.generator_loss(step()), {"generator": softplus(-scores_of(method, fake)).mean()})


def test_lsgan_and_the_loss_by_its_name_are_one() -> None:
    for model, changes in (("lsgan", {}), ("dcgan", {"loss": "lsgan"})):
        method = made(model, **changes)
        torch.manual_seed(5)
        (loss,) = method.generator_loss(step()).values()
        torch.manual_seed(5)
        fake = method.generator(torch.randn(6, 3))
        torch.testing.assert_close(loss, (scores_of(method, fake) - 1).square().mean())


def test_wgan_clips_its_critic_five_times_a_step() -> None:
    method = made("wgan")
    critic, generator = method.phases()
    assert (critic.repeat, critic.fresh, generator.repeat) == (5, True, 1)
    assert critic.optimiser == RMSprop(5e-5)
    run_phase(method, critic, [step()] * 5)
    critic.after()
    assert max(parameter.abs().max().item() for parameter in method.discriminator.parameters()) <= 0.01
    assert generator.after is None
    assert max(parameter.abs().max().item() for parameter in method.generator.parameters()) > 0.01


def test_wgan_gp_differentiates_twice_and_has_no_batch_norm() -> None:
    method = made("wgan-gp")
    critic, generator = method.phases()
    assert (critic.second_order, generator.second_order) == (True, False)
    assert critic.optimiser == Adam(1e-4, 0.0, 0.9)
    assert critic.after is None
    losses = run_phase(method, critic, [step()] * 5)
    assert set(losses) == {"discriminator", "gradient_penalty"}
    whole, alone = method.discriminator(step().batch["image"]), method.discriminator(step().batch["image"][:1])
    torch.testing.assert_close(whole[:1], alone)


@pytest.mark.parametrize("model", ["cgan", "cdcgan"])
def test_fakes_have_the_classes_of_the_real_pictures(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    method = made(model)
    told: list[list[int]] = []
    for network in (method.generator, method.discriminator):
        forward = network.forward

        def watched(x: Tensor, labels: Tensor, forward: Any = forward) -> Tensor:
            told.append(labels.tolist())
            return forward(x, labels)

        monkeypatch.setattr(network, "forward", watched)
    method.discriminator_loss(step())
    assert told == [[0, 1, 2, 0, 1, 2]] * 3
    assert method.classes(method.config) == 10
    assert method.data == "classes"


def test_the_preview_is_the_same_whatever_the_batch_and_has_a_column_a_class() -> None:
    for model, columns in (("dcgan", 8), ("cdcgan", 10)):
        method = made(model)
        method.networks.eval()
        first, second = (method.preview({"image": torch.zeros(1)}) for _ in range(2))
        assert len(first) == columns
        assert all(torch.equal(first[title], second[title]) for title in first)
        assert all(column.shape == (8, 3, 8, 8) for column in first.values())
        assert not torch.equal(*list(first.values())[:2])


def test_classes_need_labels() -> None:
    with pytest.raises(ConfigError) as caught:
        made("dcgan", generator={"size": 8, "base_channels": 4, "classes": 3})
    assert "cdcgan" in caught.value.hint
    assert GAN.data == "single"


def test_dcgans_weights_are_drawn_as_the_paper_says() -> None:
    method = made("dcgan", generator={"size": 32, "base_channels": 64})
    assert 0.019 < method.generator.noise2feat.conv.weight.std() < 0.021
    assert 0.98 < method.generator.noise2feat.bn.weight.mean() < 1.02
