from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imtrans.infer.padding import Sizes, pad_up, padded_length


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 64), st.integers(1, 300))
def test_padding_is_numpys_reflection_as_often_as_it_takes(h: int, w: int, multiple: int, minimum: int) -> None:
    images = torch.arange(h * w, dtype=torch.float32).view(1, 1, h, w)
    padded = pad_up(images, multiple, minimum)
    tall, wide = padded.shape[-2:]
    assert tall % multiple == wide % multiple == 0
    assert min(tall, wide) >= minimum
    assert tall < max(h, minimum) + multiple
    # numpy's reflection repeats a single pixel as an edge, which is what we want there too
    expected = np.pad(images[0, 0].numpy(), ((0, tall - h), (0, wide - w)), mode="reflect")
    assert np.array_equal(padded[0, 0].numpy(), expected)


def test_a_size_that_fits_is_not_copied() -> None:
    images = torch.zeros(1, 3, 8, 12)
    assert pad_up(images, 4, 8) is images


def test_padded_length() -> None:
    assert [padded_length(n, 4, 1) for n in (1, 4, 5)] == [4, 4, 8]
    assert padded_length(3, 256, 1) == 256
    assert padded_length(3, 4, 9) == 12


# --- sizes of a network ---------------------------------------------------------------------------------------------


def test_sizes_are_read_from_the_network() -> None:
    network = torch.nn.Identity()
    assert Sizes.of(network) == Sizes(1, 1, None)
    network.multiple, network.minimum = 4, 8  # type: ignore[assignment]
    assert Sizes.of(network) == Sizes(4, 8, None)
    network.fixed_size = 256  # type: ignore[assignment]
    assert Sizes.of(network) == Sizes(4, 8, 256)


@settings(deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([None, 16, 40]))
def test_what_enters_leaves_at_its_own_size(h: int, w: int, fixed: int | None) -> None:
    sizes = Sizes(4, 8, fixed)
    images = torch.rand(1, 3, h, w, generator=torch.Generator().manual_seed(h * w))
    entered = sizes.enter(images)
    assert tuple(entered.shape[-2:]) == sizes.taken(h, w)
    left = sizes.leave(entered, h, w)
    assert left.shape == images.shape
    if fixed is None or (h, w) == (fixed, fixed):
        assert left.equal(images)
    else:
        assert (left.mean() - images.mean()).abs() < 0.1


def test_a_fixed_size_is_noted() -> None:
    assert Sizes(4, 8).note is None
    assert "16 x 16 pixels; others are resized" in (Sizes(fixed=16).note or "")


@pytest.mark.parametrize("shape", [(8, 1), (1, 8)])
def test_lines_of_one_pixel_come_back_from_a_fixed_size(shape: tuple[int, int]) -> None:
    sizes, ramp = Sizes(fixed=32), torch.linspace(0, 1, 8).view(1, 1, *shape).expand(-1, 3, -1, -1)
    torch.testing.assert_close(sizes.leave(sizes.enter(ramp), *shape), ramp, atol=0.05, rtol=0)
