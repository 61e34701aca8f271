"""Shares of a batch, and gradients that travel; real processes train together in test_devices.py."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from imtrans.errors import ConfigError
from imtrans.train import distribution
from imtrans.train.distribution import PeerLostError, Ranks, Share, check_batch, in_buckets, peers_in_words


@given(st.integers(0, 50), st.integers(0, 20), st.integers(1, 5), st.integers(1, 4))
def test_shares_of_every_step_are_disjoint_and_make_the_batch(first: int, steps: int, size: int, each: int) -> None:
    batch = size * each
    shares = [list(Share(first, first + steps, batch, Ranks(rank, size))) for rank in range(size)]
    for step in range(steps):
        taken = [number for share in shares for number in share[step * each : (step + 1) * each]]
        assert taken == list(range((first + step) * batch, (first + step + 1) * batch))
    assert all(len(share) == steps * each for share in shares)


def test_a_share_is_a_sequence() -> None:
    share = Share(2, 4, 6, Ranks(1, 2))
    assert (len(share), share[0], share[1:5]) == (6, 15, [16, 17, 21, 22])
    with pytest.raises(IndexError):
        share[6]


@pytest.mark.parametrize(("batch", "accumulate", "size", "hint"), [(1, 1, 2, 2), (6, 2, 2, 8), (7, 7, 2, 14)])
def test_a_batch_that_cannot_be_shared_out(batch: int, accumulate: int, size: int, hint: int) -> None:
    with pytest.raises(
        ConfigError, match=f"a batch of {batch} cannot be shared out evenly to {size} devices"
    ) as caught:
        check_batch(batch, accumulate, Ranks(0, size))
    assert caught.value.hint == f"Type --batch-size {hint}."
    check_batch(hint, accumulate, Ranks(0, size))


@given(st.lists(st.tuples(st.integers(1, 60), st.booleans()), max_size=30))
def test_buckets_hold_all_in_order(sizes: list[tuple[int, bool]]) -> None:
    tensors = [torch.zeros(size, dtype=torch.half if half else torch.float) for size, half in sizes]
    limit, distribution.BUCKET = distribution.BUCKET, 100
    try:
        buckets = list(in_buckets(tensors))
    finally:
        distribution.BUCKET = limit
    assert [id(tensor) for bucket in buckets for tensor in bucket] == [id(tensor) for tensor in tensors]
    for bucket in buckets:
        assert len({tensor.dtype for tensor in bucket}) == 1
        assert len(bucket) == 1 or sum(tensor.nbytes for tensor in bucket) <= 100


def test_one_process_needs_nobody() -> None:
    ranks, layer = Ranks(), nn.Linear(2, 2)
    layer(torch.ones(1, 2)).sum().backward()
    before = layer.weight.grad.clone()
    ranks.average_gradients(list(layer.parameters()))
    ranks.share_weights([layer])
    assert torch.equal(layer.weight.grad, before)
    assert ranks.first
    assert (ranks.any(True), ranks.any(False)) == (True, False)
    assert ranks.gather("x") == ranks.gather_first("x") == ["x"]


def test_a_lost_process_is_told_in_words() -> None:
    with pytest.raises(PeerLostError, match="another process of this run is gone") as caught, peers_in_words():
        raise RuntimeError("[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:534] Connection closed by peer")
    assert "--resume" in caught.value.hint
    with pytest.raises(RuntimeError, match="shape") as other, peers_in_words():
        raise RuntimeError("shape mismatch")
    assert not isinstance(other.value, PeerLostError)
