"""The running average of a network's weights: what a GAN's generator is judged and used by.

Yazıcı et al., "The Unusual Effectiveness of Averaging in GAN Training", ICLR 2019: a generator circles around its goal,
and the average of where it was lies nearer to it. After each update::

    average <- beta * average + (1 - beta) * weights
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from imtrans.errors import TrainingError, UsageError


@dataclass(frozen=True)
class Decay:
    """beta of an update: either the same always, or by how many pictures were seen.

    Exactly one of ``beta`` and ``half_life`` is given.

    Raises:
        UsageError: neither or both are given, or one is out of its range.
    """

    beta: float | None = None
    """Share of the average that an update leaves, such as 0.999."""
    half_life: float | None = None
    """Pictures after which half of the average is new: beta = 0.5^(pictures in the update / half_life). NVIDIA's
    ``ema_kimg`` is this in thousands; StyleGAN2 takes 10,000 pictures at a batch of 32."""
    ramp_up: float | None = None
    """The half-life is at most this share of the pictures seen so far, so that the poor weights of the start are soon
    forgotten; 0.05 in StyleGAN2's automatic settings. Only with ``half_life``."""

    def __post_init__(self) -> None:
        if (self.beta is None) == (self.half_life is None):
            raise UsageError("an average of weights decays either by beta or by half_life; give one of them.")
        if self.beta is not None and not 0 <= self.beta < 1:
            raise UsageError(f"beta, the share of the average that stays, lies in 0..1 without 1, not at {self.beta}.")
        if self.half_life is not None and not self.half_life > 0:
            raise UsageError(f"half_life is a number of pictures above 0, not {self.half_life}.")
        if self.ramp_up is not None and (self.half_life is None or not self.ramp_up > 0):
            raise UsageError(f"ramp_up ({self.ramp_up}) is a share above 0, and needs half_life.")

    def at(self, seen: int, pictures: int) -> float:
        """Beta of an update with ``pictures``, of which ``seen`` were before it; 0 where it is to copy the weights."""
        if self.half_life is None:
            assert self.beta is not None
            return self.beta
        half_life = self.half_life if self.ramp_up is None else min(self.half_life, self.ramp_up * seen)
        return 0.5 ** (pictures / half_life) if half_life > 0 else 0.0


class EMA:
    """The average of one network; parameters are averaged, buffers (statistics, counters) are copied.

    ``ema.network`` is a network like the other, in eval mode and without gradients, to preview, evaluate and export.

    Exactness: an average is a function of its network's updates alone. ``state_dict`` holds all of it; whoever stores
    ``network`` as weights of its own stores ``seen`` beside it.

    Args:
        network: the one that learns, bare (not wrapped for several processes, not compiled).
        decay: how fast the past is forgotten.
    """

    def __init__(self, network: nn.Module, decay: Decay) -> None:
        self.decay = decay
        self.network = copy.deepcopy(network).requires_grad_(False).eval()
        self.seen = 0
        """Pictures that the network has learnt from so far."""

    @torch.no_grad()
    def update(self, network: nn.Module, pictures: int = 1) -> None:
        """Take the network's weights over, after an update of them.

        Args:
            network: the one that learns.
            pictures: in the update's batch, over all processes; a ``beta`` does not depend on it.

        Raises:
            TrainingError: it is not the network that the average was made of.
        """
        beta = self.decay.at(self.seen, pictures)
        mine, theirs = dict(self.network.named_parameters()), dict(network.named_parameters())
        if mine.keys() != theirs.keys():
            odd = sorted(mine.keys() ^ theirs.keys())[0]
            raise TrainingError(
                f"the average of weights is of another network: {odd} is in one of them alone.",
                hint="Hand over the bare network, not one that torch.compile or DistributedDataParallel has wrapped.",
            )
        if mine:
            torch._foreach_lerp_(list(mine.values()), [theirs[name] for name in mine], 1 - beta)
        for name, buffer in network.named_buffers():
            self.network.get_buffer(name).copy_(buffer)
        self.seen += pictures

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next updates depend on; tensors are the average's own, not copies."""
        return {"network": self.network.state_dict(), "seen": self.seen}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where :meth:`state_dict` was taken.

        Raises:
            TrainingError: it is of another network.
        """
        try:
            self.network.load_state_dict(state["network"])
            self.seen = int(state["seen"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:300]
            raise TrainingError(f"the saved average of weights does not fit the network: {reason}.") from error
