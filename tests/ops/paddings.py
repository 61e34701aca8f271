"""Maps and layouts for the tests of padding and of the convolution over it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

Layout = Callable[[Tensor], Tensor]


def contiguous(x: Tensor) -> Tensor:
    """As torch makes maps."""
    return x.contiguous()


def channels_last(x: Tensor) -> Tensor:
    """The native layout."""
    return x.contiguous(memory_format=torch.channels_last)


def every_other_channel(x: Tensor) -> Tensor:
    """A view with gaps between the channels."""
    return x.repeat_interleave(2, dim=1)[:, ::2]


def interior(x: Tensor) -> Tensor:
    """A view into a channels-last map with a border, such as padding leaves."""
    return functional.pad(x, (1, 1, 2, 1)).contiguous(memory_format=torch.channels_last)[:, :, 2:-1, 1:-1]


def transposed(x: Tensor) -> Tensor:
    """A view whose rows are neighbours, not its pixels."""
    return x.transpose(2, 3).contiguous().transpose(2, 3)


def expanded(x: Tensor) -> Tensor:
    """Every channel is the first one, in the same memory."""
    return x[:, :1].expand_as(x)


LAYOUTS: list[Layout] = [contiguous, channels_last, every_other_channel, interior, transposed, expanded]


@st.composite
def maps(draw: st.DrawFn, dtypes: list[torch.dtype]) -> tuple[Tensor, int]:
    """Random maps in any layout, and a border that fits them."""
    padding = draw(st.integers(0, 4))
    channels = draw(st.one_of(st.integers(1, 9), st.sampled_from([16, 31, 33, 64])))
    shape = (draw(st.integers(1, 3)), channels, *(draw(st.integers(padding + 1, padding + 16)) for _ in range(2)))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    x = torch.randn(shape, generator=generator, dtype=torch.float64).to(draw(st.sampled_from(dtypes)))
    return draw(st.sampled_from(LAYOUTS))(x), padding


def assert_close(got: Tensor, want: Tensor, tolerance: float) -> None:
    """Largest difference, relative to the largest value."""
    assert got.shape == want.shape
    assert (got.detach().double() - want.detach()).abs().max() <= tolerance * want.detach().abs().max()
