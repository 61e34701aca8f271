"""CycleGAN's losses and steps against the paper's equations, computed anew here."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from imtrans.errors import ConfigError
from imtrans.train.freezing import learning_only
from imtrans.train.method import Step
from imtrans.train.optimise import make_optimiser
from imtrans.train.pool import ImagePool
from imtrans_cyclegan.config import CycleGANConfig, DiscriminatorConfig, GeneratorConfig
from imtrans_cyclegan.method import CycleGAN, in_one_pass

SMALL = {
    "generator": GeneratorConfig(ngf=2, blocks=1),
    "discriminator": DiscriminatorConfig(ndf=2, layers=1),
}


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield
    torch.set_num_threads(threads)


def pictures(seed: int, side: int = 16) -> Tensor:
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def first_step(method: CycleGAN, index: int = 0, side: int = 16) -> Step:
    pools = {name: ImagePool(size) for name, size in method.pool_sizes().items()}
    return Step({"A": pictures(2 * index, side), "B": pictures(2 * index + 1, side)}, index, pools)


def away_from_start(method: CycleGAN) -> CycleGAN:
    """With weights large enough for every loss to say something."""
    for parameter in method.networks.parameters():
        nn.init.normal_(parameter, 0, 0.3)
    return method


def square(scores: Tensor, target: float) -> float:
    return sum((score - target) ** 2 for score in scores.flatten().tolist()) / scores.numel()


def entropy(scores: Tensor, target: float) -> float:
    chances = [1 / (1 + math.exp(-score)) for score in scores.flatten().tolist()]
    return -sum(math.log(p if target else 1 - p) for p in chances) / len(chances)


def distance(one: Tensor, other: Tensor) -> float:
    pairs = zip(one.flatten().tolist(), other.flatten().tolist(), strict=True)
    return sum(abs(x - y) for x, y in pairs) / one.numel()


@pytest.mark.parametrize(("kind", "penalty"), [("lsgan", square), ("vanilla", entropy)])
@pytest.mark.parametrize(("cycle", "identity"), [(10.0, 0.5), (3.0, 2.0)])
def test_generator_losses_are_the_equations(kind: Any, penalty: Any, cycle: float, identity: float) -> None:
    config = CycleGANConfig(**SMALL, gan_loss=kind, lambda_cycle=cycle, lambda_identity=identity)
    method = away_from_start(CycleGAN(config))
    step = first_step(method)
    losses = {name: loss.item() for name, loss in method.generator_loss(step).items()}
    g, f, d_a, d_b = method.networks.values()
    with torch.no_grad():
        a, b = step.batch["A"], step.batch["B"]
        expected = {
            "gan_ab": penalty(d_b(g(a)), 1),
            "gan_ba": penalty(d_a(f(b)), 1),
            "cycle_a": cycle * distance(f(g(a)), a),
            "cycle_b": cycle * distance(g(f(b)), b),
            "identity_a": cycle * identity * distance(f(a), a),
            "identity_b": cycle * identity * distance(g(b), b),
        }
    assert losses == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("kind", "penalty"), [("lsgan", square), ("vanilla", entropy)])
def test_discriminator_losses_are_the_equations(kind: Any, penalty: Any) -> None:
    method = away_from_start(CycleGAN(CycleGANConfig(**SMALL, gan_loss=kind)))
    step = first_step(method)
    method.generator_loss(step)
    losses = {name: loss.item() for name, loss in method.discriminator_loss(step).items()}
    g, f, d_a, d_b = method.networks.values()
    with torch.no_grad():
        a, b = step.batch["A"], step.batch["B"]
        expected = {
            "discriminator_a": (penalty(d_a(a), 1) + penalty(d_a(f(b)), 0)) / 2,
            "discriminator_b": (penalty(d_b(b), 1) + penalty(d_b(g(a)), 0)) / 2,
        }
    assert losses == pytest.approx(expected, rel=1e-4)


def test_without_identity_loss() -> None:
    method = CycleGAN(CycleGANConfig(**SMALL, lambda_identity=0))
    assert method.generator_loss(first_step(method)).keys() == {"gan_ab", "gan_ba", "cycle_a", "cycle_b"}


def test_discriminators_judge_what_the_pools_give_and_teach_no_generator() -> None:
    method = away_from_start(CycleGAN(CycleGANConfig(**SMALL)))
    step = first_step(method)
    method.generator_loss(step)

    class Fixed(ImagePool):
        def query(self, pictures: Tensor) -> Tensor:
            assert not pictures.requires_grad
            return torch.zeros_like(pictures)

    step.pools = {"a": Fixed(1), "b": Fixed(1)}
    losses = method.discriminator_loss(step)
    with torch.no_grad():
        d_a = method.networks["discriminator_a"]
        expected = (square(d_a(step.batch["A"]), 1) + square(d_a(torch.zeros(2, 3, 16, 16)), 0)) / 2
    assert losses["discriminator_a"].item() == pytest.approx(expected, rel=1e-4)
    sum(losses.values()).backward()
    for name in ("generator_ab", "generator_ba"):
        assert all(parameter.grad is None for parameter in method.networks[name].parameters())


def plainly(networks: nn.ModuleDict, steps: list[Step], config: CycleGANConfig) -> None:
    """The authors' training step, written down once more: both generators, then each discriminator."""
    g, f, d_a, d_b = networks.values()
    adam_g = torch.optim.Adam([*g.parameters(), *f.parameters()], lr=config.lr, betas=(0.5, 0.999))
    adam_d = torch.optim.Adam([*d_a.parameters(), *d_b.parameters()], lr=config.lr, betas=(0.5, 0.999))
    for step in steps:
        a, b = step.batch["A"], step.batch["B"]
        fake_b, fake_a = g(a), f(b)
        loss = ((d_b(fake_b) - 1) ** 2).mean() + ((d_a(fake_a) - 1) ** 2).mean()
        loss = loss + 10 * (f(fake_b) - a).abs().mean() + 10 * (g(fake_a) - b).abs().mean()
        loss = loss + 5 * (f(a) - a).abs().mean() + 5 * (g(b) - b).abs().mean()
        adam_g.zero_grad()
        loss.backward()
        adam_g.step()
        adam_d.zero_grad()
        (((d_a(a) - 1) ** 2).mean() + (d_a(fake_a.detach()) ** 2).mean()).mul(0.5).backward()
        (((d_b(b) - 1) ** 2).mean() + (d_b(fake_b.detach()) ** 2).mean()).mul(0.5).backward()
        adam_d.step()


