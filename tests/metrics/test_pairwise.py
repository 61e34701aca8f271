"""PSNR, SSIM, MS-SSIM, L1: by hand in float64, and what must hold for any picture."""

from __future__ import annotations

import importlib
import math
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from imtrans.errors import InputError, MissingExtraError
from imtrans.metrics import pairwise
from imtrans.metrics.pairwise import l1, looked_at, ms_ssim, psnr, quantised, ssim


def pictures(count: int, height: int, width: int, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def ssim_by_hand(one: np.ndarray, other: np.ndarray) -> float:
    """Wang et al. 2004, equation 13, window by window, with reflected borders."""
    offsets = np.arange(-5, 6)
    weights = np.exp(-(offsets**2) / (2 * 1.5**2))
    window = np.outer(weights, weights) / weights.sum() ** 2
    values = []
    for x, y in zip(one, other, strict=True):
        x, y = (np.pad(plane, 5, mode="reflect") for plane in (x, y))
        for row in range(x.shape[0] - 10):
            for column in range(x.shape[1] - 10):
                p, q = x[row : row + 11, column : column + 11], y[row : row + 11, column : column + 11]
                mp, mq = (window * p).sum(), (window * q).sum()
                vp, vq = (window * p * p).sum() - mp**2, (window * q * q).sum() - mq**2
                c = (window * p * q).sum() - mp * mq
                values.append(
                    (2 * mp * mq + 0.01**2) * (2 * c + 0.03**2) / ((mp**2 + mq**2 + 0.01**2) * (vp + vq + 0.03**2))
                )
    return float(np.mean(values))


def test_psnr_by_hand() -> None:
    target = torch.zeros(2, 3, 4, 4, dtype=torch.float64)
    result = target.clone()
    result[0] += 0.1
    result[1, 0] += 0.5  # one of three channels
    torch.testing.assert_close(psnr(result, target), torch.tensor([20.0, -10 * math.log10(0.25 / 3)]).double())


def test_psnr_agrees_with_torchmetrics() -> None:
    measure = pytest.importorskip("torchmetrics.functional.image").peak_signal_noise_ratio
    one, other = pictures(3, 9, 7), pictures(3, 9, 7, seed=1)
    expected = measure(one, other, data_range=1.0, dim=(1, 2, 3), reduction="none")
    torch.testing.assert_close(psnr(one, other), expected.double(), rtol=1e-6, atol=0)


def test_ssim_by_hand() -> None:
    pytest.importorskip("torchmetrics")
    one = pictures(1, 14, 12)
    other = (one + 0.2 * pictures(1, 14, 12, seed=1)).clamp(0, 1)
    assert ssim(one, other).item() == pytest.approx(ssim_by_hand(one[0].numpy(), other[0].numpy()), rel=1e-6)


def test_every_picture_has_its_own_number() -> None:
    pytest.importorskip("torchmetrics")
    one, other = pictures(2, 177, 176), pictures(2, 177, 176, seed=1)
    for measure in pairwise.MEASURES.values():
        together = measure(one, other)
        alone = torch.cat([measure(one[i : i + 1], other[i : i + 1]) for i in range(2)])
        torch.testing.assert_close(together, alone)
        assert together.shape == (2,)
        assert together.dtype == torch.float64


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(11, 20), st.integers(11, 20), st.floats(0, 0.3))
def test_what_holds_for_any_pictures(seed: int, height: int, width: int, noise: float) -> None:
    pytest.importorskip("torchmetrics")
    one = pictures(1, height, width, seed)
    other = quantised(one + noise * (pictures(1, height, width, seed + 1) - 0.5))
    one = quantised(one)
    for measure, best in ((psnr, math.inf), (ssim, 1.0)):
        assert measure(one, one).item() == pytest.approx(best)
        assert measure(one, other).item() == pytest.approx(measure(other, one).item(), rel=1e-9)
        assert measure(one, other).item() <= best + 1e-9
    assert l1(one, one).item() == 0
    assert 0 <= l1(one, other).item() <= 1
    # Mirroring both changes nothing.
    assert ssim(one.flip(-1), other.flip(-1)).item() == pytest.approx(ssim(one, other).item(), rel=1e-9)


def test_eight_bits() -> None:
    levels = torch.arange(256) / 255
    assert torch.equal(quantised(levels), levels)
    assert torch.equal(quantised(torch.tensor([-0.2, 0.5001 / 255, 1.7])), torch.tensor([0.0, 1 / 255, 1.0]))


def test_equal_levels_are_equal_however_they_were_divided() -> None:
    levels = torch.arange(256, dtype=torch.float32).view(1, 1, 16, 16).expand(1, 3, 16, 16)
    assert not torch.equal(levels / 255, levels * (1 / 255))
    assert psnr(looked_at(levels / 255), looked_at(levels * (1 / 255))).item() == math.inf


def test_border_and_luma() -> None:
    one = pictures(1, 8, 6)
    other = one.clone()
    other[..., 0, :] = 0
    assert psnr(looked_at(one), looked_at(other)).item() < math.inf
    assert psnr(looked_at(one, border=1), looked_at(other, border=1)).item() == math.inf
    assert looked_at(one, border=2).shape == (1, 3, 4, 2)
    white = looked_at(torch.ones(1, 3, 2, 2), channel="y")
    black = looked_at(torch.zeros(1, 3, 2, 2), channel="y")
    assert white.shape == (1, 1, 2, 2)
    assert white.max().item() * 255 == pytest.approx(235)  # MATLAB's rgb2ycbcr
    assert black.max().item() * 255 == pytest.approx(16)
    red = looked_at(torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1), channel="y")
    assert red.item() * 255 == pytest.approx(81.481)


def test_a_border_that_leaves_nothing() -> None:
    with pytest.raises(InputError, match="a border of 3 pixels leaves nothing of pictures of 6 x 8"):
        looked_at(pictures(1, 8, 6), border=3)


def test_pictures_that_are_too_small() -> None:
    with pytest.raises(InputError, match="SSIM needs pictures of at least 11 pixels a side, not 30 x 10"):
        ssim(pictures(1, 10, 30), pictures(1, 10, 30))
    with pytest.raises(InputError, match="MS-SSIM needs pictures of at least 176 pixels a side, not 175 x 200"):
        ms_ssim(pictures(1, 200, 175), pictures(1, 200, 175))


def test_the_least_sizes_are_taken() -> None:
    pytest.importorskip("torchmetrics")
    assert ssim(pictures(1, 11, 11), pictures(1, 11, 11)).item() == pytest.approx(1)
    assert ms_ssim(pictures(1, 176, 176), pictures(1, 176, 176)).item() == pytest.approx(1)


def test_without_torchmetrics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchmetrics.functional.image", None)
    with pytest.raises(MissingExtraError, match="torchmetrics is not installed") as raised:
        pairwise.require_torchmetrics()
    assert "psnr, l1, fid, kid" in raised.value.have
    assert raised.value.hint == "pip install 'imtrans[evaluate]'"


def test_a_torchmetrics_without_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib, "import_module", lambda name: object())
    with pytest.raises(MissingExtraError, match="has no structural_similarity_index_measure"):
        pairwise.require_torchmetrics()
