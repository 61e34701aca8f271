"""Perceptual and style losses through a slim VGG of the true layout."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor, nn

from imtrans.errors import UsageError
from imtrans.nn.vgg import VGG, Depth, layer_names
from imtrans.train.losses import perceptual
from imtrans.train.losses.perceptual import Perception, PerceptualLoss, gram_distance, gram_matrix


@pytest.fixture(scope="module")
def slim(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Files of VGG-16 and VGG-19 with 2 channels in the first block."""
    folder, files = tmp_path_factory.mktemp("vgg"), {}
    depths: tuple[Depth, Depth] = (16, 19)
    for depth in depths:
        torch.manual_seed(depth)
        network = VGG(depth, ["pool5"], width=2)
        for parameter in network.parameters():
            nn.init.normal_(parameter, 0, 0.3)
        save_file(network.state_dict(), files.setdefault(depth, folder / f"vgg{depth}.safetensors"))
    return files


def pictures(count: int = 2, side: int = 32, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def by_hand(loss: PerceptualLoss, x: Tensor, mean: float, std: float) -> Tensor:
    """The map of the only layer, computed with the layers themselves."""
    x = (x - mean) / std
    for layer in loss.network.features:
        x = layer(x)
    return x


@pytest.mark.parametrize(("perception", "power"), [(perceptual.DEBLURGAN, 2), (perceptual.DEBLURGAN_V2, 2)])
def test_content_is_the_distance_of_the_maps(slim: dict[int, Path], perception: Perception, power: int) -> None:
    loss, x, y = PerceptualLoss(perception, slim[19]), pictures(), pictures(seed=1)
    if perception.normalise:
        mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
        std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
        maps = [by_hand(loss, (picture + 1) / 2, mean, std) for picture in (x, y)]
    else:
        maps = [by_hand(loss, picture, 0, 1) for picture in (x, y)]
    wanted = (maps[0] - maps[1]).abs().pow(power).mean()
    torch.testing.assert_close(loss(x, y), wanted, rtol=1e-5, atol=1e-7)


def test_pix2pixhd_is_five_weighted_layers(slim: dict[int, Path]) -> None:
    loss, x, y = PerceptualLoss(perceptual.PIX2PIXHD, slim[19]), pictures(), pictures(seed=1)
    places = [1, 6, 11, 20, 29]  # torchvision's relu1_1, 2_1, 3_1, 4_1, 5_1
    total, a, b = torch.zeros(()), x, y
    for place, layer in enumerate(loss.network.features):
        a, b = layer(a), layer(b)
        if place in places:
            total += (a - b).abs().mean() / 2 ** (5 - places.index(place) if place != 29 else 0)
    torch.testing.assert_close(loss(x, y), total, rtol=1e-5, atol=1e-7)


def test_srgan_divides_maps_by_12_75(slim: dict[int, Path]) -> None:
    plain = Perception(content={"relu5_4": 1.0}, distance="l2")
    x, y = pictures(), pictures(seed=1)
    scaled, whole = PerceptualLoss(perceptual.SRGAN, slim[19])(x, y), PerceptualLoss(plain, slim[19])(x, y)
    torch.testing.assert_close(scaled, whole / 12.75**2)


@pytest.mark.parametrize(
    "perception",
    [
        perceptual.PIX2PIXHD,
        perceptual.DEBLURGAN,
        perceptual.DEBLURGAN_V2,
        perceptual.SRGAN,
        perceptual.ESRGAN,
        perceptual.JOHNSON,
    ],
)
def test_every_recipe_loads_vanishes_at_its_goal_and_teaches(slim: dict[int, Path], perception: Perception) -> None:
    loss, x = PerceptualLoss(perception, slim[perception.depth]), pictures().requires_grad_()
    assert loss(x, x.detach()).item() == 0
    found = loss(x, pictures(seed=1))
    found.backward()
    assert found.item() > 0
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in loss.parameters())


