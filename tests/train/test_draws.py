"""Which batches a step draws."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from imtrans.train.draws import Draws
from imtrans.train.loop import Trainer
from imtrans.train.method import Phase, Step

from .test_resume import KilledError, Killer
from .toys import FRESH_CARD, assert_equal, everything

Make = Callable[..., Trainer]
PHASES = st.builds(
    Phase,
    name=st.just("p"),
    learns=st.just(()),
    loss=st.just(lambda step: {}),
    every=st.integers(1, 6),
    repeat=st.integers(1, 5),
    fresh=st.booleans(),
)


@given(phases=st.lists(PHASES, max_size=3), step=st.integers(0, 200))
def test_numbers_follow_from_the_step(phases: list[Phase], step: int) -> None:
    draws = Draws(phases)
    wanted = [phase.repeat for phase in phases if phase.fresh and step % phase.every == 0]
    assert draws.of(step) == max(wanted, default=1)
    assert draws.before(step) == sum(draws.of(each) for each in range(step))


@given(phases=st.lists(PHASES, max_size=3), batches=st.integers(0, 500))
def test_the_fewest_steps_for_so_many_batches(phases: list[Phase], batches: int) -> None:
    draws = Draws(phases)
    steps = draws.steps_for(batches)
    assert draws.before(steps) >= batches
    assert steps == 0 or draws.before(steps - 1) < batches


def test_batches_are_dealt_out_to_steps_from_anywhere() -> None:
    draws = Draws([Phase("p", (), lambda step: {}, every=2, repeat=3, fresh=True)])
    assert list(draws.by_step(range(8), 0)) == [[0, 1, 2], [3], [4, 5, 6], [7]]
    assert list(draws.by_step(range(3, 8), 1)) == [[3], [4, 5, 6], [7]]


def test_repetitions_see_batches_of_their_own(trainer: Make) -> None:
    """The critic sees three in every second step; the generator, and the same critic unfresh, the step's first one."""
    run = trainer("train.steps=4", card=FRESH_CARD)
    seen: dict[str, list[Tensor]] = {"generator": [], "critic": []}

    def noting(phase: Phase) -> Callable[[Step], dict[str, Tensor]]:
        def loss(step: Step) -> dict[str, Tensor]:
            seen[phase.name].append(step.batch["A"])
            return phase.loss(step)

        return loss

    run.phases = tuple(Phase(**{**vars(phase), "loss": noting(phase)}) for phase in run.phases)
    run.fit()
    items = [run.dataset[number].pictures["A"][None] for number in range(8)]
    for name, numbers in {"generator": (0, 3, 4, 7), "critic": (0, 1, 2, 4, 5, 6)}.items():
        assert len(seen[name]) == len(numbers)
        for picture, number in zip(seen[name], numbers, strict=True):
            assert torch.equal(picture, items[number]), (name, number)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_resumed_run_draws_what_the_killed_one_would_have(trainer: Make, workers: int) -> None:
    settings = ("train.checkpoint_every=5", "train.batch_size=2", "train.accumulate=2", f"train.workers={workers}")
    straight = trainer(*settings, card=FRESH_CARD, name="straight")
    assert straight.fit()
    broken = trainer(*settings, card=FRESH_CARD, name="broken")
    with pytest.raises(KilledError):
        broken.fit(Killer())
    resumed = trainer(*settings, card=FRESH_CARD, name="broken", resume=True)
    assert resumed.step == 10
    assert resumed.fit()
    assert_equal(everything(straight), everything(resumed))


def test_an_epoch_counts_every_batch(trainer: Make) -> None:
    """Two rounds of five pictures are ten batches, of which two steps draw four."""
    assert trainer("train.epochs=2", "train.steps=none", card=FRESH_CARD).total == 5
    assert trainer("train.epochs=2", "train.steps=none", name="usual").total == 10
