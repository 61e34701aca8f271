"""The lattice of a decoder in a picture."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from imtrans.metrics.checkerboard import lattice_ratio, mean_power


def natural(count: int = 4, side: int = 96) -> Tensor:
    """Noise with the spectrum of natural pictures: amplitude falls as one over frequency."""
    random = torch.Generator().manual_seed(0)
    row, column = torch.meshgrid(torch.fft.fftfreq(side), torch.fft.fftfreq(side), indexing="ij")
    falling = 1 / (row.square() + column.square()).sqrt().clamp_min(1 / side)
    spectrum = torch.fft.fft2(torch.randn(count, 3, side, side, generator=random)) * falling
    pictures = torch.fft.ifft2(spectrum).real
    return (pictures / pictures.std() * 0.15 + 0.5).clamp(0, 1)


def pattern(period: int, side: int = 96) -> Tensor:
    """One bright pixel in every square of ``period`` pixels a side."""
    lattice = torch.zeros(side, side)
    lattice[::period, ::period] = 1
    return lattice


@pytest.mark.parametrize("period", [2, 4])
def test_smooth_spectra_have_a_ratio_of_one(period: int) -> None:
    ratio = lattice_ratio(natural(), period)
    assert ratio.shape == (4,)
    assert ((ratio > 0.6) & (ratio < 1.6)).all()


@pytest.mark.parametrize(("period", "strength"), [(2, 0.03), (4, 0.12)])
def test_a_faint_lattice_stands_out(period: int, strength: float) -> None:
    pictures = natural()
    assert (lattice_ratio(pictures + strength * pattern(period), period) > 3 * lattice_ratio(pictures, period)).all()


def test_the_periods_are_told_apart() -> None:
    pictures = natural()
    plain = lattice_ratio(pictures, 4)
    torch.testing.assert_close(lattice_ratio(pictures + 0.05 * pattern(2), 4), plain, rtol=0.05, atol=0)


def test_a_lattice_that_follows_the_picture_is_seen() -> None:
    """Artefacts change with what they lie on, so they are no peak in the spectrum of the whole picture."""
    pictures = natural()
    signs = functional.interpolate(torch.randn(1, 1, 6, 6, generator=torch.Generator().manual_seed(1)), (96, 96))
    assert (lattice_ratio(pictures + 0.05 * signs * pattern(2), 2) > 2 * lattice_ratio(pictures, 2)).all()


def test_upright_edges_are_no_lattice() -> None:
    stripes = (torch.arange(96) % 37 < 18).float().expand(1, 3, 96, 96) * 0.5
    for picture in (stripes, stripes.transpose(2, 3)):
        assert lattice_ratio(picture + 0.2 * natural(1), 2) < 3


def test_a_transposed_convolution_shows() -> None:
    """The very thing that it is for."""
    torch.manual_seed(0)
    small = functional.interpolate(natural(), scale_factor=0.5, mode="area")
    resized = functional.interpolate(small, scale_factor=2, mode="bilinear")
    layer = nn.ConvTranspose2d(3, 3, 3, stride=2, padding=1, output_padding=1)
    with torch.no_grad():
        transposed = layer(small)
    assert lattice_ratio(transposed, 2).mean() > 20 * lattice_ratio(resized, 2).mean()


def test_power_is_that_of_the_patches() -> None:
    wave = torch.sin(2 * torch.pi * torch.arange(64) * 5 / 32).expand(1, 1, 64, 64)
    power = mean_power(wave)[0]
    assert power.shape == (32, 32)
    assert divmod(power.argmax().item(), 32) in ((0, 5), (0, 27))


def test_flat_pictures_give_a_number() -> None:
    assert lattice_ratio(torch.full((1, 3, 32, 32), 0.3), 2).isfinite().all()


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(ValueError, match="2 or 4 pixels, not 3"):
        lattice_ratio(natural(), 3)
    with pytest.raises(ValueError, match="at least 32 x 32"):
        lattice_ratio(torch.rand(1, 3, 31, 64), 2)
