"""Checks of the network itself: what builds it, what it answers, and what recognises its checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from imtrans.card import Card
from imtrans.config import from_dict
from imtrans.testing.base import PluginChecks, pictures

# Sums in another order differ in their last bits; more than this is another function.
_TOLERANCE = 1e-4


class NetworkChecks(PluginChecks):
    """``build`` and ``recognise`` of the card."""

    def test_build_gives_a_module(self, network: nn.Module) -> None:
        """The network is a module with something to load into it."""
        assert isinstance(network, nn.Module), f"build gives a {type(network).__name__}, not an nn.Module"
        assert network.state_dict(), "the network has no weights"

    def test_recognise_knows_every_variant(self, card: Card) -> None:
        """Keys and shapes alone tell the settings, so that a bare checkpoint can be run."""
        build, recognise = card.build.load(), card.recognise.load()
        for variant in self.variants:
            settings = from_dict(card.network_config.load(), variant)
            found = recognise(shapes_of(build, settings))
            assert found is not None, f"recognise does not know the network of {settings}"
            # Settings that leave no trace in a file may differ; the network they build may not.
            assert shapes_of(build, found) == shapes_of(build, settings)
            assert found == settings, f"recognise takes {settings} for {found}"

    def test_recognise_refuses_strangers(self, card: Card) -> None:
        """A file of another model is told apart instead of loaded half."""
        recognise = card.recognise.load()
        for shapes in ({}, {"weight": (1,)}, {"stranger.weight": (64, 3, 7, 7), "stranger.bias": (64,)}):
            assert recognise(shapes) is None, f"recognise takes {shapes} for a network of its own"

    def test_input_is_left_alone(self, card: Card, network: nn.Module) -> None:
        """The network does not write into the pictures that it is given."""
        x = as_network_input(card, pictures((self.size, self.size), channels_of(card)))
        before = x.clone()
        with torch.inference_mode():
            network.eval()(x)
        assert torch.equal(x, before), "the network changed its input in place"

    def test_channels_last_equals_contiguous(self, card: Card, network: nn.Module) -> None:
        """The memory layout is a matter of speed only."""
        x = as_network_input(card, pictures((self.size, self.size), channels_of(card)))
        network.eval()
        with torch.inference_mode():
            contiguous = network(x)
            cast(Any, network).to(memory_format=torch.channels_last)  # torch's types do not know the keyword
            channels_last = network(x.contiguous(memory_format=torch.channels_last))
        torch.testing.assert_close(channels_last, contiguous, atol=_TOLERANCE, rtol=_TOLERANCE)

    def test_scale_is_as_declared(self, card: Card, network: nn.Module) -> None:
        """The output is the input's size times the card's scale."""
        x = as_network_input(card, pictures((self.size, 2 * self.size), channels_of(card)))
        with torch.inference_mode():
            y = network.eval()(x)
        assert y.shape[-2:] == (self.size * card.scale, 2 * self.size * card.scale)

    def test_output_fits_the_value_range(self, card: Card, network: nn.Module) -> None:
        """The network speaks the card's value range, not 0..255 where the card says -1..1.

        Fresh weights of a network without a last activation may overshoot, so the range counts thrice as wide.
        """
        x = as_network_input(card, pictures((self.size, self.size), channels_of(card)))
        with torch.inference_mode():
            y = network.eval()(x)
        low, high = card.value_range
        width = high - low
        inside = ((y >= low - width) & (y <= high + width)).float().mean().item()
        assert inside > 0.9, f"{1 - inside:.0%} of the output lies far outside of {card.value_range}"

    def test_bf16_is_finite_if_claimed(self, card: Card, network: nn.Module) -> None:
        """A card that lists bf16 promises sound numbers in it."""
        if "bf16" not in card.precisions:
            return
        x = as_network_input(card, pictures((self.size, self.size), channels_of(card)))
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
            y = network.eval()(x)
        assert torch.isfinite(y).all(), "the network gives infinities or NaN in bf16"


def shapes_of(build: Callable[[Any], nn.Module], settings: Any) -> dict[str, tuple[int, ...]]:
    """What ``recognise`` is given: keys and shapes of the network's state dict. Takes no memory for the weights."""
    with torch.device("meta"):
        network = build(settings)
    return {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}


def channels_of(card: Card) -> int:
    """Channels of the pictures that the network takes."""
    return 1 if card.channels == "L" else 3


def as_network_input(card: Card, x: Tensor) -> Tensor:
    """Pictures in [0, 1] moved to the card's value range."""
    low, high = card.value_range
    return x * (high - low) + low
