"""Where VGG's weights come from, and what is refused."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from imtrans.errors import UsageError, WeightsError
from imtrans.nn.vgg import VGG
from imtrans.train.losses import vgg_weights
from imtrans.train.losses.vgg_weights import FILES, load_vgg


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMTRANS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("IMTRANS_OFFLINE", "1")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """As torchvision's file: with a classifier behind the features."""
    network = VGG(16, ["pool5"], width=2)
    tensors = {**network.state_dict(), "classifier.0.weight": torch.zeros(4, 4)}
    path = tmp_path / "vgg16.pth"
    torch.save(tensors, path)
    return path


def test_a_file_fills_the_wanted_part(file: Path) -> None:
    network = load_vgg(16, ["relu2_2"], file)
    saved = torch.load(file, weights_only=True)
    assert all(torch.equal(tensor, saved[key]) for key, tensor in network.state_dict().items())
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert len(network.features) == 9


def test_loading_disturbs_no_random_numbers(file: Path) -> None:
    torch.manual_seed(0)
    wanted = torch.rand(3)
    torch.manual_seed(0)
    load_vgg(16, ["relu2_2"], file)
    assert torch.equal(torch.rand(3), wanted)


def test_the_published_file_is_taken_from_the_cache_and_held_to_its_digest(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = file.read_bytes()
    right = dataclasses.replace(FILES[16], sha256=hashlib.sha256(content).hexdigest(), size=len(content))
    monkeypatch.setattr(vgg_weights, "FILES", {16: right})
    right.cached.parent.mkdir(parents=True)
    right.cached.write_bytes(content)
    assert load_vgg(16, ["relu1_1"]).features[0].out_channels == 2
    right.cached.write_bytes(content + b"x")
    with pytest.raises(WeightsError, match="not the file that was published"):
        load_vgg(16, ["relu1_1"])


def test_offline_says_what_to_fetch_and_where_to_put_it() -> None:
    with pytest.raises(WeightsError) as caught:
        load_vgg(19, ["relu1_1"])
    assert FILES[19].url in str(caught.value)
    assert str(FILES[19].cached) in str(caught.value)


def test_digests_begin_as_the_file_names_say() -> None:
    for published in FILES.values():
        assert published.sha256.startswith(published.file_name.partition("-")[2].removesuffix(".pth"))


def test_a_wrong_layer_is_told_before_anything_is_fetched() -> None:
    with pytest.raises(UsageError, match="no layer 'relu9_9'"):
        load_vgg(19, ["relu9_9"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state: state.pop("features.0.weight"), "it has no features.0.weight"),
        (lambda state: state.pop("features.5.bias"), "features.5.bias is missing"),
        (lambda state: state.update({"features.5.bias": torch.zeros(3)}), r"features.5.bias is \(3,\), not \(4,\)"),
        (lambda state: state.update({"features.0.weight": torch.zeros(3)}), "it has no features.0.weight"),
    ],
)
def test_another_network_is_refused(tmp_path: Path, change: object, words: str) -> None:
    state = VGG(16, ["relu2_1"], width=2).state_dict()
    change(state)  # type: ignore[operator]
    save_file(state, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match=words):
        load_vgg(16, ["relu2_1"], tmp_path / "other.safetensors")


def test_a_vgg16_is_no_vgg19(file: Path) -> None:
    with pytest.raises(WeightsError, match="does not hold a VGG-19"):
        load_vgg(19, ["relu5_1"], file)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no weights file"):
        load_vgg(16, ["relu1_1"], tmp_path / "missing.pth")
