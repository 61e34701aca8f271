"""The global random numbers."""

from __future__ import annotations

import random

import torch

from imtrans.train.randomness import random_states, restore_random_states, seed_everything

CPU = torch.device("cpu")


def drawn() -> tuple[float, float]:
    return random.random(), torch.rand(()).item()


def test_seeds() -> None:
    seed_everything(3)
    first = drawn()
    seed_everything(3)
    assert drawn() == first
    seed_everything(4)
    assert drawn() != first


def test_states_go_on() -> None:
    seed_everything(0)
    drawn()
    states = random_states(CPU)
    expected = drawn()
    seed_everything(9)
    restore_random_states(states, CPU)
    assert drawn() == expected


def test_states_without_python_s_are_accepted() -> None:
    seed_everything(0)
    states = {"cpu": random_states(CPU)["cpu"]}
    expected = drawn()
    restore_random_states(states, CPU)
    assert drawn()[1] == expected[1]
