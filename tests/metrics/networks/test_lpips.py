"""LPIPS: its equation, its two networks, and what happens when a file is missing or another one."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from filled import fill_with_waves
from torch import Tensor, nn

from imtrans.errors import InputError, MissingExtraError, UsageError, WeightsError
from imtrans.metrics.networks import lpips as module
from imtrans.metrics.networks.lpips import SCALE, SHIFT, AlexNet, Lpips, load_lpips, vgg16


class SmallBackbone(nn.Module):
    """Two maps."""

    minimum = 6

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
        self.second = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(4, 6, 3), nn.ReLU())

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        shallow = self.first(x)
        return {"shallow": shallow, "deep": self.second(shallow)}


def small() -> Lpips:
    backbone = SmallBackbone()
    fill_with_waves(backbone)
    return Lpips(backbone, [torch.tensor([0.1, 0.2, 0.3, 0.4]), torch.arange(6.0)], "small")


def by_hand(network: Lpips, one: Tensor, other: Tensor) -> np.ndarray:
    """Equation 1 of the paper in float64, place by place."""

    def maps(pictures: Tensor) -> list[np.ndarray]:
        scaled = (pictures.double() * 2 - 1 - torch.tensor(SHIFT).view(3, 1, 1)) / torch.tensor(SCALE).view(3, 1, 1)
        return [x.numpy() for x in network.backbone.double()(scaled).values()]

    total = np.zeros(len(one))
    for weights, left, right in zip(network.linear, maps(one), maps(other), strict=True):
        unit = [x / np.sqrt((x**2).sum(1, keepdims=True)).clip(1e-10) for x in (left, right)]
        squares = (unit[0] - unit[1]) ** 2 * weights.double().numpy()[None, :, None, None]
        total += squares.sum(1).mean((1, 2))
    return total


def test_the_equation() -> None:
    one, other = torch.rand(2, 3, 12, 9), torch.rand(2, 3, 12, 9)
    found = small()(one, other).numpy()
    np.testing.assert_allclose(found, by_hand(small(), one, other), rtol=1e-4, atol=1e-6)
    assert (found > 0).all()


def test_equal_pictures_have_no_distance_and_order_does_not_matter() -> None:
    one, other = torch.rand(2, 3, 12, 9), torch.rand(2, 3, 12, 9)
    assert torch.equal(small()(one, one), torch.zeros(2))
    torch.testing.assert_close(small()(one, other), small()(other, one))


@pytest.mark.parametrize(
    ("network", "channels", "parameters"),
    [(AlexNet(), [64, 192, 384, 256, 256], 2_469_696), (vgg16(), [64, 128, 256, 512, 512], 14_714_688)],
)
def test_the_two_backbones(network: nn.Module, channels: list[int], parameters: int) -> None:
    """Channels that the authors' linear layers fit, torchvision's number of parameters, and the smallest picture."""
    side = network.minimum
    with torch.no_grad():
        assert [x.shape[1] for x in network(torch.zeros(1, 3, side, side)).values()] == channels
        with pytest.raises((RuntimeError, UsageError)):
            network(torch.zeros(1, 3, side - 1, side - 1))
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


def test_torchvisions_keys() -> None:
    assert {"features.0.weight", "features.3.weight", "features.10.bias"} <= AlexNet().state_dict().keys()
    assert {"features.0.weight", "features.14.weight", "features.28.bias"} <= vgg16().state_dict().keys()


def test_small_pictures_are_refused_in_words() -> None:
    with pytest.raises(InputError, match="small needs pictures of at least 6 pixels a side, not 9 x 5"):
        small()(torch.rand(1, 3, 5, 9), torch.rand(1, 3, 5, 9))


def test_the_authors_linear_layers_and_a_file_of_the_backbone(tmp_path: Path) -> None:
    pytest.importorskip("torchmetrics")
    backbone = AlexNet()
    fill_with_waves(backbone)
    torch.save({**backbone.state_dict(), "classifier.1.weight": torch.zeros(3)}, tmp_path / "alexnet.pth")
    network = load_lpips("alex", tmp_path / "alexnet.pth")
    assert [len(weights) for weights in network.linear] == [64, 192, 384, 256, 256]
    assert all((weights >= 0).all() for weights in network.linear)
    assert torch.equal(network.backbone.features[0].weight, backbone.features[0].weight)
    assert network.digest is not None
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("torchmetrics")
    torch.save(AlexNet().state_dict(), tmp_path / "alexnet.pth")
    with pytest.raises(WeightsError, match=r"alexnet\.pth does not hold VGG-16, trained on ImageNet"):
        load_lpips("vgg", tmp_path / "alexnet.pth")


def test_offline_without_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torchmetrics")
    monkeypatch.setenv("IMTRANS_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match=r"the AlexNet of LPIPS .* is not on this machine") as raised:
        load_lpips("alex", offline=True)
    assert "--lpips-weights FILE" in raised.value.hint


def test_without_torchmetrics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="LPIPS needs the package torchmetrics") as raised:
        load_lpips()
    assert raised.value.hint == "pip install 'imtrans[evaluate]'"


def test_a_torchmetrics_that_carries_no_linear_layers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torchmetrics").mkdir()
    (tmp_path / "torchmetrics" / "__init__.py").write_text("")
    spec = importlib.util.spec_from_file_location("torchmetrics", tmp_path / "torchmetrics" / "__init__.py")
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(WeightsError, match=r"has no file alex\.pth"):
        load_lpips()
