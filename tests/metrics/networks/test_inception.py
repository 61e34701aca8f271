"""FID's Inception network: the published file's keys, the published network's numbers, the two filters."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from filled import fill_with_waves, picture
from PIL import Image

from imtrans.metrics.networks.files import blank
from imtrans.metrics.networks.inception import SIDE, Inception, resized


@pytest.fixture(scope="module")
def network() -> Inception:
    network = blank(Inception).eval()
    fill_with_waves(network)
    return network


def test_keys_and_shapes_are_those_of_the_published_file(network: Inception) -> None:
    """The digest was taken of torch-fidelity's network, which loads that file strictly."""
    state = network.state_dict()
    listing = "\n".join(f"{key} {tuple(state[key].shape)}" for key in sorted(state))
    assert hashlib.sha256(listing.encode()).hexdigest().startswith("760681d791cb624e")
    assert sum(parameter.numel() for parameter in network.parameters()) == 23_850_960


def test_features_are_those_of_the_published_network(network: Inception) -> None:
    """Recorded from torch-fidelity 0.3.0 with the same weights and the same picture, resized by its own filter."""
    with torch.no_grad():
        features = network(picture(120, 200).float() / 255)[0]
    assert features.shape == (2048,)
    recorded = torch.tensor([0.045799, 0.020353, 0.092491, 1.334771])
    torch.testing.assert_close(features[[1000, 1100, 1500, 2047]], recorded, rtol=1e-4, atol=1e-5)
    assert features.mean().item() == pytest.approx(0.1548800, rel=1e-4)
    assert features.norm().item() == pytest.approx(16.4939, rel=1e-4)


@pytest.mark.parametrize("size", [(64, 91), (400, 333), (299, 299), (1, 5)])
def test_the_original_filter_samples_without_a_shift_of_half_a_pixel(size: tuple[int, int]) -> None:
    pictures = torch.rand(1, 2, *size, dtype=torch.float64)
    assert torch.equal(resized(pictures)[..., 0, 0], pictures[..., 0, 0])
    given = pictures.numpy()[0, 0]
    for row, column in [(0, 298), (298, 0), (17, 150), (298, 298)]:
        y, x = row * size[0] / SIDE, column * size[1] / SIDE
        low_y, low_x = int(y), int(x)
        high_y, high_x = min(low_y + 1, size[0] - 1), min(low_x + 1, size[1] - 1)
        above = given[low_y, low_x] * (1 - (x - low_x)) + given[low_y, high_x] * (x - low_x)
        below = given[high_y, low_x] * (1 - (x - low_x)) + given[high_y, high_x] * (x - low_x)
        expected = above * (1 - (y - low_y)) + below * (y - low_y)
        assert resized(pictures)[0, 0, row, column].item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("size", [(160, 120), (400, 333)])
def test_the_clean_filter_is_pillows_on_floats(size: tuple[int, int]) -> None:
    pictures = torch.rand(1, 3, *size)
    for channel in range(3):
        levels = Image.fromarray((pictures[0, channel] * 255).numpy(), mode="F")
        expected = np.asarray(levels.resize((SIDE, SIDE), Image.Resampling.BICUBIC)).clip(0, 255) / 255
        np.testing.assert_allclose(resized(pictures, "clean")[0, channel].numpy(), expected, atol=1e-4)


def test_the_two_filters_differ() -> None:
    pictures = torch.rand(1, 3, 600, 600)
    assert (resized(pictures) - resized(pictures, "clean")).abs().mean() > 0.1