def test_three_steps_are_the_authors() -> None:
    """Weights after three steps of the phases and of the plain loop above; the pools are not full, so both see all.

    Without normalisation: a bias before one has a gradient of nothing but rounding errors, which Adam magnifies.
    """
    generator, discriminator = GeneratorConfig(ngf=2, blocks=1, norm="none"), DiscriminatorConfig(ndf=2, norm="none")
    config = CycleGANConfig(generator, discriminator, lr=0.01)
    method = away_from_start(CycleGAN(config))
    twin = copy.deepcopy(method.networks)
    steps = [first_step(method, index, side=24) for index in range(3)]
    optimisers = {phase.name: make_optimiser(phase) for phase in method.phases()}
    for step in steps:
        for phase in method.phases():
            optimisers[phase.name].zero_grad()
            with learning_only(method.networks, phase):
                torch.stack(list(phase.loss(step).values())).sum().backward()
            optimisers[phase.name].step()
    plainly(twin, steps, config)
    for (name, found), expected in zip(method.networks.state_dict().items(), twin.state_dict().values(), strict=True):
        torch.testing.assert_close(found, expected, atol=2e-4, rtol=1e-3, msg=lambda text, name=name: f"{name}: {text}")


def test_the_paper_s_settings() -> None:
    """Sections 4, 5.2 and 7.1: lambda 10, identity 0.5 lambda, Adam at 0.0002 with beta1 0.5, pools of 50."""
    config = CycleGANConfig()
    assert (config.gan_loss, config.lambda_cycle, config.lambda_identity) == ("lsgan", 10.0, 0.5)
    method = CycleGAN(CycleGANConfig(**SMALL))
    assert method.pool_sizes() == {"a": 50, "b": 50}
    generators, discriminators = method.phases()
    for phase in (generators, discriminators):
        assert (phase.optimiser.lr, phase.optimiser.beta1, phase.optimiser.beta2) == (2e-4, 0.5, 0.999)
        assert (phase.every, phase.repeat) == (1, 1)
    assert list(generators.learns) == [method.networks["generator_ab"], method.networks["generator_ba"]]
    assert list(discriminators.learns) == [method.networks["discriminator_a"], method.networks["discriminator_b"]]


