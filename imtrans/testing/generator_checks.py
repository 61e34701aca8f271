"""Checks of models that generate: the contract of their networks, seeds to pictures, their training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from imtrans.card import Card
from imtrans.infer.generator import Generator, check_network, load_generator
from imtrans.nn.latents import latents
from imtrans.testing.base import PluginChecks, pictures
from imtrans.testing.method_checks import MethodChecks
from imtrans.testing.network_checks import as_network_input, channels_of
from imtrans.weights.identity import metadata_for
from imtrans.weights.writer import save

_TOLERANCE = 1e-4
_HALF_PRECISION_LEVELS = 8
_SEEDS = (0, 1, 2, 3, 42)


class GenerativeNetworkChecks(PluginChecks):
    """The network itself: latents in, pictures out."""

    def test_network_keeps_the_contract(self, card: Card, network: nn.Module) -> None:
        """It says its latent size, its classes and the size of its pictures, and they are so."""
        check_network(card, network)
        output = draw(network.eval(), 3)
        assert output.shape[0] == 3
        assert output.shape[1] in (1, 3)
        assert tuple(output.shape[2:]) == tuple(network.output_size)  # type: ignore[arg-type]  # hidden by torch

    def test_latents_matter(self, network: nn.Module) -> None:
        """Two latents give two pictures."""
        one, other = draw(network.eval(), 2)
        assert not torch.allclose(one, other), "the network draws the same picture of two latents"

    def test_pictures_stand_alone(self, network: nn.Module) -> None:
        """In eval mode a picture does not depend on the others of its batch."""
        network.eval()
        torch.testing.assert_close(draw(network, 3)[:1], draw(network, 1), atol=_TOLERANCE, rtol=_TOLERANCE)

    def test_output_fits_the_value_range(self, card: Card, network: nn.Module) -> None:
        """The network speaks the card's value range; without a last activation it may overshoot thrice as wide."""
        low, high = card.value_range
        width = high - low
        output = draw(network.eval(), 4)
        assert ((output >= low - width) & (output <= high + width)).float().mean() > 0.9

    def test_bf16_is_finite_if_claimed(self, card: Card, network: nn.Module) -> None:
        """A card that lists bf16 promises sound numbers in it."""
        if "bf16" in card.precisions:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                assert draw(network.eval(), 2).isfinite().all(), "the network gives infinities or NaN in bf16"


class GeneratorChecks(PluginChecks):
    """The model as its users meet it, with a small network's weights from a file."""

    @pytest.fixture
    def generator(self, card: Card, weights_file: Path) -> Generator:
        """The small network as users get it."""
        return load_generator(card, weights=weights_file, device="cpu")

    def test_seeds_give_pictures(self, generator: Generator) -> None:
        """A picture of the size that the network says for each seed."""
        images = generate(generator, _SEEDS)
        assert [image.size for image in images] == [generator.size] * len(_SEEDS)

    def test_same_seed_same_picture(self, generator: Generator) -> None:
        """A seed gives its picture in any batch, up to the rounding of sums."""
        together, alone = (generate(generator, _SEEDS, batch_size=size) for size in (len(_SEEDS), 1))
        for one, other in zip(together, alone, strict=True):
            assert np.abs(np.asarray(one).astype(int) - np.asarray(other)).max() <= 1

    def test_half_precision_file_loads(
        self, card: Card, network: nn.Module, network_config: Any, generator: Generator, tmp_path: Path
    ) -> None:
        """Weights stored in fp16, as plugins ship them, give nearly the same picture."""
        halves = {key: x.half() if x.is_floating_point() else x for key, x in network.state_dict().items()}
        path = save(tmp_path / "half.safetensors", halves, metadata_for(card.name, network_config))
        half = load_generator(card, weights=path, device="cpu")
        exact, rounded = (np.asarray(generate(each, (7,))[0]).astype(int) for each in (generator, half))
        assert np.abs(exact - rounded).max() <= _HALF_PRECISION_LEVELS

    def test_bare_state_dict_loads(self, card: Card, network: nn.Module, generator: Generator, tmp_path: Path) -> None:
        """A checkpoint without any metadata is recognised by its keys and shapes."""
        torch.save(network.state_dict(), tmp_path / "bare.pth")
        bare = load_generator(card, weights=tmp_path / "bare.pth", device="cpu")
        assert np.array_equal(np.asarray(generate(bare, (7,))[0]), np.asarray(generate(generator, (7,))[0]))

    def test_shipped_weights_generate(self, card: Card) -> None:
        """Each checkpoint inside the package loads and draws two different pictures for two seeds."""
        for weights in card.weights:
            if weights.file is not None:
                one, other = generate(load_generator(card, weights=weights.name, device="cpu"), (0, 1))
                assert not np.array_equal(np.asarray(one), np.asarray(other))


class GenerativeMethodChecks(MethodChecks):
    """``method`` of the card, on random pictures of the generator's size."""

    @pytest.fixture
    def batch(self, card: Card) -> dict[str, Tensor]:
        """Four random pictures with their classes, in the card's value range."""
        x = as_network_input(card, pictures((self.size, self.size), channels_of(card), batch=4))
        return {"image": x, "labels": torch.arange(4) % 2}

    def check_column(self, title: str, column: Tensor, batch: dict[str, Tensor]) -> None:
        """The grid shows as many latents as it likes, in the generator's size."""
        assert len(column) > 0, f"the column {title!r} is empty"
        assert column.shape[-2:] == batch["image"].shape[-2:], f"the column {title!r} is of another size"


def draw(network: nn.Module, count: int) -> Tensor:
    """The pictures of the first seeds, each of class 0 where there are classes."""
    z = latents(range(count), int(network.z_dim))  # type: ignore[arg-type]  # torch hides attributes' types
    with torch.inference_mode():
        output: Tensor = network(z, torch.zeros(count, dtype=torch.int64)) if network.classes else network(z)
    return output


def generate(generator: Generator, seeds: tuple[int, ...], batch_size: int = 8) -> list[Image.Image]:
    """The pictures of ``seeds``, each of class 0 where there are classes."""
    return generator(seeds, classes=0 if generator.classes else None, batch_size=batch_size)
