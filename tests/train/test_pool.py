"""The pool of earlier fakes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from imtrans.train.pool import ImagePool


def numbered(first: int, count: int) -> Tensor:
    """Pictures of one pixel that know their number."""
    return torch.arange(first, first + count, dtype=torch.float32).view(count, 1, 1, 1)


def test_fills_before_it_swaps() -> None:
    pool = ImagePool(6)
    for first in (0, 3):
        new = numbered(first, 3)
        assert torch.equal(pool.query(new), new)
    assert len(pool) == 6


def test_a_pool_of_none_is_the_identity() -> None:
    pool, new = ImagePool(0), numbered(0, 3)
    assert pool.query(new) is new
    assert len(pool) == 0


def test_half_of_the_time_an_old_one_comes_back() -> None:
    pool = ImagePool(50)
    swapped = sum(int(pool.query(numbered(n, 1)).item() != n) for n in range(2050))
    assert 900 < swapped < 1100  # 2000 fair coins: the mean is 1000, the standard deviation 22


def test_every_place_is_swapped() -> None:
    pool = ImagePool(5)
    pool.query(numbered(0, 5))
    back = {int(pool.query(numbered(n, 1)).item()) for n in range(5, 205)}
    assert {0, 1, 2, 3, 4} <= back


@settings(max_examples=30, deadline=None)
@given(size=st.integers(1, 6), batches=st.lists(st.integers(1, 4), min_size=1, max_size=12), seed=st.integers(0, 99))
def test_no_picture_is_made_up_or_comes_back_twice(size: int, batches: list[int], seed: int) -> None:
    """What came in is either given back or in the pool; in the pool it is until it is given back once."""
    pool, given_back, total = ImagePool(size, seed), [], 0
    for count in batches:
        out = pool.query(numbered(total, count))
        assert out.shape == (count, 1, 1, 1)
        given_back += [int(value) for value in out.flatten()]
        total += count
    first = min(size, total)  # these were given back while the pool kept a copy
    assert sorted(given_back) != []
    assert set(given_back) <= set(range(total))
    assert all(given_back.count(n) <= (2 if n < first else 1) for n in given_back)
    assert len(pool) == first


def test_pictures_are_copies() -> None:
    pool = ImagePool(1)
    new = numbered(7, 1)
    returned = pool.query(new)
    new.fill_(-1)
    returned.fill_(-2)
    back = {float(pool.query(numbered(8, 1)).item()) for _ in range(20)}
    assert 7.0 in back
    assert back <= {7.0, 8.0}


def test_a_state_goes_on_exactly() -> None:
    one, other = ImagePool(3, seed=1), ImagePool(3, seed=2)
    one.query(numbered(0, 5))
    other.load_state_dict(one.state_dict())
    for n in range(5, 30):
        assert torch.equal(one.query(numbered(n, 1)), other.query(numbered(n, 1)))


def test_a_smaller_pool_takes_what_fits() -> None:
    one, other = ImagePool(5), ImagePool(2)
    one.query(numbered(0, 5))
    other.load_state_dict(one.state_dict())
    assert len(other) == 2


def test_seeds_differ() -> None:
    def history(seed: int) -> list[float]:
        pool = ImagePool(2, seed)
        return [pool.query(numbered(n, 1)).item() for n in range(30)]

    assert history(0) == history(0) != history(1)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_batches_of_any_layout(memory_format: torch.memory_format) -> None:
    pool = ImagePool(2)
    new = torch.rand(3, 3, 4, 5).contiguous(memory_format=memory_format)
    assert torch.equal(pool.query(new)[:2], new[:2])
