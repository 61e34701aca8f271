"""Spectral norm: its values, its keys, and what one does to a network that has it."""

from __future__ import annotations

import copy
import io
import warnings
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from imtrans.errors import UsageError
from imtrans.nn.init import init_normal
from imtrans.nn.spectral_norm import fold_spectral_norm, spectral_norm

LAYERS: list[Callable[[], nn.Module]] = [
    lambda: nn.Conv2d(3, 8, 3),
    lambda: nn.Conv2d(3, 8, 3, bias=False),
    lambda: nn.ConvTranspose2d(3, 8, 3),
    lambda: nn.Linear(12, 5),
    lambda: nn.Embedding(7, 4),
]


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def inputs_for(layer: nn.Module) -> Tensor:
    if isinstance(layer, nn.Linear):
        return torch.randn(2, 12)
    return torch.tensor([[0, 3, 6]]) if isinstance(layer, nn.Embedding) else torch.randn(2, 3, 8, 8)


def sigma(weight: Tensor, axis: int = 0) -> Tensor:
    return torch.linalg.matrix_norm(weight.movedim(axis, 0).flatten(1), 2)


@pytest.mark.parametrize("make", LAYERS)
def test_the_weight_comes_to_norm_one(make: Callable[[], nn.Module]) -> None:
    layer = spectral_norm(make())
    for _ in range(200):
        layer(inputs_for(layer))
    layer.eval()
    assert sigma(layer.weight, int(isinstance(layer, nn.ConvTranspose2d))).item() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("make", LAYERS)
def test_every_step_is_that_of_the_authors_function_with_its_keys(make: Callable[[], nn.Module]) -> None:
    """``torch.nn.utils.spectral_norm`` is what U-GAT-IT's and SPADE's checkpoints were written with."""
    ours, theirs = spectral_norm(make()), make()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        theirs = torch.nn.utils.spectral_norm(theirs)
    assert sorted(ours.state_dict()) == sorted(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    for _ in range(3):
        x = inputs_for(ours)
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-5, atol=1e-6)
    ours.eval(), theirs.eval()
    x = inputs_for(ours)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-5, atol=1e-6)
    theirs.load_state_dict(ours.state_dict())
    torch.testing.assert_close(ours.state_dict()["weight_u"], theirs.state_dict()["weight_u"])


def network() -> nn.Sequential:
    return nn.Sequential(spectral_norm(nn.Conv2d(3, 4, 3)), nn.LeakyReLU(), spectral_norm(nn.Conv2d(4, 1, 3)))


def test_keys_in_a_network() -> None:
    assert list(network().state_dict()) == [
        f"{place}.{key}" for place in (0, 2) for key in ("bias", "weight_orig", "weight_u", "weight_v")
    ]


def train(one: nn.Module, optimiser: torch.optim.Optimizer, steps: int) -> None:
    for _ in range(steps):
        optimiser.zero_grad()
        (one(torch.randn(2, 3, 8, 8)).square().mean()).backward()
        optimiser.step()


def test_resuming_is_exact() -> None:
    first, second = network(), network()
    optimiser = torch.optim.Adam(first.parameters())
    train(first, optimiser, 2)
    buffer = io.BytesIO()
    torch.save({"network": first.state_dict(), "optimiser": optimiser.state_dict()}, buffer)
    buffer.seek(0)
    saved = torch.load(buffer, weights_only=True)
    second.load_state_dict(saved["network"])
    other = torch.optim.Adam(second.parameters())
    other.load_state_dict(saved["optimiser"])
    torch.manual_seed(9)
    train(first, optimiser, 3)
    torch.manual_seed(9)
    train(second, other, 3)
    for key, tensor in first.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[key]), key


