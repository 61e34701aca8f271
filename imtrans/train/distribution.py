"""The processes that train one model together, and what they say to one another.

Every process holds all networks and computes its part of each batch; after the backward pass of a phase the gradients
are averaged, so all take the same step. This is explicit, in place of DistributedDataParallel's hooks, because a phase
of a GAN has several networks, some of them frozen, runs them several times, differentiates twice for a gradient
penalty, and lets portions of a batch add up: see "Several devices" in docs/training.md.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from imtrans.errors import ConfigError, ImtransError

T = TypeVar("T")

BUCKET = 32 * 2**20
"""Bytes of gradients that travel together: enough to fill a line, little beside a network's activations."""
PATIENCE = timedelta(hours=2)
"""How long a process waits for the first one, which alone evaluates and writes. Dead processes are noticed at once."""


class PeerLostError(ImtransError):
    """Another process of the run is gone, so that this one cannot go on."""


@dataclass(frozen=True)
class Ranks:
    """A process among those that train together.

    Gradients travel through torch's default group (NCCL between GPUs). Everything else (questions, losses, states)
    goes through ``group``, which is gloo's, so that no GPU is waited for.
    """

    rank: int = 0
    size: int = 1
    group: Any = None

    @staticmethod
    def of_process_group() -> Ranks:
        """After torch's process group has been made; alone where there is none."""
        if not dist.is_initialized() or dist.get_world_size() == 1:
            return Ranks()
        return Ranks(dist.get_rank(), dist.get_world_size(), dist.new_group(backend="gloo", timeout=PATIENCE))

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and reports."""
        return self.rank == 0

    def any(self, flag: bool) -> bool:
        """Whether ``flag`` is set in any process."""
        return bool(self._largest(torch.tensor([flag], dtype=torch.uint8))[0])

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Make every ``.grad`` the mean of those in all processes.

        A parameter without gradient here and with one elsewhere counts as zero; without one anywhere it stays so.
        """
        if self.size == 1:
            return
        present = self._largest(torch.tensor([each.grad is not None for each in parameters], dtype=torch.uint8))
        learnt = [each for each, there in zip(parameters, present.tolist(), strict=True) if there]
        for parameter in learnt:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        for bucket in in_buckets([parameter.grad for parameter in learnt if parameter.grad is not None]):
            flat = torch.cat([gradient.reshape(-1) for gradient in bucket])
            dist.all_reduce(flat)
            flat /= self.size
            for gradient, mean in zip(bucket, flat.split([each.numel() for each in bucket]), strict=True):
                gradient.copy_(mean.view_as(gradient))

    def share_weights(self, modules: Iterable[nn.Module], *, buffers_only: bool = False) -> None:
        """Give every process the first one's parameters and buffers."""
        if self.size == 1:
            return
        with torch.no_grad():
            for module in modules:
                for tensor in (*(() if buffers_only else module.parameters()), *module.buffers()):
                    whole = tensor.detach().contiguous()
                    dist.broadcast(whole, src=0)
                    tensor.copy_(whole)

    def gather(self, value: T) -> list[T]:
        """The ``value`` of every process, in their order, in every process."""
        if self.size == 1:
            return [value]
        found: list[Any] = [None] * self.size
        dist.all_gather_object(found, value, group=self.group)
        return found

    def gather_first(self, value: T) -> list[T]:
        """The ``value`` of every process in the first one; an empty list elsewhere."""
        if self.size == 1:
            return [value]
        found: list[Any] | None = [None] * self.size if self.first else None
        dist.gather_object(value, found, dst=0, group=self.group)
        return found or []

    def _largest(self, values: Tensor) -> Tensor:
        if self.size > 1:
            dist.all_reduce(values, dist.ReduceOp.MAX, group=self.group)
        return values


def in_buckets(tensors: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """Neighbours of one dtype, up to :data:`BUCKET` bytes together; a larger tensor travels alone."""
    bucket: list[Tensor] = []
    size = 0
    for tensor in tensors:
        if bucket and (size + tensor.nbytes > BUCKET or tensor.dtype != bucket[0].dtype):
            yield bucket
            bucket, size = [], 0
        bucket.append(tensor)
        size += tensor.nbytes
    if bucket:
        yield bucket


class Share(Sequence[int]):
    """The numbers of the items that one process takes, in the order in which it takes them.

    Step s of the whole run has the items s * batch .. (s + 1) * batch - 1; process r takes the r-th of ``ranks`` equal
    runs of them. So the shares of a step are disjoint, and together they are what one process would take.

    Args:
        first: the first step.
        last: the step behind the last one.
        batch: items in a step, over all processes.
        ranks: this process among them.
    """

    def __init__(self, first: int, last: int, batch: int, ranks: Ranks) -> None:
        self.size = batch // ranks.size
        self._begin, self._batch = first * batch + ranks.rank * self.size, batch
        self._length = max(0, last - first) * self.size

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        if not 0 <= place < len(self):
            raise IndexError(place)
        step, within = divmod(place, self.size)
        return self._begin + step * self._batch + within


def check_batch(batch: int, accumulate: int, ranks: Ranks) -> None:
    """Refuse a batch that cannot be shared out evenly.

    Raises:
        ConfigError: it cannot; the message names one that can.
    """
    parts = ranks.size * accumulate
    if batch % parts == 0:
        return
    raise ConfigError(
        f"a batch of {batch} cannot be shared out evenly to {ranks.size} devices in {accumulate} portions each.",
        have="batch_size counts the pictures of a step over all devices and portions.",
        hint=f"Type --batch-size {-(-batch // parts) * parts}.",
    )


@contextlib.contextmanager
def peers_in_words() -> Iterator[None]:
    """Say it where another process of the run is gone.

    Raises:
        PeerLostError: it is.
    """
    try:
        yield
    except RuntimeError as error:  # dist.DistBackendError and gloo's own are of this kind
        text = str(error)
        if not isinstance(error, dist.DistError) and "gloo" not in text.lower() and "onnection closed" not in text:
            raise
        raise PeerLostError(
            "another process of this run is gone.",
            have=f"The connection to it broke: {(text.splitlines() or ['no reason given'])[0][:200]}",
            hint="Its own message says why; go on from the last checkpoint with --resume.",
        ) from error
