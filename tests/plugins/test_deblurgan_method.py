"""DeblurGAN's losses and training steps are the authors', by the numbers of their own code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from golden.make import dropout_with, texture
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from imtrans.errors import ConfigError, UsageError, WeightsError
from imtrans.nn.vgg import VGG
from imtrans.train.freezing import learning_only
from imtrans.train.losses import gradient_penalty
from imtrans.train.method import Step
from imtrans.train.optimise import make_optimiser
from imtrans_deblurgan.config import CriticConfig, DeblurGANConfig, GeneratorConfig
from imtrans_deblurgan.method import DeblurGAN
from imtrans_deblurgan.penalty import pixel_penalty

GOLDEN = Path(__file__).parent / "golden" / "deblurgan-training.safetensors"
SMALL: dict[str, Any] = {
    "generator": GeneratorConfig(ngf=2, blocks=1),
    "critic": CriticConfig(ndf=2, layers=1),
    "content": "l2",
}


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def pairs(count: int = 2, side: int = 16, seed: int = 5) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(seed)
    return {name: torch.rand(count, 3, side, side, generator=random) * 2 - 1 for name in "AB"}


def learn(method: DeblurGAN, optimisers: dict[str, torch.optim.Optimizer], step: Step) -> dict[str, float]:
    """One step as the loop takes it; gives the losses of each phase's last run."""
    losses = {}
    for phase in method.phases():
        for _ in range(phase.repeat):
            optimisers[phase.name].zero_grad()
            with learning_only(method.networks, phase):
                found = phase.loss(step)
                torch.stack(list(found.values())).sum().backward()
            optimisers[phase.name].step()
            losses |= {key: loss.item() for key, loss in found.items()}
    return losses


# --- against the authors --------------------------------------------------------------------------------------------


class Golden:
    """Weights at the start, VGG, dropout, mixtures and losses of a few training steps, by the authors' code."""

    def __init__(self) -> None:
        with safe_open(GOLDEN, "pt") as file:
            self.case: dict[str, Any] = json.loads(file.metadata()["case"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        rows = tensors.pop("golden.losses").tolist()
        self.losses = [dict(zip(self.case["losses"], row, strict=True)) for row in rows]
        self.masks = [tensors.pop(key) for key in sorted(tensors) if key.startswith("golden.mask")]
        self.shares = tensors.pop("golden.shares")
        self.tensors = tensors

    def method(self, folder: Path) -> DeblurGAN:
        vgg = {key.removeprefix("vgg."): value for key, value in self.tensors.items() if key.startswith("vgg.")}
        save_file(vgg, folder / "vgg.safetensors")
        config = DeblurGANConfig(
            GeneratorConfig(ngf=self.case["width"], blocks=self.case["blocks"]),
            CriticConfig(ndf=self.case["width"]),
            lr=self.case["lr"],
            vgg=str(folder / "vgg.safetensors"),
        )
        method = DeblurGAN(config)
        for letter, network in (("G.", method.generator), ("D.", method.critic)):
            state = {key.removeprefix(letter): value for key, value in self.tensors.items() if key.startswith(letter)}
            network.load_state_dict({key: state[key] for key in network.state_dict()})
        return method

    def step(self, index: int, dtype: torch.dtype) -> Step:
        a = texture(self.case["size"], self.case["size"]).to(dtype)
        return Step({"A": a, "B": a.mT.flip(3)}, index, {})


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-8), (torch.float32, 1e-4)], ids=str)
def test_three_steps_have_the_authors_losses(dtype: torch.dtype, tolerance: float, tmp_path: Path) -> None:
    """Each of 15 updates of the critic and 3 of the generator depends on all that came before."""
    golden = Golden()
    method = golden.method(tmp_path)
    method.networks.to(dtype).train()
    assert method.perceptual is not None
    method.perceptual.to(dtype)
    optimisers = {phase.name: make_optimiser(phase) for phase in method.phases()}
    shares = iter(golden.shares)

    def share(*shape: int, **options: Any) -> Tensor:
        return next(shares).to(dtype).reshape(1, 1)

    with dropout_with(golden.masks), mock.patch("torch.rand", share):
        for index, theirs in enumerate(golden.losses):
            found = learn(method, optimisers, golden.step(index, dtype))
            assert found == pytest.approx(theirs, rel=tolerance, abs=tolerance)
    assert next(shares, None) is None


def test_the_papers_penalty_is_another_one(tmp_path: Path) -> None:
    """The golden numbers tell the norm at each pixel from that of the whole picture."""
    method = Golden().method(tmp_path)
    batch = Golden().step(0, torch.float32).batch
    theirs = pixel_penalty(method.critic, batch["B"], batch["A"])
    papers = gradient_penalty(method.critic, batch["B"], batch["A"])
    assert abs(theirs - papers) > 0.5


# --- the penalty ----------------------------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(st.floats(-3, 3), st.integers(1, 3), st.integers(2, 6))
def test_the_penalty_of_a_linear_critic_is_known(slope: float, count: int, side: int) -> None:
    """D(x) = slope * sum of x has the gradient (slope, slope, slope) at each pixel, of norm sqrt(3) |slope|."""
    batch = pairs(count, side)
    found = pixel_penalty(lambda x: slope * x.sum((1, 2, 3)), batch["A"], batch["B"], weight=10.0)
    assert found.item() == pytest.approx(10 * (3**0.5 * abs(slope) - 1) ** 2, rel=1e-4, abs=1e-4)


def test_the_penalty_of_a_pixel_that_the_critic_ignores_has_a_gradient() -> None:
    weight = torch.zeros(1, requires_grad=True)
    batch = pairs()
    pixel_penalty(lambda x: (weight * x).sum((1, 2, 3)), batch["A"], batch["B"]).backward()
    assert weight.grad is not None
    assert weight.grad.isfinite().all()


