"""Feature networks: FID's own from a file, and anybody's by name."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from filled import fill_with_waves
from torch import Tensor, nn

from imtrans.errors import ImtransError, UsageError, WeightsError
from imtrans.metrics.networks.features import FeatureNetwork, load_features
from imtrans.metrics.networks.files import blank
from imtrans.metrics.networks.inception import Inception


class Small(nn.Module):
    """Eight numbers for a picture."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 8, 3)
        fill_with_waves(self)

    def forward(self, pictures: Tensor) -> Tensor:
        assert not self.training
        return self.layer(pictures).mean((2, 3))


def means(pictures: Tensor) -> Tensor:
    return pictures.mean((2, 3))


OTHER = Small()
NUMBER = 7


def test_a_class_of_ones_own() -> None:
    network = load_features(f"{__name__}:Small")
    features = network(torch.rand(4, 3, 9, 7))
    assert features.shape == (4, 8)
    assert not features.requires_grad
    assert network.digest is not None
    assert network.label == f"{__name__}:Small, sha256 {network.digest[:8]}"


def test_an_instance_and_a_function() -> None:
    assert load_features(f"{__name__}:OTHER").digest == load_features(f"{__name__}:Small").digest
    function = load_features(f"{__name__}:means")
    assert function.label == f"{__name__}:means"
    assert torch.equal(function(torch.full((1, 3, 2, 2), 0.5)), torch.full((1, 3), 0.5))


def test_other_weights_have_another_digest() -> None:
    before = load_features(f"{__name__}:OTHER").digest
    with torch.no_grad():
        OTHER.layer.bias += 1
    assert load_features(f"{__name__}:OTHER").digest != before
    with torch.no_grad():
        OTHER.layer.bias -= 1


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("dinov7", "there is no feature network called 'dinov7'"),
        ("no_such_module:Net", "no_such_module:Net cannot be loaded: ModuleNotFoundError"),
        (f"{__name__}:Nothing", "cannot be loaded: AttributeError"),
        (f"{__name__}:NUMBER", "is a int, which cannot be called with pictures"),
        (f"{__name__}:", "cannot be loaded: ValueError"),
    ],
)
def test_what_is_no_feature_network(source: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        load_features(source)


@pytest.mark.parametrize(
    ("extract", "words"),
    [
        (lambda x: x, r"gave \(2, 3, 4, 4\) for 2 pictures"),
        (lambda x: x.mean((1, 2, 3)), r"gave \(2,\) for 2 pictures"),
        (lambda x: x[:1].flatten(1), r"gave \(1, 48\) for 2 pictures"),
        (lambda x: [1, 2], "gave list for 2 pictures"),
        (lambda x: x.flatten(1) / 0, "gave values that are no numbers"),
    ],
)
def test_a_network_that_gives_no_vectors(extract: object, words: str) -> None:
    with pytest.raises(ImtransError, match=words):
        FeatureNetwork(extract, "odd")(torch.rand(2, 3, 4, 4))  # type: ignore[arg-type]


def test_inception_from_a_file_with_and_without_counted_batches(tmp_path: Path) -> None:
    network = Inception().eval()
    state = {key: value for key, value in network.state_dict().items() if not key.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "inception.pth")
    loaded = load_features(str(tmp_path / "inception.pth"), resize="clean")
    assert loaded.name == "Inception-v3 from inception.pth, clean resize"
    with torch.no_grad():
        network.resize = "clean"
        pictures = torch.rand(1, 3, 40, 30)
        torch.testing.assert_close(loaded(pictures), network(pictures))


def test_files_that_hold_something_else(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=r"does not hold the Inception network .*: it lacks 472 of its 472 tensors"):
        load_features(str(tmp_path / "other.pth"))
    state = {key: torch.zeros(value.shape) for key, value in blank(Inception).state_dict().items()}
    state["fc.weight"] = torch.zeros(1000, 2048)
    torch.save(state, tmp_path / "torchvision.pth")
    with pytest.raises(WeightsError, match=r"fc\.weight is \(1000, 2048\), not \(1008, 2048\)"):
        load_features(str(tmp_path / "torchvision.pth"))
    with pytest.raises(WeightsError, match="there is no weights file"):
        load_features(str(tmp_path / "missing.pth"))


def test_offline_without_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMTRANS_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match=r"the Inception network .* \(96 MB\) is not on this machine") as raised:
        load_features(offline=True)
    assert str(tmp_path / "weights" / "published" / "pt_inception-2015-12-05-6726825d.pth") in raised.value.hint
    assert "--features FILE" in raised.value.hint
