"""What happens around a network that generates: seeds, classes, truncation, noise, batches, failures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import generating
import numpy as np
import pytest
import torch
from generating import CARD, STYLED, Plain, Styled
from safetensors.torch import save_file
from torch import Tensor, nn

import imtrans
from imtrans.errors import ImtransError, PluginError, UsageError
from imtrans.infer.generator import Generator
from imtrans.infer.translator import Translator


def pixels(generator: Generator, seeds: Any, **options: Any) -> np.ndarray:
    return np.stack([np.asarray(image).astype(int) for image in generator(seeds, **options)])


def test_a_seed_draws_the_latent_as_nvidia_does() -> None:
    kept = []

    class Keeps(Plain):
        def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
            kept.append(z)
            return super().forward(z, labels)

    Generator(Keeps(), CARD)([42, 7])
    expected = [np.random.RandomState(seed).randn(1, 5).astype(np.float32) for seed in (42, 7)]
    assert np.array_equal(kept[0].numpy(), np.concatenate(expected))


def test_grey_pictures_are_grey_and_colours_are_in_order() -> None:
    (image,) = Generator(Plain(), CARD)([0])
    assert (image.mode, image.size) == ("L", (8, 4))
    (image,) = Generator(Styled(), STYLED)([0])
    assert (image.mode, image.size) == ("RGB", (10, 4))
    assert image.getpixel((9, 0))[2] == 255
    (image,) = Generator(Styled(), replace(STYLED, channels="BGR"))([0])
    assert image.getpixel((9, 0))[0] == 255


def test_a_picture_does_not_depend_on_its_batch() -> None:
    generator = Generator(Styled(), STYLED)
    seeds = range(17)
    for noise in ("const", "random", "none"):
        one, many = (pixels(generator, seeds, noise=noise, batch_size=size) for size in (1, 16))
        assert np.array_equal(one, many)
        assert np.array_equal(pixels(generator, [16], noise=noise)[0], many[16])


def test_noise_is_the_networks_own_the_seeds_or_none() -> None:
    generator = Generator(Styled(), STYLED)
    green = {noise: pixels(generator, [0, 1], noise=noise)[..., 1] for noise in ("const", "random", "none")}
    assert (green["const"] == 191).all()
    assert (green["none"] == 128).all()
    assert len(np.unique(green["random"][0])) > 10
    assert not np.array_equal(green["random"][0], green["random"][1])


def test_truncation_reaches_the_first_layers_only() -> None:
    generator = Generator(Styled(), STYLED)
    full, cut = (pixels(generator, [3], **options)[0, 0, :, 0] for options in ({}, {"truncation_psi": 0.0}))
    part = pixels(generator, [3], truncation_psi=0.0, truncation_cutoff=4)[0, 0, :, 0]
    assert (cut == round((0.1 + 1) * 127.5)).all()
    assert np.array_equal(part, np.concatenate([cut[:4], full[4:]]))


def test_classes_are_given_once_or_for_each() -> None:
    generator = Generator(Plain(10), CARD)
    assert generator.classes == 10
    corner = pixels(generator, [0, 1, 2], classes=[0, 5, 9])[:, 0, 0]
    assert corner.tolist() == [128, 191, 242]
    assert len(set(pixels(generator, [0, 1], classes=7)[:, 0, 0])) == 1


@pytest.mark.parametrize(
    ("network", "options", "words"),
    [
        (Plain(10), {}, "which class to draw"),
        (Plain(10), {"classes": 10}, "there is no class 10"),
        (Plain(10), {"classes": -1}, "there is no class -1"),
        (Plain(10), {"classes": [1, 2, 3]}, "3 classes were given for 2 seeds"),
        (Plain(), {"classes": 1}, "know no classes"),
        (Plain(), {"truncation_psi": 0.5}, "no styles to truncate"),
        (Plain(), {"noise": "random"}, "no layers that take noise"),
        (Styled(), {"noise": "much"}, "no noise called 'much'"),
        (Styled(), {"truncation_cutoff": -1}, "truncation cutoff"),
        (Plain(), {"batch_size": 0}, "a batch of 0"),
    ],
)
def test_what_the_model_does_not_have_is_refused(network: nn.Module, options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Generator(network, STYLED)([0, 1], **options)


@pytest.mark.parametrize("seeds", [[], [-1], [2**32]])
def test_seeds_out_of_range_are_refused(seeds: list[int]) -> None:
    with pytest.raises(UsageError, match="seed"):
        Generator(Plain(), CARD)(seeds)


def test_networks_that_break_their_promise_are_named() -> None:
    with pytest.raises(PluginError, match="it has no z_dim, classes, output_size"):
        Generator(nn.Linear(2, 2), CARD)
    wrong = Plain()
    wrong.output_size = (8, 8)
    with pytest.raises(PluginError, match=r"gave \(1, 1, 4, 8\) where \(1, 3, 8, 8\)"):
        Generator(wrong, CARD)([0])


def test_values_that_are_no_numbers_are_told() -> None:
    network = Plain()
    nn.init.constant_(network.gain, float("nan"))
    with pytest.raises(ImtransError, match="no numbers") as caught:
        Generator(network, CARD)([0])
    assert "damaged" in caught.value.hint


def test_load_gives_what_the_card_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imtrans.registry.find", lambda name: {"plain": CARD, "styled": STYLED}[name])
    save_file({"gain": torch.ones(1), "w_avg": torch.zeros(3)}, tmp_path / "s.safetensors")
    generator = imtrans.load("styled", weights=tmp_path / "s.safetensors", device="cpu")
    assert isinstance(generator, Generator)
    assert isinstance(generator.network, generating.Styled)
    assert (generator.precision, generator.config.styles, generator.size) == ("fp32", True, (10, 4))
    assert "styled, weights s.safetensors, on cpu in fp32" in repr(generator)
    with pytest.raises(UsageError, match="are for models that translate"):
        imtrans.load("styled", weights=tmp_path / "s.safetensors", seed=3)


def test_each_task_names_the_other_command() -> None:
    from imtrans.infer import generator, translator

    with pytest.raises(UsageError, match="generates pictures") as caught:
        translator.load(CARD)
    assert "imtrans generate plain" in caught.value.hint
    with pytest.raises(UsageError, match="translates pictures") as caught:
        generator.load_generator(replace(CARD, task="translate"))
    assert "imtrans run plain" in caught.value.hint
    assert Translator is imtrans.Translator
