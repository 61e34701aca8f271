"""U-GAT-IT's networks are the authors': their files load as they are and give their picture, logits and heatmap."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from golden.make import texture
from PIL import Image
from safetensors import safe_open
from torch import Tensor

import imtrans
from imtrans.errors import UsageError, WeightsError
from imtrans.infer import memory
from imtrans.nn.attention_discriminator import AttentionDiscriminator
from imtrans_ugatit import room
from imtrans_ugatit.config import GeneratorConfig
from imtrans_ugatit.networks import build_generator
from imtrans_ugatit.recognise import describe, recognise

GOLDEN = Path(__file__).parent / "golden"
PRECISIONS = [(torch.float64, 1e-12), (torch.float32, 1e-4)]


class Golden:
    """A file that the authors' code made: their state dict, and what they give for the texture."""

    def __init__(self, name: str) -> None:
        with safe_open(GOLDEN / f"ugatit-{name}.safetensors", "pt") as file:
            self.case: dict[str, Any] = json.loads(file.metadata()["case"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        self.expected = {key.removeprefix("golden."): tensors.pop(key) for key in list(tensors) if "golden." in key}
        self.state: dict[str, Tensor] = {key: value.float() for key, value in tensors.items()}

    def config(self) -> GeneratorConfig:
        case = self.case
        size = {} if case["light"] else {"img_size": case["img_size"]}
        return GeneratorConfig(light=case["light"], ngf=case["ngf"], blocks=case["n_blocks"], **size)

    def input(self) -> Tensor:
        return texture(*self.case["size"])

    def saved_as_by_authors(self, folder: Path) -> Path:
        """One file for all six networks, as their ``torch.save(params)`` writes it."""
        judge = Golden("local").state
        path = folder / "selfie2anime_params_latest.pt"
        other = {key: torch.zeros_like(value) for key, value in self.state.items()}
        judges = dict.fromkeys(("disGA", "disGB", "disLA", "disLB"), judge)
        torch.save({"genA2B": self.state, "genB2A": other, **judges}, path)
        return path


def picture(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8))


# --- against the authors --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS, ids=str)
@pytest.mark.parametrize("name", ["light", "full"])
def test_the_generator_is_the_authors(name: str, dtype: torch.dtype, tolerance: float) -> None:
    golden = Golden(name)
    network = build_generator(golden.config())
    network.load_state_dict(golden.state)
    with torch.no_grad():
        made = network.to(dtype)(golden.input().to(dtype), attention=True)
        assert network(golden.input().to(dtype)).equal(made.image)
    for part, expected in golden.expected.items():
        torch.testing.assert_close(getattr(made, part).double(), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS, ids=str)
@pytest.mark.parametrize("name", ["global", "local"])
def test_the_discriminator_is_the_authors(name: str, dtype: torch.dtype, tolerance: float) -> None:
    """At its second look, with the spectral norms one step of the power iteration on."""
    golden = Golden(name)
    network = AttentionDiscriminator(3, golden.case["ndf"], golden.case["n_layers"])
    network.load_state_dict(golden.state)
    with torch.no_grad():
        for _ in range(2):
            said = network.to(dtype).train()(golden.input().to(dtype))
    for part, expected in golden.expected.items():
        torch.testing.assert_close(getattr(said, part).double(), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", ["light", "full"])
def test_the_authors_file_runs_in_one_direction(name: str, tmp_path: Path) -> None:
    golden = Golden(name)
    path = golden.saved_as_by_authors(tmp_path)
    translator = imtrans.load("ugatit", weights=f"{path}#genA2B", device="cpu", precision="fp32")
    assert translator.config == golden.config()
    out = translator((golden.input() / 2 + 0.5).float())
    torch.testing.assert_close(out.double(), golden.expected["image"] / 2 + 0.5, rtol=0, atol=1e-4)


def test_a_file_of_six_networks_asks_which(tmp_path: Path) -> None:
    path = Golden("light").saved_as_by_authors(tmp_path)
    with pytest.raises(WeightsError, match="holds 6 networks") as caught:
        imtrans.load("ugatit", weights=path)
    assert "genB2A" in caught.value.have
    assert f"{path}#genA2B" in caught.value.hint
    with pytest.raises(WeightsError) as caught:
        imtrans.load("ugatit", weights=f"{path}#disLA")
    assert "a U-GAT-IT discriminator, not a generator" in caught.value.have


# --- recognising ----------------------------------------------------------------------------------------------------


def shapes(golden: Golden, **changes: Sequence[int] | None) -> dict[str, tuple[int, ...]]:
    found: dict[str, Any] = {key: tuple(value.shape) for key, value in golden.state.items()}
    return {key: value for key, value in {**found, **changes}.items() if value is not None}


@pytest.mark.parametrize(
    "changes",
    [
        {"UpBlock1_1.norm1.rho": None},
        {"DownBlock.1.weight": (4, 3, 5, 5)},
        {"DownBlock.1.weight": None},
        {"UpBlock2.11.weight": (3, 5, 7, 7)},
        {"FC.0.weight": (16, 16, 1, 1)},
        {"FC.0.weight": (16, 48)},
        {"FC.0.weight": (16, 100)},
        {"gap_fc.weight": (16, 1)},
        {"conv1x1.weight": (16, 16, 1, 1)},
    ],
)
def test_what_is_a_little_different_is_not_recognised(changes: dict[str, Any]) -> None:
    golden = Golden("light")
    assert recognise(shapes(golden)) == golden.config()
    assert recognise(shapes(golden, **changes)) is None


def test_relatives_are_described() -> None:
    assert describe(shapes(Golden("local"))) == "a U-GAT-IT discriminator, not a generator"
    assert "another project's layout" in (describe(shapes(Golden("light"), **{"gap_fc.weight": (16, 1)})) or "")
    assert describe({"model.1.weight": (64, 3, 7, 7)}) is None


# --- sizes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(64, 64), (30, 50), (3, 41), (1, 1)], ids=str)
def test_the_light_network_takes_any_size(size: tuple[int, int], tmp_path: Path) -> None:
    path = Golden("light").saved_as_by_authors(tmp_path)
    translator = imtrans.load("ugatit", weights=f"{path}#genA2B", device="cpu", precision="fp32")
    assert translator(picture(*size)).size == size
    assert not any("resized" in note for note in translator.notes)


def test_the_full_network_resizes_as_its_authors_do(tmp_path: Path) -> None:
    path = Golden("full").saved_as_by_authors(tmp_path)
    translator = imtrans.load("ugatit", weights=f"{path}#genA2B", device="cpu", precision="fp32")
    note = "this network takes pictures of 32 x 32 pixels; others are resized to that and back"
    assert note in translator.notes
    seen: list[Tensor] = []
    translator.network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    given = picture(50, 70)
    assert translator(given).size == (50, 70)
    assert seen[0].shape == (1, 3, 32, 32)
    # Their test.py resizes by Pillow's bilinear filter, as torchvision does.
    theirs = np.asarray(given.resize((32, 32), Image.Resampling.BILINEAR), dtype=np.float32) / 127.5 - 1
    assert np.abs(seen[0][0].permute(1, 2, 0).numpy() - theirs).max() < 2 / 127.5


def test_the_full_network_itself_says_what_it_takes() -> None:
    network = build_generator(GeneratorConfig(light=False, img_size=16, ngf=2, blocks=1))
    with pytest.raises(UsageError, match="takes pictures of 16 x 16 pixels, not 20 x 16") as caught:
        network(torch.zeros(1, 3, 16, 20))
    assert "light network" in caught.value.hint


def test_a_full_network_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    config = GeneratorConfig(light=False)
    assert room.bytes_of_the_large_layer(config) == 1 << 30
    monkeypatch.setattr(room, "available_bytes", lambda device: 900_000_000)
    with pytest.raises(UsageError, match=r"largest layer takes 1\.1 GB, and 0\.9 GB are left") as caught:
        build_generator(config)
    assert "generator.light=true" in caught.value.hint
    with torch.device("meta"):  # shapes take no room
        build_generator(config)


def test_memory_is_estimated_with_the_fixed_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large picture is a small one by the time that the full network sees it."""
    path = Golden("full").saved_as_by_authors(tmp_path)
    translator = imtrans.load("ugatit", weights=f"{path}#genA2B", device="cpu", precision="fp32")
    monkeypatch.setattr(memory, "available_bytes", lambda device: 50_000_000)
    assert translator(picture(1500, 900)).size == (1500, 900)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"img_size": 30}, "multiple of 4"),
        ({"img_size": 4}, "from 8 up"),
        ({"blocks": 0}, "blocks must be at least 1"),
        ({"ngf": 0}, "ngf must be at least 1"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        GeneratorConfig(**settings)
