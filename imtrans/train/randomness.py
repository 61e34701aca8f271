"""The global random numbers: seeded at the start, part of every checkpoint."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Mapping
from typing import Any

import torch


def seed_everything(seed: int) -> None:
    """Seed Python's and torch's generators."""
    random.seed(seed)
    torch.manual_seed(seed)


def stream_seed(seed: int, stream: int) -> int:
    """A seed for one of several streams that share a run's ``seed``; stream 0 is the seed itself."""
    return (seed + stream * 0x9E3779B97F4A7C15) % 2**63 if stream else seed


@contextlib.contextmanager
def undisturbed(device: torch.device) -> Iterator[None]:
    """What is drawn inside does not count outside: looking at a run must not change it."""
    states = random_states(device)
    try:
        yield
    finally:
        restore_random_states(states, device)


def random_states(device: torch.device) -> dict[str, Any]:
    """The states of Python's and torch's generators, the device's included."""
    states: dict[str, Any] = {"python": random.getstate(), "cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def restore_random_states(states: Mapping[str, Any], device: torch.device) -> None:
    """Go on where :func:`random_states` was taken; a generator that was not there then keeps its state."""
    if "python" in states:
        random.setstate(states["python"])
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