def test_the_penalty_wants_scores_of_the_pictures() -> None:
    batch = pairs()
    with pytest.raises(UsageError, match="do not depend on the pictures"):
        pixel_penalty(lambda x: torch.zeros(2, requires_grad=True), batch["A"], batch["B"])


# --- phases ---------------------------------------------------------------------------------------------------------


class Counting(nn.Module):
    """A generator that counts its forward passes."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.passes = inner, 0

    def forward(self, x: Tensor) -> Tensor:
        self.passes += 1
        out: Tensor = self.inner(x)
        return out


def test_all_phases_of_a_batch_see_one_restoration() -> None:
    method = DeblurGAN(DeblurGANConfig(**SMALL))
    method.generator = Counting(method.generator)
    optimisers = {phase.name: make_optimiser(phase) for phase in method.phases()}
    learn(method, optimisers, Step(pairs(), 0, {}))
    assert method.generator.passes == 1


def test_a_phase_with_a_batch_of_its_own_gets_its_own_restoration() -> None:
    method = DeblurGAN(DeblurGANConfig(**SMALL))
    step = Step(pairs(), 0, {})
    method.critic_loss(step)
    first = step.shared["restored"]
    step.batch = pairs(seed=6)
    method.critic_loss(step)
    assert step.shared["restored"] is not first
    assert torch.equal(step.shared["blurred"], step.batch["A"])


@pytest.mark.parametrize("gan_loss", ["wgan-gp", "lsgan", "vanilla"])
@pytest.mark.parametrize("penalty", ["pixel", "picture"])
@pytest.mark.parametrize("content", ["l1", "l2"])
def test_every_combination_learns(gan_loss: Any, penalty: Any, content: Any) -> None:
    config = DeblurGANConfig(**SMALL | {"content": content}, gan_loss=gan_loss, penalty=penalty, critic_steps=2)
    method = DeblurGAN(config)
    before = {name: [p.clone() for p in network.parameters()] for name, network in method.networks.items()}
    losses = learn(method, {p.name: make_optimiser(p) for p in method.phases()}, Step(pairs(), 0, {}))
    assert set(losses) == {"critic", "gan", "content", *(("penalty",) if gan_loss == "wgan-gp" else ())}
    for name, network in method.networks.items():
        assert any(not torch.equal(was, p) for was, p in zip(before[name], network.parameters(), strict=True))


def test_only_a_penalty_makes_the_critic_second_order() -> None:
    phases = [DeblurGAN(DeblurGANConfig(**SMALL, **more)).phases() for more in ({}, {"lambda_penalty": 0.0})]
    assert [[(p.name, p.repeat, p.second_order) for p in each] for each in phases] == [
        [("critic", 5, True), ("generator", 1, False)],
        [("critic", 5, False), ("generator", 1, False)],
    ]


def test_without_its_weight_the_critic_rests() -> None:
    method = DeblurGAN(DeblurGANConfig(**SMALL, lambda_gan=0.0))
    assert [phase.name for phase in method.phases()] == ["generator"]
    assert set(method.generator_loss(Step(pairs(), 0, {}))) == {"content"}


def test_the_other_direction_takes_b_for_the_blurred_one() -> None:
    method = DeblurGAN(DeblurGANConfig(**SMALL, direction="BtoA"))
    batch = pairs()
    columns = method.preview(batch)
    assert torch.equal(columns["blurred"], batch["B"])
    assert torch.equal(columns["sharp"], batch["A"])
    assert list(method.translators()) == ["b2a"]


@pytest.mark.parametrize(("content", "depth", "layer"), [("vgg19", 19, "conv3_3"), ("vgg16", 16, "relu3_3")])
def test_both_versions_look_through_their_own_layer(content: Any, depth: Any, layer: str, tmp_path: Path) -> None:
    vgg = VGG(depth, [layer], width=2)
    save_file(vgg.state_dict(), tmp_path / "vgg.safetensors")
    config = DeblurGANConfig(**SMALL | {"content": content}, vgg=str(tmp_path / "vgg.safetensors"))
    batch = pairs()
    method = DeblurGAN(config)
    with torch.no_grad():
        restored = method.generator.eval()(batch["A"])
        maps = [vgg(picture)[layer] for picture in (restored, batch["B"])]
        found = method.generator_loss(Step(batch, 0, {}, {"blurred": batch["A"], "restored": restored}))["content"]
    assert found.item() == pytest.approx(100 * (maps[0] - maps[1]).square().mean().item(), rel=1e-4)


# --- settings -------------------------------------------------------------------------------------------------------


def test_without_vggs_file_the_message_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMTRANS_OFFLINE", "1")
    monkeypatch.setenv("IMTRANS_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match=r"VGG-19.*\n.*--set vgg=FILE; --set content=l2"):
        DeblurGAN(DeblurGANConfig(**SMALL | {"content": "vgg19"}))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"lambda_gan": -1.0}, "lambda_gan must not be negative"),
        ({"critic_steps": 0}, "critic_steps must be at least 1"),
        ({"critic": CriticConfig(norm="batch")}, "critic.norm must not be batch"),
    ],
)
def test_impossible_settings(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        DeblurGANConfig(**wrong)


def test_grey_networks_are_refused_in_words() -> None:
    with pytest.raises(ConfigError, match=r"generator.input_nc is 1"):
        DeblurGAN(DeblurGANConfig(**SMALL | {"generator": GeneratorConfig(ngf=2, blocks=1, input_nc=1)}))
