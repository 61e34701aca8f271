"""How far two sets of pictures lie apart, in the space of a feature network: FID and KID, in float64.

Features are (N, D), a row for each picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from imtrans.errors import InputError

FEW = 2048
"""FID's covariances have this many rows; with fewer pictures they are singular, and the bias is large."""


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """FID: the Fréchet distance of the Gaussians that fit the two sets (Heusel et al., 2017).

    With means m, covariances S (divided by N - 1)::

        |m_a - m_b|^2 + tr S_a + tr S_b - 2 tr (S_a S_b)^(1/2)

    Where A holds the centred features of one set over the root of N - 1, S_a = A^T A, and the last trace is the sum of
    the singular values of A B^T. No root of a product of covariances has to be taken, which is neither symmetric nor,
    with fewer pictures than features, of full rank; that root is where implementations differ in the third decimal.

    The estimate is biased upwards, by a share that goes with 1/N and depends on the model: Bińkowski et al.,
    "Demystifying MMD GANs", 2018.

    Raises:
        InputError: a set has fewer than two pictures.
    """
    a, b = _checked(a, b)
    mean = (a.mean(0) - b.mean(0)).square().sum()
    factor_a, factor_b = _factor(a), _factor(b)
    overlap = torch.linalg.svdvals(factor_a @ factor_b.T).sum()
    distance = mean + factor_a.square().sum() + factor_b.square().sum() - 2 * overlap
    return max(distance.item(), 0.0)  # equal sets may come out at -1e-12


def _factor(features: Tensor) -> Tensor:
    """A matrix F of at most D rows with F^T F the covariance of the features."""
    centred = (features - features.mean(0)) / (len(features) - 1) ** 0.5
    return torch.linalg.qr(centred, mode="r").R if len(centred) > centred.shape[1] else centred


@dataclass(frozen=True)
class KernelDistance:
    """KID, and how sure it is."""

    value: float
    """Unbiased, so it may be a little below 0 for sets of one kind."""
    error: float
    """Standard error to first order, from how much the pictures differ in their parts; too small where the value is no
    larger than it."""


def kernel_distance(a: Tensor, b: Tensor, degree: int = 3) -> KernelDistance:
    """KID: the squared maximum mean discrepancy with the kernel (x . y / D + 1)^3 (Bińkowski et al., 2018).

    ::

        mean over i != j of k(a_i, a_j)  +  mean over i != j of k(b_i, b_j)  -  2 mean over i, j of k(a_i, b_j)

    It has no bias for any number of pictures. All pictures are compared with all; the authors average over random
    subsets of 1000, which has the same expectation and more variance, and depends on a seed.

    Raises:
        InputError: a set has fewer than two pictures.
    """
    a, b = _checked(a, b)
    within_a, within_b = _kernel_sums(a, a, degree), _kernel_sums(b, b, degree)
    across = _kernel_sums(a, b, degree), _kernel_sums(b, a, degree)
    own_a, own_b = ((x.square().sum(1) / x.shape[1] + 1).pow(degree) for x in (a, b))
    within_a, within_b = within_a - own_a, within_b - own_b  # k(x, x) is no comparison
    m, n = len(a), len(b)
    value = within_a.sum() / (m * (m - 1)) + within_b.sum() / (n * (n - 1)) - 2 * across[0].sum() / (m * n)
    # First-order (Hájek) projection of each picture's part; the variance of the sum of independent parts adds up.
    parts_a = 2 * (within_a / (m - 1) - across[0] / n)
    parts_b = 2 * (within_b / (n - 1) - across[1] / m)
    error = (parts_a.var() / m + parts_b.var() / n).sqrt()
    return KernelDistance(value.item(), error.item())


def _kernel_sums(rows: Tensor, columns: Tensor, degree: int, block: int = 1024) -> Tensor:
    """For each row x the sum of k(x, y) over the columns y, a block of rows at a time."""
    width = rows.shape[1]
    return torch.cat([(part @ columns.T / width + 1).pow(degree).sum(1) for part in rows.split(block)])


def _checked(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    if min(len(a), len(b)) < 2:
        raise InputError(f"FID and KID compare sets of two pictures or more, not of {len(a)} and {len(b)}.")
    return a.double(), b.double()
