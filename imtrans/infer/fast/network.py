"""A network packed for the CPU, and the memory in which it runs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from imtrans.infer.fast.steps import Convolve, Memory, Shape, Step
from imtrans.infer.fast.trace import Plan, UnsupportedError, make_plan
from imtrans.ops import packed_convolution
from imtrans.ops.packed_convolution import pack

KEPT = 256 << 20
"""Bytes of maps that are kept from one picture to the next; a network that needs more asks the system every time."""


def compile_network(network: nn.Module, dtype: torch.dtype) -> FastNetwork:
    """Pack a network in evaluation for maps of type ``dtype``. The network itself is not changed.

    Raises:
        UnsupportedError: this processor, this type or some part of the network does not do.
    """
    if (reason := packed_convolution.why_not(dtype)) is not None:
        raise UnsupportedError(reason)
    if any(module.training for module in network.modules()):
        raise UnsupportedError("the network is in training mode, where dropout and batch norms do something else.")
    if any(module._forward_hooks or module._forward_pre_hooks for module in network.modules()):
        raise UnsupportedError("there are hooks on the network, and they want to see its layers.")
    return FastNetwork(make_plan(network), dtype)


class FastNetwork:
    """Computes what the network computes, without gradients. Calls must not overlap: they share their memory.

    Args:
        plan: the steps.
        dtype: of the maps between the layers, float32 or bfloat16.
    """

    def __init__(self, plan: Plan, dtype: torch.dtype) -> None:
        self.plan = plan
        self.dtype = dtype
        for step in plan.steps:
            if isinstance(step, Convolve):
                step.packed = pack(step.layer, step.weight, step.bias, dtype)
        self._kept: tuple[Shape, dict[int, Tensor]] | None = None

    def takes(self, shape: torch.Size) -> bool:
        """Whether no layer would have a map smaller than its border."""
        shapes: dict[int, Shape] = {self.plan.source: tuple(shape)}  # type: ignore[dict-item]
        for step in self.plan.steps:
            shapes[step.target] = step.shape(shapes)
            if min(shapes[step.target]) < 1 or min(shapes[step.reads[0]][2:]) <= step.reflected:
                return False
        return True

    def __call__(self, x: Tensor) -> Tensor:
        """Run the network.

        Args:
            x: (N, C, H, W) of any floating type and layout, on the CPU.

        Returns:
            float32, channels-last, in memory of its own.
        """
        with torch.inference_mode():
            x = x.to(self.dtype).contiguous(memory_format=torch.channels_last)
            maps = self._maps(tuple(x.shape))  # type: ignore[arg-type]
            target = self.plan.target
            memory = Memory(maps | {self.plan.source: x, target: _new(maps[target].shape, torch.float32)})
            for step in self.plan.steps:
                step.run(memory)
            return memory.maps[target]

    def _maps(self, shape: Shape) -> dict[int, Tensor]:
        """Memory for every slot, from the last call where the shape is the same."""
        if self._kept is not None and self._kept[0] == shape:
            return self._kept[1]
        self._kept = None
        maps = _allocate(self.plan, shape, self.dtype)
        storages = {each.data_ptr(): each.nbytes for each in maps.values() if each.device.type != "meta"}
        if sum(storages.values()) <= KEPT:
            self._kept = shape, maps
        return maps


def _new(shape: torch.Size | Shape, dtype: torch.dtype, device: str = "cpu") -> Tensor:
    return torch.empty(tuple(shape), dtype=dtype, device=device).contiguous(memory_format=torch.channels_last)


def _allocate(plan: Plan, shape: Shape, dtype: torch.dtype) -> dict[int, Tensor]:
    """A map for every slot that a step writes; slots whose lives do not overlap share their memory.

    The output's is a stand-in that holds its shape only: each call gets a new one.
    """
    shapes: dict[int, Shape] = {plan.source: shape}
    last_read = {slot: at for at, step in enumerate(plan.steps) for slot in step.reads}
    maps: dict[int, Tensor] = {}
    free: list[Tensor] = []
    for at, step in enumerate(plan.steps):
        if step.target not in shapes:
            shapes[step.target] = step.shape(shapes)
            if step.target == plan.target:
                maps[step.target] = _new(shapes[step.target], torch.float32, "meta")
            else:
                maps[step.target] = _take(free, shapes[step.target], dtype)
        for slot in set(step.reads):
            if last_read[slot] == at and slot not in (plan.source, plan.target):
                free.append(maps[slot])
    return maps


def _take(free: list[Tensor], shape: Shape, dtype: torch.dtype) -> Tensor:
    for index, tensor in enumerate(free):
        if tuple(tensor.shape) == shape:
            return free.pop(index)
    return _new(shape, dtype)


__all__ = ["KEPT", "FastNetwork", "Step", "compile_network"]
