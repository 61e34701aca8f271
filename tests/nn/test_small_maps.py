"""Convolutions with a quicker backward give torch's gradients."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from imtrans.nn import small_maps

TORCH = {small_maps.Conv2d: nn.Conv2d, small_maps.ConvTranspose2d: nn.ConvTranspose2d}


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(sorted(TORCH, key=str)),
    batch=st.integers(1, 2),
    sides=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    kernel_and_stride=st.sampled_from([(3, 1), (3, 2), (4, 2), (4, 1), (1, 1)]),
    bias=st.booleans(),
    channels_last=st.booleans(),
)
def test_gradients_are_torch_s(
    kind: type, batch: int, sides: tuple[int, int], kernel_and_stride: tuple[int, int], bias: bool, channels_last: bool
) -> None:
    torch.manual_seed(0)
    (kernel, stride), (height, width) = kernel_and_stride, sides
    mine = kind(3, 5, kernel, stride=stride, padding=kernel // 2, bias=bias)
    theirs = TORCH[kind](3, 5, kernel, stride=stride, padding=kernel // 2, bias=bias)
    theirs.load_state_dict(mine.state_dict())
    layout = torch.channels_last if channels_last else torch.contiguous_format
    x = torch.randn(batch, 3, height, width).to(memory_format=layout)
    try:
        expected = theirs(one := x.clone().requires_grad_())
    except RuntimeError:
        return  # torch refuses maps that small
    found = mine(other := x.clone().requires_grad_())
    assert torch.equal(found, expected)
    slope = torch.randn_like(expected)
    expected.backward(slope)
    found.backward(slope)
    torch.testing.assert_close(other.grad, one.grad)
    for name, parameter in theirs.named_parameters():
        torch.testing.assert_close(mine.get_parameter(name).grad, parameter.grad)


@pytest.mark.parametrize("kind", TORCH)
def test_gradients_have_gradients(kind: type) -> None:
    """For penalties: the gradient of a gradient's norm is torch's."""
    torch.manual_seed(0)
    mine, theirs = kind(2, 3, 4, stride=2, padding=1), TORCH[kind](2, 3, 4, stride=2, padding=1)
    theirs.load_state_dict(mine.state_dict())
    found = []
    for layer in (mine, theirs):
        x = torch.randn(1, 2, 4, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
        (dx, dweight) = torch.autograd.grad(layer(x).square().sum(), (x, layer.weight), create_graph=True)
        (dx.square().sum() + dweight.square().sum()).backward()
        found.append((x.grad, layer.weight.grad))
    for mine_, theirs_ in zip(*found, strict=True):
        torch.testing.assert_close(mine_, theirs_)


@pytest.mark.parametrize("kind", TORCH)
def test_under_autocast(kind: type) -> None:
    torch.manual_seed(0)
    mine, theirs = kind(16, 8, 4, stride=2, padding=1), TORCH[kind](16, 8, 4, stride=2, padding=1)
    theirs.load_state_dict(mine.state_dict())
    x = torch.randn(1, 16, 8, 8)
    for layer in (mine, theirs):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            y = layer(x)
        assert y.dtype == torch.bfloat16
        y.float().square().sum().backward()
    for one, other in zip(mine.parameters(), theirs.parameters(), strict=True):
        assert one.grad.dtype == torch.float32
        torch.testing.assert_close(one.grad, other.grad, rtol=0.02, atol=0.02 * float(other.grad.abs().max()))


def test_large_maps_and_still_weights_are_left_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(small_maps, "_convolve", refuse)
    layer = small_maps.Conv2d(2, 2, 3, padding=1)
    layer(torch.zeros(1, 2, 9, 9))
    layer.requires_grad_(False)
    layer(torch.zeros(1, 2, 4, 4))
    with torch.no_grad():
        small_maps.ConvTranspose2d(2, 2, 3)(torch.zeros(1, 2, 4, 4))
    with pytest.raises(AssertionError):
        small_maps.Conv2d(2, 2, 3)(torch.zeros(1, 2, 4, 4))
