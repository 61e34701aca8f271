"""The adversarial losses against their formulas, worked out by hand in Python's own arithmetic."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional

from imtrans.errors import UsageError
from imtrans.train.losses.adversarial import AbsoluteKind, Kind, discriminator_loss, generator_loss

REAL = [0.3, -1.2, 2.5, 0.0]
FAKE = [-0.7, 1.4, 0.2, -3.0]
KINDS = get_args(Kind)
RELATIVISTIC = sorted(set(KINDS) - set(get_args(AbsoluteKind)))


def mean(function: Callable[[float], float], values: list[float]) -> float:
    return sum(map(function, values)) / len(values)


def softplus(t: float) -> float:
    return math.log1p(math.exp(t))


def average(kind: str, winner: list[float], loser: list[float]) -> float:
    """The relativistic average losses, as the paper writes them."""
    winner_mean, loser_mean = sum(winner) / len(winner), sum(loser) / len(loser)
    ahead, behind = [w - loser_mean for w in winner], [v - winner_mean for v in loser]
    if kind == "rasgan":
        sigmoid = [1 / (1 + math.exp(-t)) for t in ahead], [1 / (1 + math.exp(-t)) for t in behind]
        return -mean(math.log, sigmoid[0]) - mean(lambda p: math.log(1 - p), sigmoid[1])
    if kind == "ralsgan":
        return mean(lambda t: (t - 1) ** 2, ahead) + mean(lambda t: (t + 1) ** 2, behind)
    return mean(lambda t: max(0.0, 1 - t), ahead) + mean(lambda t: max(0.0, 1 + t), behind)


DISCRIMINATOR = {
    "vanilla": mean(lambda s: softplus(-s), REAL) + mean(softplus, FAKE),
    "lsgan": mean(lambda s: (s - 1) ** 2, REAL) + mean(lambda s: s**2, FAKE),
    "hinge": mean(lambda s: max(0.0, 1 - s), REAL) + mean(lambda s: max(0.0, 1 + s), FAKE),
    "wgan": sum(FAKE) / 4 - sum(REAL) / 4,
    "rsgan": sum(softplus(f - r) for r, f in zip(REAL, FAKE, strict=True)) / 4,
    **{kind: average(kind, REAL, FAKE) for kind in ("rasgan", "ralsgan", "rahinge")},
}
GENERATOR = {
    "vanilla": mean(lambda s: softplus(-s), FAKE),
    "lsgan": mean(lambda s: (s - 1) ** 2, FAKE),
    "hinge": -sum(FAKE) / 4,
    "wgan": -sum(FAKE) / 4,
    "rsgan": sum(softplus(r - f) for r, f in zip(REAL, FAKE, strict=True)) / 4,
    **{kind: average(kind, FAKE, REAL) for kind in ("rasgan", "ralsgan", "rahinge")},
}


def scores(values: list[float], dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.tensor(values, dtype=dtype)


@pytest.mark.parametrize("kind", KINDS)
def test_both_sides_are_the_papers_formulas(kind: Kind) -> None:
    assert discriminator_loss(kind, scores(REAL), scores(FAKE)).item() == pytest.approx(DISCRIMINATOR[kind], rel=1e-14)
    assert generator_loss(kind, scores(FAKE), scores(REAL)).item() == pytest.approx(GENERATOR[kind], rel=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_maps_count_every_place(kind: Kind) -> None:
    real, fake = scores(REAL).view(2, 1, 1, 2), scores(FAKE).view(2, 1, 1, 2)
    assert discriminator_loss(kind, real, fake).item() == pytest.approx(DISCRIMINATOR[kind], rel=1e-14)


def test_vanilla_is_what_stylegan_writes_with_softplus() -> None:
    fake = torch.randn(64, dtype=torch.float64)
    assert torch.allclose(generator_loss("vanilla", fake), functional.softplus(-fake).mean())


@pytest.mark.parametrize("kind", KINDS)
def test_scales_are_added_or_averaged(kind: Kind) -> None:
    real, fake = [scores(REAL), scores(FAKE[:2])], [scores(FAKE), scores(REAL[:2])]
    each = [discriminator_loss(kind, r, f) for r, f in zip(real, fake, strict=True)]
    assert torch.allclose(discriminator_loss(kind, real, fake), each[0] + each[1])
    assert torch.allclose(discriminator_loss(kind, real, fake, scales="mean"), (each[0] + each[1]) / 2)
    fooled = [generator_loss(kind, f, r) for r, f in zip(real, fake, strict=True)]
    assert torch.allclose(generator_loss(kind, fake, real, scales="mean"), (fooled[0] + fooled[1]) / 2)


@pytest.mark.parametrize(("kind", "expected"), [("lsgan", lambda s: (s - 0.9) ** 2), ("vanilla", None)])
def test_label_smoothing_moves_the_real_label_alone(kind: Kind, expected: Callable[[float], float] | None) -> None:
    expected = expected or (lambda s: 0.9 * softplus(-s) + 0.1 * softplus(s))
    fake = mean(lambda s: s**2, FAKE) if kind == "lsgan" else mean(softplus, FAKE)
    smoothed = discriminator_loss(kind, scores(REAL), scores(FAKE), real_label=0.9)
    assert smoothed.item() == pytest.approx(mean(expected, REAL) + fake, rel=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients(kind: Kind) -> None:
    # Away from the hinges' corners, where finite differences see both slopes.
    real = torch.tensor([0.31, -1.17, 2.53, 0.04], dtype=torch.float64, requires_grad=True)
    fake = torch.tensor([-0.72, 1.43, 0.21, -3.1], dtype=torch.float64, requires_grad=True)
    for function in (
        lambda r, f: discriminator_loss(kind, r, f),
        lambda r, f: generator_loss(kind, f, r) + 0 * r.sum(),
    ):
        assert gradcheck(function, (real, fake))
        assert gradgradcheck(function, (real, fake))


@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_is_summed_in_full(kind: Kind) -> None:
    generator = torch.Generator().manual_seed(0)
    real, fake = (torch.randn(2, 1, 30, 30, generator=generator).bfloat16() for _ in range(2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = discriminator_loss(kind, real, fake), generator_loss(kind, fake, real)
    exact = discriminator_loss(kind, real.double(), fake.double()), generator_loss(kind, fake.double(), real.double())
    for loss, wanted in zip(losses, exact, strict=True):
        assert loss.dtype == torch.float32
        assert loss.item() == pytest.approx(wanted.item(), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_scores_far_off_do_not_overflow_and_nan_is_not_hidden(kind: Kind) -> None:
    far = torch.tensor([1e4, -1e4])
    assert discriminator_loss(kind, far, -far).isfinite()
    broken = torch.tensor([1.0, math.nan])
    assert discriminator_loss(kind, broken, far).isnan()
    assert generator_loss(kind, broken, far).isnan()


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=20), st.lists(st.floats(-50, 50), min_size=1, max_size=20))
def test_all_but_wgan_punish_and_reward_the_right_side(real: list[float], fake: list[float]) -> None:
    """Higher scores of real pictures never raise the discriminator's loss, and lower ones of fakes neither."""
    r, f = scores(real).requires_grad_(), scores(fake).requires_grad_()
    for kind in ("vanilla", "hinge", "wgan", "rasgan", "rahinge"):
        real_gradient, fake_gradient = torch.autograd.grad(discriminator_loss(kind, r, f), (r, f), allow_unused=True)
        assert (real_gradient <= 1e-15).all(), kind
        assert (fake_gradient >= -1e-15).all(), kind
    assert discriminator_loss("lsgan", r, f).item() >= 0
    assert discriminator_loss("vanilla", r, f).item() >= 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: discriminator_loss("lsgann", scores(REAL), scores(FAKE)), "called 'lsgann'.*\n.*Did you mean 'lsgan'"),  # type: ignore[arg-type]
        (lambda: generator_loss("hinge", []), "empty list of scores"),
        (lambda: discriminator_loss("hinge", [scores(REAL)], []), "empty list of scores"),
        (lambda: discriminator_loss("hinge", [scores(REAL)], [scores(FAKE)] * 2), "at 1 scales and fake ones at 2"),
        (lambda: generator_loss("vanilla", torch.empty(0, 1)), r"no score: a tensor of shape \(0, 1\)"),
        (lambda: generator_loss("vanilla", [[scores(FAKE)]]), "goes through predictions"),  # type: ignore[list-item]
        (lambda: generator_loss("rasgan", scores(FAKE)), "got no scores of real ones"),
        (lambda: discriminator_loss("rsgan", scores(REAL), scores(FAKE[:3])), r"\(4,\) and \(3,\)"),
        (lambda: discriminator_loss("hinge", scores(REAL), scores(FAKE), real_label=0.9), "no label to smooth"),
    ],
)
def test_what_cannot_be_meant_is_said_in_words(call: Callable[[], object], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        call()
    assert re.search(words, str(caught.value)), caught.value


def test_every_kind_is_tested() -> None:
    assert set(DISCRIMINATOR) == set(GENERATOR) == set(KINDS)
    assert RELATIVISTIC == ["rahinge", "ralsgan", "rasgan", "rsgan"]
