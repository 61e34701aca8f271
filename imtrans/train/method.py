"""What a model has to say to be trained: :class:`Method`, its :class:`Phase` s and the :class:`Step` they see.

A method says who learns from which loss; the loop (:mod:`imtrans.train.loop`) owns everything else: optimisers,
schedules, precision, averages, image pools, processes, checkpoints, logs and pictures.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import Tensor, nn

from imtrans.data.augmentation import Augmentation
from imtrans.data.kinds import KindName
from imtrans.train.optimisers import SGD, Adam, AdamW, Optimiser, RMSprop
from imtrans.train.pool import ImagePool
from imtrans.train.schedule import Schedule

__all__ = ["SGD", "Adam", "AdamW", "Losses", "Method", "Optimiser", "Phase", "RMSprop", "Schedule", "Step"]

Losses = dict[str, Tensor]
"""Named scalars, already weighted; the loop minimises their sum and logs each."""


@dataclass
class Step:
    """What the phases of one training step share: a batch, and what they make of it."""

    batch: Mapping[str, Tensor]
    """By name, as the kind of data set says (:mod:`imtrans.data.kinds`), on the training device. Pictures are float
    (N, C, H, W) in the card's value range."""
    index: int
    """Number of this step, from 0."""
    pools: Mapping[str, ImagePool]
    shared: dict[str, Tensor] = field(default_factory=dict)
    """What an earlier phase leaves for a later one that sees the same batch, such as detached fakes."""


@dataclass(frozen=True)
class Phase:
    """One group of parameters and the loss it learns from."""

    name: str
    learns: Sequence[nn.Module]
    """The modules whose parameters the phase updates; every other parameter of the method is frozen meanwhile."""
    loss: Callable[[Step], Losses]
    optimiser: Optimiser = Adam()  # noqa: RUF009 - frozen
    every: int = 1
    """Run in every n-th step only (lazy regularisation)."""
    repeat: int = 1
    """Run n times in a step (critics)."""
    fresh: bool = False
    """Give every repetition a batch of its own, as the authors of WGAN and WGAN-GP train their critics, in place of the
    step's batch n times. The first repetition sees the step's batch, as do the phases without; the n-th ones of several
    such phases see the same. Each of these batches comes with a ``Step.shared`` of its own."""
    schedule: Schedule | None = None
    """How its learning rate moves; None takes the run's (``train.schedule``, ``.decay_from``, ``.warmup``)."""
    clip_norm: float | None = None
    """Largest norm of its gradient, 0 for any; None takes the run's (``train.clip_norm``)."""
    second_order: bool = False
    """Its loss holds a gradient (R1, WGAN-GP, path length). Such a phase runs uncompiled, for torch.compile has no
    second derivative."""
    after: Callable[[], None] | None = None
    """Called without gradients after each update, such as for the weight clipping of a WGAN's critic."""


class Method(ABC):
    """A model as it learns. Subclasses build their networks from the method's configuration.

    A resumed run is exact as long as a method keeps no state outside its networks and pools, and draws random numbers
    only from torch's and Python's global generators, which checkpoints hold. A module with state that is no network,
    such as the running mean of path lengths, stands among the networks.

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
    def data_for(cls, config: Any) -> KindName:
        """The kind of data set that a network of that configuration learns from: :attr:`data` unless overridden."""
        return cls.data

    @classmethod
    def classes(cls, config: Any) -> int | None:
        """How many classes a network of that configuration has room for, where the data set has labels.

        None takes as many as the data set has; data sets with more than the number are refused.
        """
        return None

    def pool_sizes(self) -> Mapping[str, int]:
        """Image pools that the loop is to keep, by name, each with its number of pictures; none unless overridden."""
        return {}

    def notes(self) -> Sequence[str]:
        """What the user should know of this training before it starts, as sentences without a full stop."""
        return ()

    @abstractmethod
    def phases(self) -> Sequence[Phase]:
        """The phases in the order in which a step runs them."""

    @abstractmethod
    def preview(self, batch: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Columns of the sample grid by title, each (N, C, H, W) in the card's value range.

        Models that generate draw theirs from fixed latents (:mod:`imtrans.train.latent_samples`), whatever the batch.
        """

    @abstractmethod
    def translators(self) -> Mapping[str, tuple[str, Any]]:
        """The networks that the training yields: {direction: (name in ``networks``, its network configuration)}.

        A model that generates has one, its generator, as ``GENERATES`` of :mod:`imtrans.train.translators`.
        """
