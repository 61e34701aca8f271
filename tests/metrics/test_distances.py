"""FID and KID: closed forms, torchmetrics, and what must hold for any features."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from imtrans.errors import InputError
from imtrans.metrics.distances import frechet_distance, kernel_distance


def features(count: int, width: int, seed: int, shift: float = 0.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(width, width, generator=generator, dtype=torch.float64)
    return torch.randn(count, width, generator=generator, dtype=torch.float64) @ mixing + shift


class AsFeatures(nn.Module):
    """Hands pictures (N, 1, 1, D) on as features, so that torchmetrics sees what we see."""

    num_features = 6

    def forward(self, pictures: Tensor) -> Tensor:
        return pictures.flatten(1)


@pytest.mark.parametrize(("m", "n"), [(40, 60), (7, 300)])
def test_fid_agrees_with_torchmetrics(m: int, n: int) -> None:
    image = pytest.importorskip("torchmetrics.image.fid")
    a, b = features(m, 6, 0), features(n, 6, 1, shift=0.5)
    metric = image.FrechetInceptionDistance(feature=AsFeatures(), normalize=True).set_dtype(torch.float64)
    metric.update(a.view(m, 1, 1, 6), real=True)
    metric.update(b.view(n, 1, 1, 6), real=False)
    assert frechet_distance(a, b) == pytest.approx(metric.compute().item(), rel=1e-9)


def test_kid_agrees_with_torchmetrics() -> None:
    image = pytest.importorskip("torchmetrics.image.kid")
    a, b = features(50, 6, 0), features(50, 6, 1, shift=0.5)
    metric = image.KernelInceptionDistance(feature=AsFeatures(), subsets=1, subset_size=50, normalize=True)
    metric.set_dtype(torch.float64)
    metric.update(a.view(50, 1, 1, 6), real=True)
    metric.update(b.view(50, 1, 1, 6), real=False)
    assert kernel_distance(a, b).value == pytest.approx(metric.compute()[0].item(), rel=1e-9)


def test_fid_of_one_dimension_is_known_in_closed_form() -> None:
    """(m_a - m_b)^2 + (s_a - s_b)^2."""
    a, b = torch.tensor([[1.0], [3.0], [8.0]]), torch.tensor([[-2.0], [5.0]])
    expected = (4 - 1.5) ** 2 + (a.std().item() - b.std().item()) ** 2
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("m", "n"), [(5, 5), (5, 40), (40, 40)])
def test_fid_with_fewer_pictures_than_features_too(m: int, n: int) -> None:
    """Against the textbook's formula with eigenvalues, in numpy."""
    a, b = features(m, 12, 0), features(n, 12, 1)
    cov_a, cov_b = np.cov(a.numpy(), rowvar=False), np.cov(b.numpy(), rowvar=False)
    roots = np.sqrt(np.linalg.eigvals(cov_a @ cov_b).astype(complex)).real.sum()
    squares = float(((a.mean(0) - b.mean(0)) ** 2).sum())
    expected = squares + np.trace(cov_a) + np.trace(cov_b) - 2 * roots
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 20), st.integers(2, 20), st.integers(1, 8), st.integers(0, 1000))
def test_what_holds_for_any_features(m: int, n: int, width: int, seed: int) -> None:
    a, b = features(m, width, seed), features(n, width, seed + 1)
    distance = frechet_distance(a, b)
    assert distance >= 0
    assert frechet_distance(b, a) == pytest.approx(distance, rel=1e-6, abs=1e-6)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-8 * (1 + a.square().sum().item()))
    # Moving one set moves nothing but its mean.
    step = torch.ones(width, dtype=torch.float64)
    moved = distance + 2 * ((b.mean(0) - a.mean(0)) * step).sum().item() + width
    assert frechet_distance(a, b + step) == pytest.approx(moved, rel=1e-6, abs=1e-6)
    kid = kernel_distance(a, b)
    assert kernel_distance(b, a).value == pytest.approx(kid.value, rel=1e-9, abs=1e-9)
    assert math.isfinite(kid.error)
    shuffled = torch.randperm(m, generator=torch.Generator().manual_seed(seed))
    assert kernel_distance(a[shuffled], b).value == pytest.approx(kid.value, rel=1e-9, abs=1e-9)


def test_kid_picture_by_picture() -> None:
    a, b = features(4, 3, 0), features(5, 3, 1)

    def kernel(x: Tensor, y: Tensor) -> float:
        return float((x @ y / 3 + 1) ** 3)

    within = [np.mean([kernel(x, y) for i, x in enumerate(s) for j, y in enumerate(s) if i != j]) for s in (a, b)]
    across = np.mean([kernel(x, y) for x in a for y in b])
    assert kernel_distance(a, b).value == pytest.approx(sum(within) - 2 * across, rel=1e-12)


def test_kid_has_no_bias_where_fid_has() -> None:
    """Sets of one kind, few pictures: KID scatters around 0, FID lies far above it."""
    pairs = [torch.randn(2, 20, 16, generator=torch.Generator().manual_seed(seed)) for seed in range(60)]
    kids = [kernel_distance(a, b).value for a, b in pairs]
    assert abs(statistics.mean(kids)) < 3 * statistics.stdev(kids) / len(kids) ** 0.5
    assert min(frechet_distance(a, b) for a, b in pairs) > 3


def test_the_standard_error_is_how_far_kid_scatters() -> None:
    drawn = []
    for seed in range(80):
        generator = torch.Generator().manual_seed(seed)
        a = torch.randn(100, 4, generator=generator)
        b = torch.randn(80, 4, generator=generator) * 1.5 + 1
        drawn.append(kernel_distance(a, b))
    scatter = statistics.stdev(kid.value for kid in drawn)
    assert statistics.mean(kid.error for kid in drawn) == pytest.approx(scatter, rel=0.25)


def test_blocks_do_not_show() -> None:
    a, b = features(1500, 3, 0), features(10, 3, 1)
    whole = kernel_distance(a, b).value
    sums = (a @ a.T / 3 + 1) ** 3
    within = (sums.sum() - sums.diagonal().sum()) / (1500 * 1499)
    other = (b @ b.T / 3 + 1) ** 3
    within_b = (other.sum() - other.diagonal().sum()) / 90
    assert whole == pytest.approx(float(within + within_b - 2 * ((a @ b.T / 3 + 1) ** 3).mean()), rel=1e-9)


@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance])
def test_one_picture_is_no_set(distance: object) -> None:
    with pytest.raises(InputError, match="sets of two pictures or more, not of 1 and 5"):
        distance(torch.zeros(1, 3), torch.zeros(5, 3))  # type: ignore[operator]
