"""pix2pix's generators are the authors': their files load as they are and give their output in their mode."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from golden.make import dropout_with, texture
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors import safe_open
from torch import Tensor

import imtrans
from imtrans.errors import UsageError, WeightsError
from imtrans.infer.translator import Translator
from imtrans.nn.discriminators import build_discriminator
from imtrans.nn.generators import build_generator
from imtrans.nn.inference_mode import set_inference_mode
from imtrans.weights.loading import load_network
from imtrans.weights.store import cached_path
from imtrans_pix2pix import card
from imtrans_pix2pix.config import DiscriminatorConfig, GeneratorConfig
from imtrans_pix2pix.official import OFFICIAL
from imtrans_pix2pix.recognise import describe, recognise

GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(path.stem for path in GOLDEN.glob("pix2pix-*.safetensors") if "training" not in path.stem)


class Golden:
    """A file that the authors' code made: their state dict, their dropout, and what they give for the texture."""

    def __init__(self, name: str) -> None:
        with safe_open(GOLDEN / f"{name}.safetensors", "pt") as file:
            self.case: dict[str, Any] = json.loads(file.metadata()["case"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        self.output = tensors.pop("golden.output")
        self.masks = [tensors.pop(key) for key in sorted(tensors) if key.startswith("golden.mask")]
        self.state: dict[str, Tensor] = tensors

    def saved_as_by_authors(self, folder: Path, *, leave_out: str = "nothing") -> Path:
        path = folder / "latest_net_G.pth"
        kept = {key: value for key, value in self.state.items() if leave_out not in key}
        torch.save({k: v.float() if v.is_floating_point() else v for k, v in kept.items()}, path)
        return path

    def configured(self) -> GeneratorConfig:
        depth = "blocks" if self.case["network"] == "resnet" else "downs"
        return GeneratorConfig(
            kind=self.case["network"], ngf=self.case["width"], norm=self.case["norm"], **{depth: self.case["depth"]}
        )

    def difference(self, network: torch.nn.Module, dtype: torch.dtype) -> float:
        stride = self.case["stride"]
        with torch.no_grad(), dropout_with(self.masks):
            output = network(texture(*self.case["size"]).to(dtype))[..., ::stride, ::stride]
        return (output.double() - self.output).abs().max().item()


def load(golden: Golden, folder: Path, **options: Any) -> Translator:
    path = golden.saved_as_by_authors(folder)
    return imtrans.load("pix2pix", weights=path, device="cpu", precision="fp32", **options)


def picture(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8))


# --- the authors' files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_authors_file_gives_their_output_in_their_mode(name: str, tmp_path: Path) -> None:
    golden = Golden(name)
    assert golden.masks, "the authors' dropout was on"
    translator = load(golden, tmp_path)
    assert translator.config == golden.configured()
    assert (translator.norm, translator.noise) == ("train", True)
    assert golden.difference(translator.network, torch.float32) < 1e-4


@pytest.mark.parametrize("name", NAMES)
def test_the_output_is_the_authors(name: str) -> None:
    golden = Golden(name)
    network = build_generator(golden.configured()).double()
    network.load_state_dict(golden.state)
    set_inference_mode(network, "train")
    assert golden.difference(network, torch.float64) < 1e-10


def test_the_other_mode_is_noticed(tmp_path: Path) -> None:
    """The golden outputs tell batch statistics from averages, and noise from none."""
    golden = Golden("pix2pix-unet256")
    for options in ({"norm": "eval", "sample_noise": True}, {"norm": "train", "sample_noise": False}, {"norm": "eval"}):
        assert golden.difference(load(golden, tmp_path, **options).network, torch.float32) > 1e-2


def test_a_file_of_before_batches_were_counted_loads(tmp_path: Path) -> None:
    """The authors' published files are of PyTorch 0.4.0 or older."""
    golden = Golden("pix2pix-unet256")
    path = golden.saved_as_by_authors(tmp_path, leave_out="num_batches_tracked")
    translator = imtrans.load("pix2pix", weights=path, device="cpu", precision="fp32")
    assert golden.difference(translator.network, torch.float32) < 1e-4


# --- as users run it ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(256, 256), (300, 200), (17, 400)], ids=str)
def test_any_size_is_padded_and_cropped_back(size: tuple[int, int], tmp_path: Path) -> None:
    translator = load(Golden("pix2pix-unet256"), tmp_path)
    out = translator(picture(*size))
    assert out.size == size
    x = torch.rand(3, size[1], size[0])
    seen: list[tuple[int, ...]] = []
    translator.network.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape[2:])))
    translator(x)
    assert seen == [(-(-size[1] // 256) * 256, -(-size[0] // 256) * 256)]


def test_seeds_give_samples_and_eval_gives_one(tmp_path: Path) -> None:
    golden, given = Golden("pix2pix-unet128"), picture(128, 128)

    def run(**options: Any) -> np.ndarray:
        return np.asarray(load(golden, tmp_path, **options)(given))

    assert np.array_equal(run(seed=1), run(seed=1))
    assert not np.array_equal(run(seed=1), run(seed=2))
    assert np.array_equal(run(norm="eval", seed=1), run(norm="eval", seed=2))
    assert not np.array_equal(run(norm="eval", sample_noise=True, seed=1), run(norm="eval", seed=1))


def test_pictures_never_share_statistics(tmp_path: Path) -> None:
    translator = load(Golden("pix2pix-unet128"), tmp_path)
    pictures = [picture(128, 128), Image.new("RGB", (128, 128), "navy")]
    together = translator(pictures, batch_size=2)
    assert all(np.array_equal(each, translator(alone)) for each, alone in zip(together, pictures, strict=True))


def test_memory_is_told_in_training_mode_too(tmp_path: Path) -> None:
    from imtrans.infer.memory import peak_bytes

    translator = load(Golden("pix2pix-unet128"), tmp_path)
    assert (peak_bytes(translator.network, (1, 3, 512, 512), torch.float32) or 0) > 512 * 512 * 3 * 4


def test_a_generator_without_dropout_has_no_noise(tmp_path: Path) -> None:
    network = build_generator(GeneratorConfig(kind="resnet", ngf=2, blocks=1, dropout=False))
    torch.save(network.state_dict(), tmp_path / "g.pth")
    assert not imtrans.load("pix2pix", weights=tmp_path / "g.pth", device="cpu").noise
    with pytest.raises(UsageError, match="no noise to sample"):
        imtrans.load("pix2pix", weights=tmp_path / "g.pth", device="cpu", sample_noise=True)


# --- what a file holds ----------------------------------------------------------------------------------------------


configs = st.builds(
    GeneratorConfig,
    kind=st.sampled_from(["resnet", "unet"]),
    input_nc=st.integers(1, 4),
    output_nc=st.integers(1, 4),
    ngf=st.integers(1, 8),
    blocks=st.integers(0, 9),
    downs=st.integers(5, 9),
    norm=st.sampled_from(["instance", "batch", "none"]),
    dropout=st.booleans(),
    upsample=st.sampled_from(["transpose", "resize"]),
)


def shapes_of(network: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in network.state_dict().items()}


@given(configs)
@settings(deadline=None, max_examples=30)
def test_every_generator_of_ours_is_recognised(config: GeneratorConfig) -> None:
    with torch.device("meta"):
        shapes = shapes_of(build_generator(config))
        found = recognise(shapes)
        assert found is not None
        assert shapes_of(build_generator(found)) == shapes
    told = config.kind == "resnet" and config.blocks > 0  # a U-Net's dropout leaves no trace; the authors have it
    assert found.dropout == (config.dropout if told else True)


def test_the_authors_sizes() -> None:
    with torch.device("meta"):
        counts = {
            downs: sum(each.numel() for each in build_generator(GeneratorConfig(downs=downs)).parameters())
            for downs in (7, 8)
        }
        judge = build_discriminator(DiscriminatorConfig())
    assert counts == {7: 41_828_995, 8: 54_413_955}
    assert sum(each.numel() for each in judge.parameters()) == 2_768_705


def test_a_discriminators_file_is_refused_as_one(tmp_path: Path) -> None:
    torch.save(build_discriminator(DiscriminatorConfig(ndf=8)).state_dict(), tmp_path / "latest_net_D.pth")
    with pytest.raises(WeightsError, match="no weights that the model 'pix2pix' can run") as caught:
        load_network(card, tmp_path / "latest_net_D.pth")
    assert "a pix2pix discriminator, not a generator" in caught.value.have


def test_relatives_are_told_apart() -> None:
    assert "mmagic" in (describe({"model.4.conv.weight": (64, 3, 7, 7)}) or "")
    assert describe({"weight": (3,)}) is None


def test_the_official_weights_have_addresses_terms_and_room() -> None:
    assert len(OFFICIAL) == 5
    for weights in OFFICIAL:
        assert weights.url == f"http://efrosgans.eecs.berkeley.edu/pix2pix/models-pytorch/{weights.name}.pth"
        assert "not stated" in weights.licence
        assert "into" in weights.summary
        assert cached_path(card, weights).name == f"{weights.name}.pth"
    assert 1.2 * 4 * 54_413_955 < OFFICIAL[0].max_size < 2 * 4 * 54_413_955
