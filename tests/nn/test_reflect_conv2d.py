"""The convolution over reflected borders as a layer."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from imtrans.errors import UsageError
from imtrans.nn import ReflectConv2d
from imtrans.nn.init import init_normal
from imtrans.ops import reflect_pad


@pytest.mark.parametrize("settings", [{}, {"stride": 2, "groups": 2, "bias": False}], ids=["plain", "with settings"])
@pytest.mark.parametrize(("kernel", "padding"), [(3, 1), (7, 3), ((3, 5), 2), (1, 0)])
def test_takes_the_place_of_torchs_layers(
    kernel: int | tuple[int, int], padding: int, settings: dict[str, int | bool]
) -> None:
    torch.manual_seed(0)
    theirs = nn.Sequential(nn.ReflectionPad2d(padding), nn.Conv2d(4, 6, kernel, **settings))  # type: ignore[arg-type]
    ours = ReflectConv2d(4, 6, kernel, padding=padding, **settings)  # type: ignore[arg-type]
    assert list(ours.state_dict()) == list(theirs[1].state_dict())
    ours.load_state_dict(theirs[1].state_dict())
    x = torch.randn(2, 4, 9, 8)
    torch.testing.assert_close(ours(x), theirs(x), atol=1e-5, rtol=1e-5)


def test_takes_a_border_as_it_comes() -> None:
    torch.manual_seed(0)
    layer = ReflectConv2d(4, 6, 7, padding=3)
    follows = ReflectConv2d(4, 6, 7, padding=3, padded=True)
    follows.load_state_dict(layer.state_dict())
    x = torch.randn(1, 4, 4, 6)
    torch.testing.assert_close(follows(reflect_pad(x, 3)), layer(x), atol=1e-5, rtol=1e-5)


def test_a_map_without_room_for_its_border_is_refused() -> None:
    layer = ReflectConv2d(4, 6, 3, padding=1, padded=True)
    for shape in ((1, 4, 3, 8), (4, 8, 8)):
        with pytest.raises(UsageError, match="takes maps with a border of 1 pixels") as caught:
            layer(torch.zeros(shape))
        assert "leave padded=True out" in str(caught.value)


def test_starts_as_any_convolution() -> None:
    """The authors' initial weights are drawn for every convolution; this is one."""
    layer = ReflectConv2d(64, 64, 3, padding=1)
    init_normal(layer)
    assert 0.019 < layer.weight.std() < 0.021
    assert not layer.bias.any()


def test_learns_and_copies() -> None:
    layer = copy.deepcopy(ReflectConv2d(3, 2, 3, padding=1))
    layer(torch.randn(2, 3, 5, 5)).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in layer.parameters())


def test_shows_its_settings() -> None:
    assert "padding=(1, 1), padding_mode=reflect" in repr(ReflectConv2d(3, 2, 3, padding=1))
    assert "border=1, padded=True" in repr(ReflectConv2d(3, 2, 3, padding=1, padded=True))


def test_with_its_border_there_it_is_a_plain_convolution() -> None:
    """To whoever reads an nn.Conv2d's attributes, such as the fast path."""
    layer = ReflectConv2d(3, 2, 3, padding=1, padded=True)
    assert layer.padding == (0, 0)
    assert layer.padding_mode == "zeros"
