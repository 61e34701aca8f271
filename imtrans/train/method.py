"""What a model has to say to be trained: :class:`Method`, its :class:`Phase` s and the :class:`Step` they see.

A method says who learns from which loss; the loop (:mod:`imtrans.train.loop`) owns everything else: optimisers,
schedules, precision, image pools, checkpoints, logs and pictures.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import Tensor, nn

from imtrans.data.augmentation import Augmentation
from imtrans.data.kinds import KindName
from imtrans.train.pool import ImagePool

Losses = dict[str, Tensor]
"""Named scalars, already weighted; the loop minimises their sum and logs each."""


@dataclass(frozen=True)
class Adam:
    """Settings of ``torch.optim.Adam``."""

    lr: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999


@dataclass
class Step:
    """What the phases of one training step share."""

    batch: Mapping[str, Tensor]
    """By name, as the kind of data set says (:mod:`imtrans.data.kinds`), on the training device. Pictures are float
    (N, C, H, W) in the card's value range."""
    index: int
    """Number of this step, from 0."""
    pools: Mapping[str, ImagePool]
    shared: dict[str, Tensor] = field(default_factory=dict)
    """What an earlier phase of this step leaves for a later one, such as detached fakes."""


@dataclass(frozen=True)
class Phase:
    """One group of parameters and the loss it learns from."""

    name: str
    learns: Sequence[nn.Module]
    """The modules whose parameters the phase updates; every other parameter of the method is frozen meanwhile."""
    loss: Callable[[Step], Losses]
    optimiser: Adam = Adam()
    every: int = 1
    """Run in every n-th step only (lazy regularisation)."""
    repeat: int = 1
    """Run n times in a step (critics)."""


class Method(ABC):
    """A model as it learns. Subclasses build their networks from the method's configuration.

    A resumed run is exact as long as a method keeps no state outside its networks and pools, and draws random numbers
    only from torch's and Python's global generators, which checkpoints hold.

    Args:
        config: an instance of the card's ``method_config``.
    """

    data: ClassVar[KindName] = "unpaired"
    """The kind of data set that the phases expect; :data:`imtrans.data.kinds.KINDS` says what batches of it hold."""
    augmentation: ClassVar[Augmentation] = Augmentation()
    """The sizes and mirroring that the model's authors train with, as defaults."""
    networks: nn.ModuleDict
    """Every network by name; checkpoints hold exactly these."""

    def __init__(self, config: Any) -> None:
        self.config = config

    @classmethod
    def classes(cls, config: Any) -> int | None:
        """How many classes a network of that configuration has room for, where the data set has labels.

        None takes as many as the data set has; data sets with more than the number are refused.
        """
        return None

    def pool_sizes(self) -> Mapping[str, int]:
        """Image pools that the loop is to keep, by name, each with its number of pictures; none unless overridden."""
        return {}

    @abstractmethod
    def phases(self) -> Sequence[Phase]:
        """The phases in the order in which a step runs them."""

    @abstractmethod
    def preview(self, batch: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Columns of the sample grid by title, each (N, C, H, W) in the card's value range."""

    @abstractmethod
    def translators(self) -> Mapping[str, tuple[str, Any]]:
        """What the trained method yields: {direction: (name in ``networks``, its network configuration)}."""
