"""With which Adam a phase learns, and how tensors lie meanwhile."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from imtrans.errors import ConfigError
from imtrans.train.method import SGD, Adam, Optimiser, Phase, RMSprop
from imtrans.train.optimise import flattened, lay_alike, make_optimiser, tune


@pytest.fixture
def networks() -> nn.ModuleDict:
    return nn.ModuleDict({"one": nn.Linear(2, 2), "two": nn.Linear(2, 2)})


def phase(networks: nn.ModuleDict, adam: Adam = Adam()) -> Phase:  # noqa: B008 - frozen
    return Phase("one", (networks["one"],), lambda step: {}, adam)


def test_the_default_is_the_paper_s(networks: nn.ModuleDict) -> None:
    optimiser = make_optimiser(phase(networks))
    (group,) = optimiser.param_groups
    assert isinstance(optimiser, torch.optim.Adam)
    assert (group["lr"], group["betas"], group["eps"], group["weight_decay"]) == (2e-4, (0.5, 0.999), 1e-8, 0)
    assert [id(p) for p in group["params"]] == [id(p) for p in networks["one"].parameters()]


def test_a_step_is_adam_s(networks: nn.ModuleDict) -> None:
    """Kingma and Ba, algorithm 1, by hand for the first step: m = (1 - b1) g and v = (1 - b2) g^2, both corrected."""
    settings = Adam(lr=0.1, beta1=0.5, beta2=0.9)
    optimiser = make_optimiser(phase(networks, settings))
    weight = networks["one"].weight
    before = weight.detach().clone()
    (weight * torch.tensor([[1.0, -2.0], [3.0, 0.5]])).sum().backward()
    gradient = weight.grad.clone()
    optimiser.step()
    expected = before - 0.1 * gradient / (gradient.square().sqrt() + 1e-8)
    torch.testing.assert_close(weight.detach(), expected)


def test_settings_reach_an_optimiser_that_has_others(networks: nn.ModuleDict) -> None:
    optimiser = make_optimiser(phase(networks))
    tune(optimiser, phase(networks, Adam(lr=0.2, beta1=0.0, beta2=0.9)), factor=0.5)
    assert optimiser.param_groups[0]["lr"] == pytest.approx(0.1)
    assert optimiser.param_groups[0]["betas"] == (0.0, 0.9)


LAYOUTS = (torch.contiguous_format, torch.channels_last)


@pytest.mark.parametrize("kind", [Adam(lr=0.1), SGD(lr=0.1, momentum=0.9)])
@pytest.mark.parametrize("weights", LAYOUTS)
@pytest.mark.parametrize("gradients", LAYOUTS)
def test_a_step_is_the_same_however_gradients_lie(
    kind: Optimiser, weights: torch.memory_format, gradients: torch.memory_format
) -> None:
    """Fused optimisers take elements in the order of memory; unlike layouts would update others than meant."""
    torch.manual_seed(0)
    start, slopes = torch.randn(8, 6, 3, 3), torch.randn(3, 8, 6, 3, 3)
    parameters = [nn.Parameter(start.clone(memory_format=each)) for each in (torch.contiguous_format, weights)]
    for parameter, layout in zip(parameters, (torch.contiguous_format, gradients), strict=True):
        optimiser = kind.build([parameter])
        for slope in slopes:
            parameter.grad = slope.clone(memory_format=layout)
            lay_alike(optimiser)
            optimiser.step()
    torch.testing.assert_close(parameters[1].detach(), parameters[0].detach())
    assert parameters[1].stride() == start.clone(memory_format=weights).stride()


def test_moments_of_another_layout_are_laid_anew() -> None:
    """As after a resume with another train.channels_last."""
    torch.manual_seed(0)
    start, slopes = torch.randn(8, 6, 3, 3), torch.randn(2, 8, 6, 3, 3)
    ends = []
    for later in LAYOUTS:
        parameter = nn.Parameter(start.clone())
        optimiser = Adam(lr=0.1).build([parameter])
        parameter.grad = slopes[0].clone()
        optimiser.step()
        moved = nn.Parameter(parameter.detach().clone(memory_format=later))
        again = Adam(lr=0.1).build([moved])
        again.load_state_dict(optimiser.state_dict())
        moved.grad = slopes[1].clone(memory_format=later)
        lay_alike(again)
        again.step()
        ends.append(moved.detach())
    torch.testing.assert_close(ends[1], ends[0])


def test_what_lies_alike_is_left_where_it_is() -> None:
    parameter = nn.Parameter(torch.zeros(4, 3, 3, 3).contiguous(memory_format=torch.channels_last))
    optimiser = Adam().build([parameter])
    parameter.grad = torch.ones_like(parameter)
    optimiser.step()
    before = (parameter.grad, *optimiser.state[parameter].values())
    lay_alike(optimiser)
    after = (parameter.grad, *optimiser.state[parameter].values())
    assert all(one is other for one, other in zip(before, after, strict=True))


@pytest.mark.parametrize("kind", [Adam(lr=0.1), SGD(lr=0.1, momentum=0.9), RMSprop(lr=0.1)])
def test_a_flattened_step_is_the_step(kind: Optimiser) -> None:
    """And leaves everything laid out as it was: weights, gradients and moments."""
    torch.manual_seed(0)
    start, slopes, layout = torch.randn(8, 6, 3, 3), torch.randn(3, 8, 6, 3, 3), torch.channels_last
    plain, flat = nn.Parameter(start.clone()), nn.Parameter(start.clone(memory_format=layout))
    bias = nn.Parameter(torch.zeros(8))
    usual, turned = kind.build([plain]), kind.build([flat, bias])
    for slope in slopes:
        plain.grad, flat.grad = slope.clone(), slope.clone(memory_format=layout)
        bias.grad = torch.ones(8)
        usual.step()
        with flattened(turned):
            assert flat.is_contiguous()
            turned.step()
    torch.testing.assert_close(flat.detach(), plain.detach(), rtol=1e-6, atol=1e-6)
    assert bias.detach().abs().min() > 0
    moments = [value for value in turned.state[flat].values() if isinstance(value, torch.Tensor) and value.ndim == 4]
    assert moments
    for tensor in (flat, flat.grad, *moments):
        assert tensor.shape == start.shape
        assert tensor.is_contiguous(memory_format=layout)


def test_an_error_in_a_flattened_step_leaves_everything_as_it_was() -> None:
    weight = nn.Parameter(torch.randn(8, 6, 3, 3).to(memory_format=torch.channels_last))
    before, weight.grad = weight.detach().clone(), torch.ones_like(weight)
    with pytest.raises(KeyError), flattened(Adam().build([weight])):
        raise KeyError
    assert torch.equal(weight, before)
    assert weight.grad.shape == before.shape


@pytest.mark.parametrize("optimiser", [Adam(lr=-1.0), Adam(beta2=1.5), RMSprop(lr=-1.0)])
def test_impossible_settings_are_refused_in_words(networks: nn.ModuleDict, optimiser: Optimiser) -> None:
    """Torch's own refusal, with the phase that it is about."""
    critic = Phase("critic", tuple(networks.values()), lambda step: {}, optimiser)
    with pytest.raises(ConfigError, match=r"'critic' cannot learn so: Invalid"):
        make_optimiser(critic)
