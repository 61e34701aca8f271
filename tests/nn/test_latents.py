"""Latents and noise of seeds, and the way between two latents."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imtrans.nn.latents import latents, layer_noise, slerp


def test_latents_are_those_of_nvidias_script() -> None:
    # gen_images.py: torch.from_numpy(np.random.RandomState(seed).randn(1, G.z_dim))
    z = latents([0, 85], 512)
    assert z.shape == (2, 512)
    assert np.array_equal(z[1].numpy(), np.random.RandomState(85).randn(1, 512)[0].astype(np.float32))
    assert abs(float(z[0, 0]) - 1.7640524) < 1e-6  # the first number of RandomState(0), which everybody knows


def test_noise_belongs_to_its_seed_and_is_not_the_latent() -> None:
    shapes = [(4, 4), (8, 6)]
    together, alone = layer_noise([3, 9], shapes), layer_noise([9], shapes)
    assert [tuple(layer.shape) for layer in together] == [(2, 1, 4, 4), (2, 1, 8, 6)]
    assert all(torch.equal(a[1], b[0]) for a, b in zip(together, alone, strict=True))
    assert not torch.equal(together[0][0].flatten(), latents([3], 16)[0])


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_slerp_keeps_the_length(one: int, other: int, share: float) -> None:
    a, b = latents([one, other], 64)
    between = slerp(a, b, share).norm()
    assert min(a.norm(), b.norm()) * 0.9 <= between <= max(a.norm(), b.norm()) * 1.1


def test_slerp_meets_both_ends_and_halves_a_right_angle() -> None:
    a, b = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 2.0])
    assert torch.allclose(slerp(a, b, 0.0), a)
    assert torch.allclose(slerp(a, b, 1.0), b, atol=1e-6)
    assert torch.allclose(slerp(a, b, 0.5), torch.full((2,), 2**0.5))
    assert torch.allclose(slerp(a, 3 * a, 0.5), 2 * a)  # one direction: the straight line
