"""Does a picture fit? The memory that a forward pass needs, known before it runs, and what the machine has left.

On a CPU a pass that needs too much is not refused with an exception: the operating system kills the process, with
every other picture of the run. So the need is computed first, by running the pass on tensors without data.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from imtrans.errors import ImtransError


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that there is no memory left, on whatever device."""
    # torch reports a failed allocation on a CPU as a plain RuntimeError.
    words = ("can't allocate memory", "not enough memory", "out of memory")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(word in str(error).lower() for word in words)


def too_large(
    shape: Sequence[int], needed: int | None, left: int | None, device: torch.device, precision: str
) -> ImtransError:
    """The error for pictures (..., H, W) that need more bytes than are left, where these numbers are known."""
    height, width = shape[-2:]
    takes = f" takes about {needed / 1e9:.1f} GB" if needed else " takes more memory than there is"
    longer = max(height, width)
    side = int(longer * min((left / needed) ** 0.5, 1) * 0.95) if needed and left else longer // 2
    other = " or --device cpu" if device.type == "cuda" else ""
    return ImtransError(
        f"a picture of {width} x {height} pixels{takes} on {device} in {precision}.",
        have=f"There are {left / 1e9:.1f} GB left." if left is not None else "",
        hint=f"Make it smaller, with --max-size {side}{other}.",
    )


class _LiveBytes(TorchDispatchMode):
    """Adds up the storage of the tensors that operators make, and remembers the highest sum."""

    def __init__(self) -> None:
        super().__init__()
        self.live = 0
        self.peak = 0
        self._known: weakref.WeakSet[Any] = weakref.WeakSet()

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Sequence[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        tree_map_only(Tensor, self._count, result)
        return result

    def _count(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage not in self._known:
            self._known.add(storage)
            size = storage.nbytes()
            self.live += size
            self.peak = max(self.peak, self.live)
            weakref.finalize(storage, self._release, size)
        return tensor

    def _release(self, size: int) -> None:
        self.live -= size


def peak_bytes(network: nn.Module, shape: Sequence[int], dtype: torch.dtype) -> int | None:
    """Bytes that ``network`` needs at most for activations, given input of ``shape`` (N, C, H, W) on a CPU or GPU.

    Weights, which are there already, and scratch memory inside single operators are not counted. None where a network
    does something that cannot be followed without data.
    """
    device = next((tensor.device for tensor in network.parameters()), torch.device("cpu"))
    count = _LiveBytes()
    try:
        with torch.no_grad(), FakeTensorMode(allow_non_fake_inputs=True), count:
            network(torch.empty(tuple(shape), dtype=dtype, device=device, memory_format=torch.channels_last))
    except Exception:  # an estimate is a courtesy; whatever stops it must not stop the picture
        return None
    return count.peak


def available_bytes(device: torch.device) -> int | None:
    """Bytes that can still be had on the device, or None where the system does not tell."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device))
    limits = [limit for limit in (_system_available(), _group_available()) if limit is not None]
    return min(limits, default=None)


def _system_available() -> int | None:
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name == "MemAvailable":
                return int(rest.split()[0]) * 1024
    return None


def _group_available(root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """What the container's memory limit leaves (control groups, version 2)."""
    with contextlib.suppress(OSError, ValueError):
        limit = int((root / "memory.max").read_text())
        used = int((root / "memory.current").read_text())
        cache = dict(line.split() for line in (root / "memory.stat").read_text().splitlines())
        return limit - used + int(cache.get("inactive_file", 0))
    return None
