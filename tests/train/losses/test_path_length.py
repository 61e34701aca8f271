"""Path length regularisation on generators whose Jacobian is known."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from imtrans.errors import UsageError
from imtrans.train.losses import PathLength


def styles(count: int = 3, layers: int = 2, width: int = 4) -> Tensor:
    return torch.randn(count, layers, width, dtype=torch.float64, requires_grad=True)


def linear(w: Tensor, gain: float) -> Tensor:
    """Each style of D numbers becomes a row of pixels, times the gain: J is gain times a unit matrix."""
    return gain * w.unsqueeze(1)


def test_lengths_of_a_scaled_unit_jacobian() -> None:
    """J^T y = gain * y, so a length is gain * ||y|| / sqrt(L), with y of N(0, 1) / sqrt(H W)."""
    w = styles()
    torch.manual_seed(0)
    lengths = PathLength().lengths(linear(w, 5.0), w)
    torch.manual_seed(0)
    noise = torch.randn(3, 1, 2, 4, dtype=torch.float64) / math.sqrt(8)
    torch.testing.assert_close(lengths, 5 * noise.flatten(1).norm(dim=1) / math.sqrt(2))


def test_penalty_and_running_mean_are_the_authors() -> None:
    module, w = PathLength(weight=2, decay=0.01, every=4).double(), styles()
    module.mean.fill_(1.5)
    torch.manual_seed(0)
    loss = module(linear(w, 5.0), w)
    torch.manual_seed(0)
    lengths = module.lengths(linear(w, 5.0), w).tolist()
    mean = 1.5 + 0.01 * (sum(lengths) / 3 - 1.5)
    assert module.mean.item() == pytest.approx(mean, rel=1e-12)
    assert loss.item() == pytest.approx(2 * 4 * sum((length - mean) ** 2 for length in lengths) / 3, rel=1e-12)


def test_evaluation_leaves_the_running_mean_alone() -> None:
    module, w = PathLength().eval(), styles()
    module(linear(w, 1.0), w)
    assert module.mean.item() == 0


def test_the_running_mean_is_in_the_state_dict_and_resumes_exactly() -> None:
    module = PathLength()

    def step(one: PathLength) -> Tensor:
        w = torch.randn(2, 3, requires_grad=True)
        return one((w * 2).view(2, 1, 1, 3), w)

    torch.manual_seed(1)
    step(module)
    other = PathLength()
    other.load_state_dict(copy.deepcopy(module.state_dict()))
    assert list(module.state_dict()) == ["mean"]
    torch.manual_seed(2)
    wanted = step(module)
    torch.manual_seed(2)
    assert torch.equal(wanted, step(other))
    assert torch.equal(module.mean, other.mean)


def test_second_gradient_reaches_the_generator() -> None:
    weight = torch.randn(4, 4, dtype=torch.float64, requires_grad=True)

    def loss(weight: Tensor) -> Tensor:
        torch.manual_seed(0)
        w = styles()
        return PathLength().double()(torch.tanh(linear(w, 1.0) @ weight), w)

    assert torch.autograd.gradcheck(loss, (weight,))


def test_no_nan_where_nothing_changes() -> None:
    gain = torch.zeros((), dtype=torch.float64, requires_grad=True)
    w = styles()
    PathLength().double()(w.unsqueeze(1) * gain, w).backward()
    assert gain.grad is not None
    assert gain.grad.isfinite()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: PathLength()(linear(styles(), 1.0), styles()), "do not depend on the styles"),
        (lambda: PathLength()(linear(styles().detach(), 1.0), styles()), "do not depend on the styles"),
        (lambda: PathLength(decay=0), "a decay above 0"),
    ],
)
def test_what_cannot_be_meant_is_said_in_words(call: Callable[[], object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        call()
