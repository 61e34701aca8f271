"""What the next step depends on, and how it comes back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from imtrans.train.loop import Trainer

Make = Callable[..., Trainer]


def test_what_is_drawn_while_random_numbers_are_held_does_not_count(trainer: Make) -> None:
    state = trainer().state
    torch.manual_seed(7)
    state.hold_random()
    first = torch.rand(3)
    torch.rand(100)
    state.release_random()
    assert torch.rand(3).equal(first)


def test_a_state_of_more_processes_goes_on_with_a_word(trainer: Make) -> None:
    state = trainer().state
    torch.manual_seed(7)
    whole = state.whole(5, [state.own(), state.own()])
    first = torch.rand(3)
    assert whole["step"] == 5
    assert len(whole["others"]) == 1
    (note,) = state.restore(whole)
    assert "had 2 processes and now has 1" in note
    assert torch.rand(3).equal(first)
    assert state.restore(state.whole(5)) == []


def test_a_state_of_another_run_is_refused(trainer: Make) -> None:
    state = trainer().state
    whole = state.whole(5)
    with pytest.raises(KeyError):
        state.restore(whole | {"optimisers": {}})
