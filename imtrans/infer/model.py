"""What translators and generators have in common: a trained network, where it computes, and in which precision."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from imtrans import ops
from imtrans.card import Card
from imtrans.device import DTYPES
from imtrans.errors import ImtransError


class RunningModel:
    """A network with its weights on a device; :meth:`describe` tells of it in one line.

    Args:
        card: what the plugin says about the model.
        config: the network's configuration.
        weights: the name of the weights, or of their file.
        device: where the network is to compute.
        precision: ``"fp32"``, ``"bf16"`` or ``"fp16"``.
        backend: which operators serve, see :mod:`imtrans.ops`.

    Raises:
        UsageError: there is no such backend.
    """

    network: nn.Module
    """The raw module, on :attr:`device` and in :attr:`precision`; a subclass puts it there."""
    notes: list[str]
    """What the user should know, as sentences without a full stop."""

    def __init__(
        self, card: Card, config: Any, weights: str, device: str | torch.device, precision: str, backend: str
    ) -> None:
        check_backend(backend)
        self.card = card
        self.config = config
        self.weights = weights
        self.device = torch.device(device)
        self.precision = precision
        self.backend = backend
        self.notes = []
        self._lock = threading.Lock()

    def describe(self) -> str:
        """One line: model, weights, device, precision, backend, and what is particular to it."""
        parts = (
            self.card.name,
            f"weights {self.weights or 'unnamed'}",
            f"on {self.device} in {self.precision}",
            f"backend {self.backend}",
            *self._particulars(),
        )
        return ", ".join(parts)

    def _particulars(self) -> Sequence[str]:
        return ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.describe()}>"

    @property
    def _dtype(self) -> torch.dtype:
        return DTYPES[self.precision]

    def _require_finite(self, output: Tensor) -> None:
        """Refuse what a network gave if it is no picture.

        Raises:
            ImtransError: some values are no numbers; the message says what may help.
        """
        if not output.isfinite().all():
            lower = self.precision != "fp32"
            raise ImtransError(
                f"the network gave values that are no numbers (in {self.precision}).",
                hint="Say --precision fp32 (in Python: precision='fp32')." if lower else "The weights are damaged.",
            )


def check_backend(name: str) -> None:
    """Refuse a word that is no backend, with the error of :mod:`imtrans.ops`.

    Raises:
        UsageError: the message names the backends that there are.
    """
    with ops.use_backend(name):
        pass
