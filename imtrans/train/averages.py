"""The running averages of a run: one for each network that translates, beside it in every checkpoint."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from torch import nn

from imtrans.train.checkpoint import read_checkpoint
from imtrans.train.ema import EMA, Decay
from imtrans.train.method import Method

SUFFIX = ".ema"
"""What the file of an average is called behind the network's name."""


class Averages:
    """One average for each network that ``method.translators()`` names.

    Args:
        method: whose networks to follow.
        decay: of the averages; None keeps none.
    """

    def __init__(self, method: Method, decay: Decay | None) -> None:
        self._decay = decay
        names = dict.fromkeys(network for network, _ in method.translators().values()) if decay else ()
        self._followed = {name: method.networks[name] for name in names}
        self._averages: dict[str, EMA] = {}
        self.restart()

    @property
    def networks(self) -> dict[str, nn.Module]:
        """The averaged networks by the name of their file."""
        return {self.file_name(name): average.network for name, average in self._averages.items()}

    @staticmethod
    def file_name(network: str) -> str:
        """The name of the file, without its ending, that holds the average of ``network``."""
        return network + SUFFIX

    def restart(self) -> None:
        """Begin anew from the weights as they are."""
        if self._decay is not None:
            self._averages = {name: EMA(network, self._decay) for name, network in self._followed.items()}

    def update(self, pictures: int) -> None:
        """Move on after a step with so many pictures."""
        for name, average in self._averages.items():
            average.update(self._followed[name], pictures)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the networks themselves hold the averages meanwhile."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        for name, average in self._averages.items():
            one, other = self._followed[name], average.network
            pairs = (
                *zip(one.parameters(), other.parameters(), strict=True),
                *zip(one.buffers(), other.buffers(), strict=True),
            )
            for learnt, averaged in pairs:
                learnt.data, averaged.data = averaged.data, learnt.data

    def read(self, checkpoint: Path, seen: Mapping[str, int]) -> None:
        """Go on with the averages in ``checkpoint``; one that it lacks begins with the weights.

        Args:
            checkpoint: the folder.
            seen: what :meth:`state_dict` gave.

        Raises:
            TrainingError: a file is damaged.
        """
        self.restart()
        kept = {name: self._averages[name] for name in seen if name in self._averages}
        if kept:
            read_checkpoint(checkpoint, {self.file_name(name): average.network for name, average in kept.items()})
        for name, average in kept.items():
            average.seen = seen[name]

    def state_dict(self) -> dict[str, int]:
        """What the next updates depend on besides the averages: the pictures that each has seen."""
        return {name: average.seen for name, average in self._averages.items()}