def test_a_network_that_has_run_can_be_copied_and_the_copy_stands_alone() -> None:
    first = network()
    first(torch.randn(1, 3, 8, 8))
    second = copy.deepcopy(first)
    x = torch.randn(1, 3, 8, 8)
    first.eval(), second.eval()
    assert torch.equal(first(x), second(x))
    wanted = {key: tensor.clone() for key, tensor in first.state_dict().items()}
    train(second.train(), torch.optim.SGD(second.parameters(), 0.1), 1)
    assert all(torch.equal(first.state_dict()[key], tensor) for key, tensor in wanted.items())
    first.load_state_dict(second.state_dict())  # the hooks on the keys were copied with their layers


def test_evaluation_changes_nothing() -> None:
    one = network().eval()
    before = {key: tensor.clone() for key, tensor in one.state_dict().items()}
    one(torch.randn(1, 3, 8, 8))
    assert all(torch.equal(one.state_dict()[key], tensor) for key, tensor in before.items())


def test_two_forward_passes_before_one_backward() -> None:
    one = network()
    (one(torch.randn(1, 3, 8, 8)) - one(torch.randn(1, 3, 8, 8))).sum().backward()
    assert all(parameter.grad is not None for parameter in one.parameters())


def test_first_and_second_gradients_flow_through_sigma() -> None:
    layer = spectral_norm(nn.Linear(4, 3, bias=False)).double().eval()
    original = layer.parametrizations.weight.original
    x = torch.randn(2, 4, dtype=torch.float64, requires_grad=True)

    def run(weight: Tensor, x: Tensor) -> Tensor:
        return torch.func.functional_call(layer, {"parametrizations.weight.original": weight}, (x,)).tanh()

    assert torch.autograd.gradcheck(run, (original, x))
    assert torch.autograd.gradgradcheck(run, (original, x))


def test_sigma_is_float32_under_autocast() -> None:
    layer = spectral_norm(nn.Conv2d(3, 8, 3))
    twin = copy.deepcopy(layer)
    x = torch.randn(1, 3, 8, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert layer(x).dtype == torch.bfloat16
    twin(x)
    assert torch.equal(layer.state_dict()["weight_u"], twin.state_dict()["weight_u"])


def test_half_precision_weights_run() -> None:
    layer = spectral_norm(nn.Conv2d(3, 8, 3)).bfloat16().eval()
    assert layer(torch.randn(1, 3, 8, 8).bfloat16()).dtype == torch.bfloat16


def test_initial_weights_reach_the_parameter() -> None:
    """Filling ``layer.weight`` would fill a result and be forgotten."""
    layer = spectral_norm(nn.Conv2d(64, 64, 5))
    init_normal(layer, std=0.1)
    assert layer.state_dict()["weight_orig"].std() == pytest.approx(0.1, rel=0.02)


def test_folding_keeps_what_the_network_computes() -> None:
    one = network()
    train(one, torch.optim.SGD(one.parameters(), 0.1), 2)
    x = torch.randn(1, 3, 8, 8)
    wanted = one.eval()(x)
    fold_spectral_norm(one)
    assert torch.equal(one(x), wanted)
    assert list(one.state_dict()) == ["0.bias", "0.weight", "2.bias", "2.weight"]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.floats(1e-3, 1e3))
def test_scale_does_not_matter(rows: int, columns: int, factor: float) -> None:
    layer = spectral_norm(nn.Linear(columns, rows, bias=False)).double().eval()
    before = layer.weight.clone()
    with torch.no_grad():
        layer.parametrizations.weight.original.mul_(factor)
    torch.testing.assert_close(layer.weight, before)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: spectral_norm(nn.ReLU()), "a ReLU has no weight"),
        (lambda: spectral_norm(nn.BatchNorm2d(3)), "a BatchNorm2d has no weight"),
        (lambda: spectral_norm(spectral_norm(nn.Linear(2, 2))), "normalised already"),
        (lambda: spectral_norm(nn.Linear(2, 2), iterations=0), "at least 1 iteration"),
    ],
)
def test_what_cannot_be_normalised_is_said_in_words(call: Callable[[], object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        call()
