"""Checks of the model as its users meet it: pictures of any size through ``imtrans.load``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import imtrans
from imtrans.card import Card
from imtrans.infer.translator import Translator
from imtrans.testing.base import PluginChecks
from imtrans.testing.network_checks import channels_of
from imtrans.weights.identity import metadata_for
from imtrans.weights.writer import save

SIZES = ((1, 1), (17, 33), (64, 5), (50, 50))
"""Width and height of the pictures: a single pixel, sides off every multiple, a strip, a square."""

# Half precision keeps 11 bits of every weight; a few of 255 levels are what a sound network makes of the rest.
_HALF_PRECISION_LEVELS = 8


class TranslatorChecks(PluginChecks):
    """``imtrans.load`` of the card, with a small network's weights from a file."""

    @pytest.fixture
    def translator(self, card: Card, weights_file: Path) -> Translator:
        """The small network as users get it."""
        return imtrans.load(card, weights=weights_file, device="cpu", precision="fp32")

    @pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
    def test_any_size_goes(self, card: Card, translator: Translator, size: tuple[int, int]) -> None:
        """A picture comes back at its own size times the card's scale, whatever that is."""
        out = translator(picture(size))
        assert isinstance(out, Image.Image)
        assert out.size == (size[0] * card.scale, size[1] * card.scale)

    def test_same_picture_same_result(self, translator: Translator) -> None:
        """Nothing is left to chance when a model runs."""
        first, second = (np.asarray(translator(picture((33, 47)))) for _ in range(2))
        assert np.array_equal(first, second), "the same picture was translated in two ways"

    def test_picture_is_left_alone(self, translator: Translator) -> None:
        """The caller's picture is not written to."""
        given = picture((33, 47))
        before = np.asarray(given).copy()
        translator(given)
        assert np.array_equal(np.asarray(given), before), "the translator changed its input"

    def test_half_precision_file_loads(
        self, card: Card, network: nn.Module, network_config: object, translator: Translator, tmp_path: Path
    ) -> None:
        """Weights stored in fp16, as plugins ship them, give nearly the same picture."""
        halves = {
            key: value.half() if value.is_floating_point() else value for key, value in network.state_dict().items()
        }
        path = save(tmp_path / "half.safetensors", halves, metadata_for(card.name, network_config))
        half = imtrans.load(card, weights=path, device="cpu", precision="fp32")
        exact, rounded = (np.asarray(each(picture((40, 40)))).astype(int) for each in (translator, half))
        assert np.abs(exact - rounded).max() <= _HALF_PRECISION_LEVELS

    def test_bare_state_dict_loads(
        self, card: Card, network: nn.Module, translator: Translator, tmp_path: Path
    ) -> None:
        """A checkpoint without any metadata is recognised by its keys and shapes."""
        torch.save(network.state_dict(), tmp_path / "bare.pth")
        bare = imtrans.load(card, weights=tmp_path / "bare.pth", device="cpu", precision="fp32")
        assert np.array_equal(np.asarray(bare(picture((40, 40)))), np.asarray(translator(picture((40, 40)))))

    def test_shipped_weights_translate(self, card: Card) -> None:
        """Each checkpoint inside the package loads and changes the picture."""
        for weights in card.weights:
            if weights.file is not None:
                given = picture((48, 40), channels_of(card))
                out = imtrans.load(card, weights=weights.name, device="cpu", precision="fp32")(given)
                assert out.size == (48 * card.scale, 40 * card.scale)
                same = out.size == given.size and np.array_equal(np.asarray(out), np.asarray(given))
                assert not same, f"the weights {weights.name!r} give back what they get"


def picture(size: tuple[int, int], channels: int = 3) -> Image.Image:
    """A random picture of ``size`` = (width, height), the same one at every call; RGB, or grey for one channel."""
    width, height = size
    values = np.random.default_rng(width * 10_000 + height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values if channels == 3 else values[..., 0])