def test_names_of_the_networks() -> None:
    """Checkpoints of earlier runs are found by these names."""
    method = CycleGAN(CycleGANConfig(**SMALL))
    assert list(method.networks) == ["generator_ab", "generator_ba", "discriminator_a", "discriminator_b"]
    assert {way: name for way, (name, _) in method.translators().items()} == {
        "a2b": "generator_ab",
        "b2a": "generator_ba",
    }


def test_the_preview_goes_there_and_back() -> None:
    method = CycleGAN(CycleGANConfig(**SMALL))
    a, b = pictures(0), pictures(1)
    with torch.no_grad():
        columns = method.preview({"A": a, "B": b})
        g, f = method.networks["generator_ab"], method.networks["generator_ba"]
        expected = {"A": a, "A to B": g(a), "A to B to A": f(g(a)), "B": b, "B to A": f(b), "B to A to B": g(f(b))}
    assert list(columns) == list(expected)
    assert all(torch.equal(columns[title], expected[title]) for title in expected)


@pytest.mark.parametrize(
    ("config", "key"),
    [
        ({"generator": GeneratorConfig(input_nc=1, output_nc=1)}, "generator.input_nc is 1"),
        ({"discriminator": DiscriminatorConfig(input_nc=4)}, "discriminator.input_nc is 4"),
    ],
)
def test_other_channels_are_refused(config: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=key) as caught:
        CycleGAN(CycleGANConfig(**config))
    assert "RGB" in caught.value.have
    assert caught.value.hint


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
def test_the_smallest_picture_of_the_discriminator(layers: int) -> None:
    """At its minimum it gives one score, below it none."""
    from imtrans.nn.discriminators import build_discriminator

    network: Any = build_discriminator(DiscriminatorConfig(ndf=1, layers=layers))
    size = network.minimum
    assert network(torch.rand(1, 3, size, size)).shape == (1, 1, 1, 1)
    with pytest.raises((RuntimeError, ValueError)):
        network(torch.rand(1, 3, size - 1, size - 1))


class Doubling(nn.Module):
    """Counts its calls, and adds the mean of all pictures that it is given at once."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return 2 * x + x.mean()


def test_two_passes_are_one_only_where_nothing_mixes_pictures() -> None:
    first, second = torch.zeros(1, 3, 4, 4), torch.ones(2, 3, 4, 4)
    for mixes, other, calls in ((False, second, 1), (True, second, 2), (False, torch.ones(1, 3, 8, 4), 2)):
        network = Doubling()
        one, two = in_one_pass(network, first, other, mixes=mixes)
        assert network.calls == calls
        assert (one.shape, two.shape) == (first.shape, other.shape)
        assert torch.equal(one, first) is (calls == 2)


@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
def test_losses_are_those_of_separate_passes(norm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    config = CycleGANConfig(
        GeneratorConfig(ngf=4, blocks=1, norm=norm), DiscriminatorConfig(ndf=4, layers=2, norm=norm), pool_size=0
    )
    torch.manual_seed(0)
    method = CycleGAN(config)
    batch = {name: torch.rand(2, 3, 16, 16) * 2 - 1 for name in "AB"}

    def losses() -> dict[str, Tensor]:
        step = Step(batch, 0, {name: ImagePool(0) for name in "ab"})
        return method.generator_loss(step) | method.discriminator_loss(step)

    found = losses()
    monkeypatch.setattr("imtrans_cyclegan.method.in_one_pass", lambda net, a, b, mixes: (net(a), net(b)))
    expected = losses()
    assert found.keys() == expected.keys()
    for name, loss in expected.items():
        torch.testing.assert_close(found[name], loss, rtol=1e-5, atol=1e-6)
