"""The running average of weights."""

from __future__ import annotations

import copy
import io

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from imtrans.errors import TrainingError, UsageError
from imtrans.nn.spectral_norm import spectral_norm
from imtrans.train.ema import EMA, Decay


class Network(nn.Module):
    """Parameters, running statistics, a counter and a spectral norm."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.layers = nn.Sequential(spectral_norm(nn.Conv2d(3, width, 3)), nn.BatchNorm2d(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


def learn(network: nn.Module, steps: int, ema: EMA, batch: int = 2) -> list[dict[str, torch.Tensor]]:
    """Train a little; gives the weights after each step."""
    optimiser = torch.optim.SGD(network.parameters(), 0.1)
    history = []
    for _ in range(steps):
        optimiser.zero_grad()
        network(torch.randn(batch, 3, 6, 6)).square().mean().backward()
        optimiser.step()
        ema.update(network, batch)
        history.append({name: parameter.detach().clone() for name, parameter in network.named_parameters()})
    return history


def test_parameters_are_averaged_and_buffers_copied() -> None:
    torch.manual_seed(0)
    network = Network()
    ema = EMA(network, Decay(beta=0.9))
    start = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    history = learn(network, 3, ema)
    for name, parameter in ema.network.named_parameters():
        weights = [start[name], *(weights[name] for weights in history)]
        wanted = 0.9**3 * weights[0] + 0.1 * (0.9**2 * weights[1] + 0.9 * weights[2] + weights[3])
        torch.testing.assert_close(parameter, wanted)
        assert not parameter.requires_grad
    for name, buffer in network.named_buffers():
        assert torch.equal(buffer, ema.network.get_buffer(name)), name
    assert not ema.network.training
    assert ema.seen == 6


def test_nvidias_rule() -> None:
    """ema_kimg=10 at a batch of 32; with a ramp the half-life is a share of what was seen before the update."""
    plain = Decay(half_life=10_000)
    assert plain.at(0, 32) == pytest.approx(0.5 ** (32 / 10_000), rel=1e-15)
    ramped = Decay(half_life=10_000, ramp_up=0.05)
    assert ramped.at(0, 32) == 0
    assert ramped.at(3200, 32) == pytest.approx(0.5 ** (32 / 160), rel=1e-15)
    assert ramped.at(10**6, 32) == plain.at(0, 32)


@given(st.floats(1, 1e6), st.integers(1, 64), st.integers(1, 64))
def test_a_half_life_does_not_depend_on_the_batch(half_life: float, batch: int, updates: int) -> None:
    decay = Decay(half_life=half_life)
    once, often = decay.at(0, batch * updates), decay.at(0, batch) ** updates
    assert once == pytest.approx(often, rel=1e-9)


@given(st.floats(0.1, 1e6), st.floats(0.001, 1), st.integers(0, 10**7), st.integers(1, 512))
def test_beta_is_a_share(half_life: float, ramp_up: float, seen: int, pictures: int) -> None:
    assert 0 <= Decay(half_life=half_life, ramp_up=ramp_up).at(seen, pictures) < 1


def test_the_first_ramped_update_copies() -> None:
    torch.manual_seed(0)
    network = Network()
    ema = EMA(network, Decay(half_life=100, ramp_up=0.05))
    (weights,) = learn(network, 1, ema)
    assert all(torch.equal(parameter, weights[name]) for name, parameter in ema.network.named_parameters())


def test_resuming_is_exact() -> None:
    torch.manual_seed(0)
    network = Network()
    ema = EMA(network, Decay(half_life=50, ramp_up=0.5))
    learn(network, 3, ema)
    buffer = io.BytesIO()
    torch.save(ema.state_dict(), buffer)
    buffer.seek(0)
    twin = copy.deepcopy(network)
    other = EMA(Network(), Decay(half_life=50, ramp_up=0.5))
    other.load_state_dict(torch.load(buffer, weights_only=True))
    torch.manual_seed(1)
    learn(network, 3, ema)
    torch.manual_seed(1)
    learn(twin, 3, other)
    for key, tensor in ema.network.state_dict().items():
        assert torch.equal(tensor, other.network.state_dict()[key]), key
    assert ema.seen == other.seen


def test_making_one_leaves_the_network_and_the_random_numbers_alone() -> None:
    torch.manual_seed(0)
    network = Network()
    before, wanted = copy.deepcopy(network.state_dict()), torch.get_rng_state()
    ema = EMA(network, Decay(beta=0.5))
    ema.update(network)
    assert torch.equal(wanted, torch.get_rng_state())
    assert all(torch.equal(tensor, network.state_dict()[key]) for key, tensor in before.items())
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_layouts_may_differ() -> None:
    network = Network()
    ema = EMA(network, Decay(beta=0.5))
    ema.update(network.to(memory_format=torch.channels_last))
    torch.testing.assert_close(ema.network.state_dict(), network.state_dict())


def test_a_network_without_parameters() -> None:
    ema = EMA(nn.ReLU(), Decay(beta=0.5))
    ema.update(nn.ReLU())
    assert not ema.network.state_dict()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"beta": 0.9, "half_life": 5.0},
        {"beta": 1.0},
        {"beta": -0.1},
        {"beta": float("nan")},
        {"half_life": 0.0},
        {"half_life": float("nan")},
        {"beta": 0.9, "ramp_up": 0.05},
        {"half_life": 5.0, "ramp_up": 0.0},
    ],
)
def test_a_decay_that_cannot_be_meant(settings: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        Decay(**settings)


def test_another_network_is_refused() -> None:
    ema = EMA(Network(), Decay(beta=0.5))
    with pytest.raises(TrainingError, match=r"is of another network: 0\.bias is in one of them"):
        ema.update(nn.Sequential(nn.Conv2d(3, 4, 3)))
    with pytest.raises(TrainingError, match="does not fit the network"):
        ema.load_state_dict({"network": Network(5).state_dict(), "seen": 1})
    with pytest.raises(TrainingError, match="does not fit the network"):
        ema.load_state_dict({"seen": 1})
