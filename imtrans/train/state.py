"""All that the next step depends on besides the networks: what a checkpoint holds of it, and how it comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from imtrans.train.averages import Averages
from imtrans.train.engine import Engine
from imtrans.train.method import Phase
from imtrans.train.optimise import restore_optimiser
from imtrans.train.pool import ImagePool
from imtrans.train.randomness import random_states, restore_random_states

State = dict[str, Any]
"""Tensors, numbers and containers of them."""


class RunState:
    """Optimisers, the scaler of gradients, averages, image pools and random numbers.

    Args:
        phases: who learns, and with what.
        optimisers: by the phase's name.
        engine: whose scaler and processes count.
        averages: of the networks.
        pools: by name; each process has its own.

    Attributes:
        random: this process's random states as they were last held or restored.
    """

    def __init__(
        self,
        phases: Sequence[Phase],
        optimisers: Mapping[str, torch.optim.Optimizer],
        engine: Engine,
        averages: Averages,
        pools: Mapping[str, ImagePool],
    ) -> None:
        self.phases = phases
        self.optimisers, self.engine, self.averages, self.pools = optimisers, engine, averages, pools
        self.hold_random()

    def hold_random(self) -> None:
        """Keep the random numbers as they are now, whatever is drawn until :meth:`release_random`."""
        self.random = random_states(self.engine.device)

    def release_random(self) -> None:
        """Go on with the random numbers that were held."""
        restore_random_states(self.random, self.engine.device)

    def own(self) -> State:
        """What differs between the processes of a run."""
        return {
            "pools": {name: pool.state_dict() for name, pool in self.pools.items()},
            "random": random_states(self.engine.device),
        }

    def whole(self, step: int, states: Sequence[State] = ()) -> State:
        """The state after so many steps; ``states`` are what :meth:`own` gives in each process, or this one's alone."""
        own, *others = states or [self.own()]
        return {
            "step": step,
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "scaler": self.engine.state_dict(),
            "averages": self.averages.state_dict(),
            **own,
            "others": others,
        }

    def restore(self, state: Mapping[str, Any]) -> list[str]:
        """Go on from what :meth:`whole` gave, perhaps with another number of processes; the averages come by file.

        Returns:
            What the user should know of it, as sentences without a full stop.

        Raises:
            TrainingError: a phase learnt with another kind of optimiser.
            KeyError, ValueError, TypeError, RuntimeError: it is not the state of such a run.
        """
        ranks = self.engine.ranks
        for phase in self.phases:
            restore_optimiser(self.optimisers[phase.name], phase, state["optimisers"][phase.name])
        self.engine.load_state_dict(state.get("scaler", {}))
        states = [state, *state.get("others", ())]
        if ranks.rank < len(states):
            self._restore_own(states[ranks.rank])
        if len(states) == ranks.size:
            return []
        text = f"the run had {len(states)} processes and now has {ranks.size}"
        return [f"{text}: it goes on, with other random numbers than it would have had"]

    def _restore_own(self, state: Mapping[str, Any]) -> None:
        for name, pool in self.pools.items():
            pool.load_state_dict(state["pools"][name], self.engine.device)
        restore_random_states(state["random"], self.engine.device)
        self.hold_random()
