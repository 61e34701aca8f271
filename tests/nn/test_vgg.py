"""VGG's layout is that of the published files."""

from __future__ import annotations

import pytest
import torch

from imtrans.errors import UsageError
from imtrans.nn.vgg import VGG, layer_names

# Places of the convolutions in torchvision's vgg16 and vgg19, which are the numbers in their state dicts.
PLACES = {
    16: [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28],
    19: [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34],
}


@pytest.mark.parametrize("depth", [16, 19])
def test_keys_and_shapes_are_torchvisions(depth: int) -> None:
    with torch.device("meta"):
        network = VGG(depth, ["pool5"])  # type: ignore[arg-type]
    state = network.state_dict()
    assert list(state) == [f"features.{place}.{part}" for place in PLACES[depth] for part in ("weight", "bias")]
    assert state["features.0.weight"].shape == (64, 3, 3, 3)
    assert state[f"features.{PLACES[depth][-1]}.weight"].shape == (512, 512, 3, 3)
    # 14,714,688 and 20,024,384 parameters, as counted in the published files without their classifiers.
    assert sum(tensor.numel() for tensor in state.values()) == {16: 14_714_688, 19: 20_024_384}[depth]


def test_the_network_ends_at_the_deepest_layer_and_gives_maps_before_and_after_a_relu() -> None:
    network = VGG(19, ["relu2_1", "conv2_1"], width=2)
    assert len(network.features) == 7
    maps = network(torch.randn(1, 3, 9, 11))
    assert list(maps) == ["conv2_1", "relu2_1"]
    assert maps["conv2_1"].shape == (1, 4, 4, 5)
    assert maps["conv2_1"].min() < 0
    assert torch.equal(maps["relu2_1"], maps["conv2_1"].relu())


@pytest.mark.parametrize(("layer", "minimum"), [("relu1_1", 1), ("pool1", 2), ("relu5_1", 16), ("pool5", 32)])
def test_the_smallest_picture(layer: str, minimum: int) -> None:
    network = VGG(16, [layer], width=1)
    assert network.minimum == minimum
    assert network(torch.zeros(1, 3, minimum, minimum))[layer].numel() > 0
    if minimum > 1:
        with pytest.raises(UsageError, match=f"at least {minimum}"):
            network(torch.zeros(1, 3, minimum, minimum - 1))


def test_hostile_requests() -> None:
    with pytest.raises(UsageError, match="no VGG-11"):
        layer_names(11)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"no layer 'conv3_4'.*\n.*Did you mean"):
        VGG(16, ["conv3_4"])
    with pytest.raises(UsageError, match="sees nothing"):
        VGG(16, [])
    with pytest.raises(UsageError, match=r"\(1, 1, 8, 8\)"):
        VGG(16, ["relu1_1"], width=1)(torch.zeros(1, 1, 8, 8))
