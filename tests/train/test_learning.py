"""One update of a phase: portions, clipping, hooks, schedules and half precision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from imtrans.train.loop import Trainer
from imtrans.train.method import Phase, RMSprop, Schedule
from imtrans.train.observer import Observer

from .toys import SMALL_CYCLEGAN, assert_equal, cyclegan

Make = Callable[..., Trainer]
PLAIN = (*SMALL_CYCLEGAN, "generator.dropout=false", "generator.bias=false", "discriminator.norm=none")
"""Without biases that an instance norm takes back: their gradient is rounding, of which Adam makes whole steps."""


def phases_with(run: Trainer, **changes: object) -> None:
    run.phases = tuple(replace(phase, **changes) for phase in run.phases)  # type: ignore[arg-type]


@pytest.mark.parametrize("steps", [1, 4])
def test_portions_add_up_to_the_batch(trainer: Make, steps: int) -> None:
    settings = (*PLAIN, f"train.steps={steps}", "train.batch_size=4")
    whole, parts = (
        trainer(*settings, card=cyclegan(), name="1"),
        trainer(*settings, "train.accumulate=4", card=cyclegan(), name="4"),
    )
    assert whole.fit()
    assert parts.fit()
    for key, tensor in whole.method.networks.state_dict().items():
        torch.testing.assert_close(parts.method.networks.state_dict()[key], tensor, atol=1e-5, rtol=0)
    assert len(parts.pools["a"]) == len(whole.pools["a"]) == 4 * steps


def test_a_clipped_gradient_has_its_norm(trainer: Make) -> None:
    norms: list[float] = []

    class Norms(Observer):
        def step(self, step: int) -> None:
            gradients = [p.grad.norm() for p in run.method.networks["generator"].parameters() if p.grad is not None]
            norms.append(torch.stack(gradients).norm().item())

    run = trainer("train.steps=3", "train.clip_norm=1e-3", "network.start=1")
    run.fit(Norms())
    assert norms == pytest.approx([1e-3] * 3, rel=1e-3)
    free = run = trainer("train.steps=1", "train.clip_norm=1e-3", "network.start=1", name="free")
    phases_with(free, clip_norm=0.0)
    free.fit(Norms())
    assert norms[-1] > 1e-2


def test_a_phase_has_a_schedule_and_an_optimiser_of_its_own(trainer: Make) -> None:
    run = trainer("train.steps=3", "lr=0.5")
    one, critic = run.phases
    run.phases = (replace(one, schedule=Schedule("constant", warmup=2)), critic)
    rates: list[float] = []

    class Rates(Observer):
        def step(self, step: int) -> None:
            rates.append(run.optimisers["generator"].param_groups[0]["lr"])

    run.fit(Rates())
    assert rates == pytest.approx([0.5 / 3, 1.0 / 3, 0.5])


def test_a_hook_after_every_update(trainer: Make) -> None:
    """Weight clipping: Arjovsky et al., "Wasserstein GAN", 2017, algorithm 1."""
    run = trainer("train.steps=4", "network.start=1")

    def clip() -> None:
        for parameter in run.method.networks["critic"].parameters():
            parameter.clamp_(-0.01, 0.01)

    generator, critic = run.phases
    run.phases = (generator, replace(critic, after=clip))
    run.fit()
    assert run.method.networks["critic"].gain.abs() <= 0.01
    assert run.method.networks["generator"].gain.abs() > 0.01


def test_fp16_scales_the_loss_and_skips_what_overflows(trainer: Make) -> None:
    """A scale that is too large makes the gradient infinite: no update, half the scale."""
    settings = (*SMALL_CYCLEGAN, "train.steps=1")
    run = trainer(*settings, card=cyclegan(), dtype=torch.float16)
    before = {key: tensor.clone() for key, tensor in run.method.networks.state_dict().items()}
    run.engine.load_state_dict({**run.engine.state_dict(), "scale": 2.0**60})
    run.fit()
    assert_equal(run.method.networks.state_dict(), before)
    assert run.engine.state_dict()["scale"] == 2.0**58  # two phases, each halves it
    usual = trainer(*settings, "train.clip_norm=1", card=cyclegan(), dtype=torch.float16, name="usual")
    usual.engine.load_state_dict({**usual.engine.state_dict(), "scale": 2.0**8})
    usual.fit()
    assert usual.engine.state_dict()["scale"] == 2.0**8
    for name in usual.method.networks:
        key = next(key for key in before if key.startswith(name))
        assert not torch.equal(usual.method.networks.state_dict()[key], before[key]), name


@pytest.mark.slow
def test_compiled_networks_and_a_phase_with_a_second_derivative(trainer: Make) -> None:
    """Compiled, keys stay as they are and the weights come out alike; a gradient penalty runs uncompiled."""
    settings = ("train.steps=3", "network.start=0.5")
    plain, compiled = trainer(*settings, name="plain"), trainer(*settings, "train.compile=true", name="compiled")
    for run in (plain, compiled):
        critic = run.method.networks["critic"]

        def penalty(step: object, critic: nn.Module = critic) -> dict[str, torch.Tensor]:
            x = step.batch["A"].requires_grad_()  # type: ignore[attr-defined]
            (gradient,) = torch.autograd.grad((critic(x) ** 2).sum(), x, create_graph=True)
            return {"critic": gradient.square().mean()}

        run.phases = (run.phases[0], Phase("critic", (critic,), penalty, run.phases[1].optimiser, second_order=True))
        run.fit()
    expected, found = plain.method.networks.state_dict(), compiled.method.networks.state_dict()
    assert expected.keys() == found.keys()
    for key, tensor in expected.items():
        torch.testing.assert_close(found[key], tensor)
    assert expected["critic.gain"] != 0.5


def test_rmsprop_is_hinton_s() -> None:
    """The mean square v = a v + (1 - a) g^2 starts at 0, and w = w - lr g / sqrt(v)."""
    parameter = nn.Parameter(torch.tensor([2.0, -3.0]))
    optimiser = RMSprop(lr=0.1, alpha=0.9, eps=0.0).build([parameter])
    parameter.grad = torch.tensor([0.5, 4.0])
    optimiser.step()
    expected = torch.tensor([2.0, -3.0]) - 0.1 * torch.tensor([1.0, 1.0]) / 0.1**0.5
    torch.testing.assert_close(parameter.detach(), expected)