def test_value_range(slim: dict[int, Path]) -> None:
    x, y = pictures(), pictures(seed=1)
    one = PerceptualLoss(perceptual.ESRGAN, slim[19])(x, y)
    other = PerceptualLoss(perceptual.ESRGAN, slim[19], value_range=(0, 255))((x + 1) * 127.5, (y + 1) * 127.5)
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-7)


def test_grey_pictures_are_looked_at_in_three_equal_channels(slim: dict[int, Path]) -> None:
    loss, x, y = PerceptualLoss(perceptual.ESRGAN, slim[19]), pictures()[:, :1], pictures(seed=1)[:, :1]
    assert torch.equal(loss(x, y), loss(x.expand(-1, 3, -1, -1), y.expand(-1, 3, -1, -1)))


def test_gradient_in_float64(slim: dict[int, Path]) -> None:
    loss = PerceptualLoss(perceptual.JOHNSON, slim[16]).double()
    y = pictures(1, 8, seed=1).double()
    x = pictures(1, 8).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda a: loss(a, y), (x,), fast_mode=True)


def test_autocast_changes_nothing_unless_asked(slim: dict[int, Path]) -> None:
    x, y = pictures(), pictures(seed=1)
    exact = PerceptualLoss(perceptual.JOHNSON, slim[16])
    fast = PerceptualLoss(perceptual.JOHNSON, slim[16], autocast=True)
    wanted = exact(x, y)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(exact(x, y), wanted)
        rough = fast(x, y)
    assert rough.dtype == torch.float32
    assert not torch.equal(rough, wanted)
    torch.testing.assert_close(rough, wanted, rtol=0.1, atol=1e-6)


def test_one_look_serves_several_comparisons(slim: dict[int, Path]) -> None:
    loss, x, y = PerceptualLoss(perceptual.JOHNSON, slim[16]), pictures(), pictures(seed=1)
    torch.testing.assert_close(loss.compare(loss.look(x), loss.look(y)), loss(x, y))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5))
def test_gram_matrix_by_hand(channels: int, height: int, width: int) -> None:
    maps = torch.randn(2, channels, height, width, dtype=torch.float64)
    found = gram_matrix(maps)
    size = channels * height * width
    for i in range(channels):
        for j in range(channels):
            wanted = (maps[1, i] * maps[1, j]).sum() / size
            assert found[1, i, j].item() == pytest.approx(wanted.item(), abs=1e-12)
    squares = sum((found[n, i, j] ** 2).item() for n in range(2) for i in range(channels) for j in range(channels))
    assert gram_distance(maps, torch.zeros_like(maps)).item() == pytest.approx(squares / 2)


def test_gram_matrices_are_float32_under_autocast() -> None:
    maps = torch.randn(1, 4, 8, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(gram_matrix(maps), maps.flatten(2) @ maps.flatten(2).mT / 256) is False
        found = gram_matrix(maps)
    assert torch.equal(found, gram_matrix(maps))


def test_nan_passes(slim: dict[int, Path]) -> None:
    broken = torch.full((1, 3, 32, 32), math.nan)
    assert PerceptualLoss(perceptual.DEBLURGAN, slim[19])(broken, pictures(1)).isnan()


def test_what_cannot_be_looked_at_is_said_in_words(slim: dict[int, Path]) -> None:
    loss = PerceptualLoss(perceptual.ESRGAN, slim[19])
    with pytest.raises(UsageError, match="cannot be compared"):
        loss(pictures(2), pictures(1))
    with pytest.raises(UsageError, match=r"VGG-19 up to conv5_4 cannot look.*\n.*at least 16"):
        loss(pictures(1, 8), pictures(1, 8))
    with pytest.raises(UsageError, match="no layer is asked of"):
        PerceptualLoss(Perception(), slim[19])
    with pytest.raises(UsageError, match="no layer 'relu6_1'"):
        PerceptualLoss(Perception(content={"relu6_1": 1.0}), slim[19])


def test_names_count_as_torchvision_does() -> None:
    names = layer_names(19)
    assert [names.index(name) for name in ("conv1_1", "conv3_3", "conv5_4", "relu5_4", "pool5")] == [0, 14, 34, 35, 36]
    assert layer_names(16).index("relu4_3") == 22
