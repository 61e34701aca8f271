"""The steps of which a fast network consists. Each reads and writes numbered slots, each slot one map."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from imtrans.ops.packed_convolution import Layer, Norm, PackedConvolution, Pending, affine

Shape = tuple[int, int, int, int]


@dataclass
class Awaited:
    """What is still to be done to a slot: the normalisation that a convolution measured, or a fixed scale and shift."""

    slope: float = 1.0
    scale: Tensor | None = None
    """(C,), of a batch norm; None for what the convolution that wrote the slot measured."""
    shift: Tensor | None = None


class Memory:
    """The slots of one run: maps, and what was measured of them."""

    def __init__(self, maps: dict[int, Tensor]) -> None:
        self.maps = maps
        self.measured: dict[int, Pending] = {}

    def pending(self, slot: int, awaited: Awaited | None) -> Pending | None:
        """The scale and shift (N, C) with which a slot is to be read."""
        if awaited is None:
            return None
        if awaited.scale is None or awaited.shift is None:
            measured = self.measured[slot]
            return Pending(measured.scale, measured.shift, awaited.slope)
        batch = self.maps[slot].shape[0]
        scale, shift = (each.expand(batch, -1).contiguous() for each in (awaited.scale, awaited.shift))
        return Pending(scale, shift, awaited.slope)


@dataclass
class Convolve:
    """A convolution of slot ``source`` into slot ``target``."""

    source: int
    awaited: Awaited | None
    layer: Layer
    weight: Tensor
    bias: Tensor | None
    target: int
    norm: Norm | None = None
    packed: PackedConvolution | None = None

    @property
    def reflected(self) -> int:
        """Pixels of a reflected border, which its map has to exceed."""
        return self.layer.padding if self.layer.border == "reflect" else 0

    @property
    def reads(self) -> tuple[int, ...]:
        """The slots that the step reads."""
        return (self.source,)

    def shape(self, shapes: dict[int, Shape]) -> Shape:
        """The shape of the slot that the step writes."""
        batch, _, height, width = shapes[self.source]
        return batch, self.layer.out_channels, self.layer.out_size(height), self.layer.out_size(width)

    def run(self, memory: Memory) -> None:
        """Take the step."""
        assert self.packed is not None
        pending = memory.pending(self.source, self.awaited)
        measured = self.packed(memory.maps[self.source], memory.maps[self.target], pending, self.norm)
        if measured is not None:
            memory.measured[self.target] = measured


@dataclass
class Finish:
    """Brings slot ``source`` into its final form, adds slot ``residual`` where there is one, into slot ``target``."""

    source: int
    awaited: Awaited | None
    residual: int | None
    target: int
    reflected: int = 0

    @property
    def reads(self) -> tuple[int, ...]:
        """The slots that the step reads."""
        return (self.source,) if self.residual is None else (self.source, self.residual)

    def shape(self, shapes: dict[int, Shape]) -> Shape:
        """The shape of the slot that the step writes."""
        return shapes[self.source]

    def run(self, memory: Memory) -> None:
        """Take the step."""
        residual = None if self.residual is None else memory.maps[self.residual]
        source = memory.maps[self.source]
        affine(source, memory.maps[self.target], memory.pending(self.source, self.awaited), residual)


@dataclass
class Tanh:
    """The hyperbolic tangent of a slot, in place."""

    target: int
    reflected: int = 0

    @property
    def reads(self) -> tuple[int, ...]:
        """The slots that the step reads."""
        return (self.target,)

    def shape(self, shapes: dict[int, Shape]) -> Shape:
        """The shape of the slot that the step writes."""
        return shapes[self.target]

    def run(self, memory: Memory) -> None:
        """Take the step."""
        torch.tanh_(memory.maps[self.target])


Step = Convolve | Finish | Tanh
