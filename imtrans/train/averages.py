"""The running averages of the translators' weights, which often translate better than the weights themselves."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from imtrans.train.checkpoint import read_checkpoint
from imtrans.train.method import Method

SUFFIX = ".ema"
"""What the file of an average is called behind the network's name."""


class Averages:
    """One average for each network that ``method.translators()`` names.

    Args:
        method: whose networks to follow.
        decay: of the average, see :class:`imtrans.train.ema.EMA`; 0 keeps none.
    """

    def __init__(self, method: Method, decay: float) -> None:
        self._followed: dict[str, nn.Module] = {}
        self.decay = decay
        self.networks: dict[str, nn.Module] = {}
        """The averaged networks by the name of their file."""
        if decay > 0:
            for name in dict.fromkeys(network for network, _ in method.translators().values()):
                self._followed[self.file_name(name)] = method.networks[name]
        self.restart()

    @staticmethod
    def file_name(network: str) -> str:
        """The name of the file, without its ending, that holds the average of ``network``."""
        return network + SUFFIX

    def restart(self) -> None:
        """Begin anew from the weights as they are."""
        self.networks = {
            name: copy.deepcopy(network).requires_grad_(False) for name, network in self._followed.items()
        }

    @torch.no_grad()
    def update(self) -> None:
        """Move on after a step."""
        for name, network in self._followed.items():
            average = self.networks[name]
            torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1.0 - self.decay)
            for kept, now in zip(average.buffers(), network.buffers(), strict=True):
                kept.copy_(now)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the networks themselves hold the averages meanwhile."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        for name, network in self._followed.items():
            average = self.networks[name]
            pairs = (
                *zip(network.parameters(), average.parameters(), strict=True),
                *zip(network.buffers(), average.buffers(), strict=True),
            )
            for one, other in pairs:
                one.data, other.data = other.data, one.data

    def read(self, checkpoint: Path, state: Mapping[str, Any]) -> None:
        """Go on with the averages in ``checkpoint``; where it has none, begin with the weights.

        Raises:
            TrainingError: a file is damaged.
        """
        self.restart()
        kept = {
            name: network
            for name, network in self.networks.items()
            if (checkpoint / f"{name}.safetensors").exists()
        }
        if kept:
            read_checkpoint(checkpoint, kept)

    def state_dict(self) -> dict[str, Any]:
        """What the next update depends on besides the averages."""
        return {}
