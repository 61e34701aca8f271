"""From a card and a file to a network, on a toy card that is defined here."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from imtrans import registry
from imtrans.card import Card, Ref, Weights
from imtrans.errors import UnsafeCheckpointError, WeightsError
from imtrans.weights.identity import KEY, metadata_for
from imtrans.weights.loading import load_network
from imtrans.weights.store import Located
from imtrans.weights.writer import save


@dataclass(frozen=True)
class Config:
    width: int = 4
    padding: str = "reflect"

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError("width must be at least 1")


class Toy(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, config.width, 3, padding=1, padding_mode=config.padding)  # type: ignore[arg-type]
        self.norm = nn.InstanceNorm2d(config.width)
        self.drop = nn.Dropout(0.5)


def build(config: Config) -> nn.Module:
    return Toy(config)


def recognise(shapes: Mapping[str, tuple[int, ...]]) -> Config | None:
    shape = shapes.get("conv.weight", ())
    return Config(width=shape[0]) if len(shape) == 4 else None


def describe(shapes: Mapping[str, tuple[int, ...]]) -> str | None:
    return "a toy's critic" if "critic.weight" in shapes else None


def recognise_critic(shapes: Mapping[str, tuple[int, ...]]) -> Config | None:
    if "boom" in shapes:
        raise KeyError("a recogniser that fails on strange keys")
    return Config() if "critic.weight" in shapes else None


HERE = __name__
CARD = Card("toy", "a toy", Ref(f"{HERE}:Config"), Ref(f"{HERE}:build"), Ref(f"{HERE}:recognise"))


@pytest.fixture(autouse=True)
def _importable() -> None:
    sys.modules.setdefault(HERE, sys.modules[__name__])


def tensors(width: int = 4) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(width)
    return {"conv.weight": torch.randn(width, 3, 3, 3, generator=generator), "conv.bias": torch.zeros(width)}


def stored(tmp_path: Path, content: object) -> Path:
    torch.save(content, tmp_path / "w.pth")
    return tmp_path / "w.pth"


# --- what should work -----------------------------------------------------------------------------------------------


def test_a_file_of_ours_says_what_it_holds(tmp_path: Path) -> None:
    config = Config(6, "replicate")
    path = save(tmp_path / "w.safetensors", tensors(6), metadata_for("toy", config))
    loaded = load_network(CARD, path)
    assert loaded.config == config
    assert (loaded.name, loaded.path, loaded.notes) == ("w.safetensors", path, ())
    assert not loaded.network.training
    assert not any(module.training for module in loaded.network.modules())
    assert torch.equal(loaded.network.state_dict()["conv.weight"], tensors(6)["conv.weight"])


def test_a_foreign_file_is_recognised_unwrapped_and_cleaned_with_notes(tmp_path: Path) -> None:
    legacy = {"norm.running_mean": torch.zeros(8), "norm.running_var": torch.ones(8)}
    wrapped = {f"module.{key}": tensor for key, tensor in {**tensors(8), **legacy}.items()}
    loaded = load_network(CARD, stored(tmp_path, {"state_dict": wrapped, "epoch": 3}))
    assert loaded.config == Config(8)
    text = "; ".join(loaded.notes)
    for words in ("under 'state_dict'", "DataParallel", "inferred", "dropped 2 running statistics"):
        assert words in text


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    content = {key: tensor.to(dtype) for key, tensor in tensors().items()}
    loaded = load_network(CARD, save(tmp_path / "w.safetensors", content))
    assert {parameter.dtype for parameter in loaded.network.parameters()} == {torch.float32}
    assert torch.equal(loaded.network.state_dict()["conv.weight"], content["conv.weight"].float())


def test_named_weights_override_what_keys_cannot_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "w.safetensors", tensors())
    entry = Weights("named", "", "", url="http://127.0.0.1:9/w", config={"padding": "replicate"})
    monkeypatch.setattr("imtrans.weights.loading.locate", lambda *_, **__: Located(path, "named", entry))
    loaded = load_network(CARD, "named")
    assert loaded.config == Config(4, "replicate")
    assert loaded.name == "named"


def test_one_network_of_several(tmp_path: Path) -> None:
    path = stored(tmp_path, {"G_A": tensors(4), "G_B": tensors(5)})
    with pytest.raises(WeightsError, match="holds 2 networks"):
        load_network(CARD, path)
    assert load_network(CARD, f"{path}#G_B").config.width == 5
    flat = {f"G_B.{key}": tensor for key, tensor in tensors(5).items()} | {"G_A.conv.weight": torch.zeros(1, 1, 1, 1)}
    assert load_network(CARD, f"{save(tmp_path / 'f.safetensors', flat)}#G_B").config.width == 5


def test_loading_leaves_the_callers_random_numbers_alone(tmp_path: Path) -> None:
    path = save(tmp_path / "w.safetensors", tensors())
    before = torch.get_rng_state()
    load_network(CARD, path)
    assert torch.equal(torch.get_rng_state(), before)


# --- what should fail, in words -------------------------------------------------------------------------------------


def test_keys_that_are_missing_unexpected_or_of_another_shape(tmp_path: Path) -> None:
    content = {"conv.weight": torch.zeros(4, 3, 5, 5), **{f"extra.{index}": torch.zeros(1) for index in range(6)}}
    with pytest.raises(WeightsError, match="does not fit the model 'toy'") as caught:
        load_network(CARD, stored(tmp_path, content))
    assert "1 missing (conv.bias)" in caught.value.what
    assert "6 unexpected (extra.0, extra.1, extra.2, extra.3 and 2 more)" in caught.value.what
    assert "1 of another shape (conv.weight (4, 3, 5, 5) for (4, 3, 3, 3))" in caught.value.what
    assert "It holds 7 tensors: conv.weight (4, 3, 5, 5)" in caught.value.have


def test_a_file_of_something_else_is_described_and_its_model_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    critic = replace(CARD, name="critic", recognise=Ref(f"{HERE}:recognise_critic"))
    monkeypatch.setattr(registry, "cards", lambda: {"toy": CARD, "critic": critic})
    with pytest.raises(WeightsError, match="no weights that the model 'toy' can run") as caught:
        load_network(CARD, stored(tmp_path, {"critic.weight": torch.zeros(2)}))
    assert caught.value.have == "It seems to be a toy's critic. The model 'critic' recognises it."
    with pytest.raises(WeightsError) as caught:
        load_network(CARD, stored(tmp_path, {"boom": torch.zeros(2)}))
    assert caught.value.have == "It holds 1 tensors: boom (2,)."


def test_a_file_of_another_model(tmp_path: Path) -> None:
    path = save(tmp_path / "w.safetensors", tensors(), metadata_for("pix2pix", Config()))
    with pytest.raises(WeightsError, match="holds weights of the model 'pix2pix', not of 'toy'") as caught:
        load_network(CARD, path)
    assert "imtrans run pix2pix" in caught.value.hint


@pytest.mark.parametrize("config", ['{"depth": 3}', '{"width": "wide"}', '{"width": 0}'])
def test_a_configuration_that_this_version_does_not_know(tmp_path: Path, config: str) -> None:
    path = save(tmp_path / "w.safetensors", tensors(), {KEY: f'{{"model": "toy", "config": {config}}}'})
    with pytest.raises(WeightsError, match="asks for a configuration"):
        load_network(CARD, path)


def test_a_configuration_that_cannot_be_built(tmp_path: Path) -> None:
    for config in (Config(2**60), Config(4, "no such padding")):
        path = save(tmp_path / "w.safetensors", tensors(), metadata_for("toy", config))
        with pytest.raises(WeightsError, match="cannot be built"):
            load_network(CARD, path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_numbers(tmp_path: Path, value: float) -> None:
    content = tensors()
    content["conv.bias"][0] = value
    with pytest.raises(WeightsError, match=r"not numbers: .*conv\.bias"):
        load_network(CARD, stored(tmp_path, content))


def test_code_in_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsafeCheckpointError, match=r"Toy"):
        load_network(CARD, stored(tmp_path, Toy(Config())))
