"""The optimisers that a phase may learn with, as settings: a method names one, the loop builds and keeps it.

Every class knows its own ``torch.optim`` counterpart and the values of its parameter group. The group's values are set
again before every step, so changed settings hold after a resume although the optimiser's state is an old one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


class Optimiser(ABC):
    """What all of them have."""

    lr: float
    """The learning rate before its schedule."""

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """The values of the parameter group, by torch's names."""

    @abstractmethod
    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """The torch optimiser over ``parameters``."""


@dataclass(frozen=True)
class Adam(Optimiser):
    """``torch.optim.Adam`` (Kingma and Ba, ICLR 2015). Weight decay is added to the gradient."""

    lr: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0

    def options(self) -> dict[str, Any]:
        """See :meth:`Optimiser.options`."""
        betas = (self.beta1, self.beta2)
        return {"lr": self.lr, "betas": betas, "eps": self.eps, "weight_decay": self.weight_decay}

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """See :meth:`Optimiser.build`."""
        return torch.optim.Adam(parameters, **self.options(), fused=True)


@dataclass(frozen=True)
class AdamW(Adam):
    """``torch.optim.AdamW`` (Loshchilov and Hutter, ICLR 2019). Weight decay shrinks the weights themselves."""

    weight_decay: float = 0.01

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """See :meth:`Optimiser.build`."""
        return torch.optim.AdamW(parameters, **self.options(), fused=True)


@dataclass(frozen=True)
class RMSprop(Optimiser):
    """``torch.optim.RMSprop`` (Hinton's lecture 6e, 2012), which WGAN with weight clipping trains with."""

    lr: float = 5e-5
    alpha: float = 0.99
    eps: float = 1e-8
    momentum: float = 0.0
    weight_decay: float = 0.0

    def options(self) -> dict[str, Any]:
        """See :meth:`Optimiser.options`."""
        return {
            "lr": self.lr,
            "alpha": self.alpha,
            "eps": self.eps,
            "momentum": self.momentum,
            "weight_decay": self.weight_decay,
        }

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """See :meth:`Optimiser.build`."""
        return torch.optim.RMSprop(parameters, **self.options())


@dataclass(frozen=True)
class SGD(Optimiser):
    """``torch.optim.SGD``, with momentum where it is not 0."""

    lr: float = 1e-2
    momentum: float = 0.0
    weight_decay: float = 0.0

    def options(self) -> dict[str, Any]:
        """See :meth:`Optimiser.options`."""
        return {"lr": self.lr, "momentum": self.momentum, "weight_decay": self.weight_decay}

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """See :meth:`Optimiser.build`."""
        return torch.optim.SGD(parameters, **self.options(), fused=True)
