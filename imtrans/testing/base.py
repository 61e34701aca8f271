"""What a plugin's test class says of its plugin, and the fixtures that the checks share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from imtrans import registry
from imtrans.card import Card
from imtrans.config import from_dict


class PluginChecks:
    """The attributes that a subclass sets, and the fixtures that read them."""

    model: ClassVar[str] = ""
    """The model's name, as ``imtrans models`` lists it. The one attribute that every subclass sets."""
    variants: ClassVar[Sequence[Mapping[str, Any]]] = ({},)
    """Network settings, each a set of changes to the defaults; the recogniser has to tell all of them from a file."""
    small: ClassVar[Mapping[str, Any]] = {}
    """Changes to the network's defaults that make it small enough to run many times in a test."""
    small_training: ClassVar[Mapping[str, Any]] = {}
    """Changes to the method's defaults that make every network in it small."""
    size: ClassVar[int] = 64
    """Side in pixels of the pictures that go straight to the networks; a multiple of what they need."""
    instance_maps: ClassVar[bool] = False
    """Whether batches with label maps hold the edges of instances too, as ``small_training`` has it."""
    waivers: ClassVar[Mapping[str, str]] = {}
    """{check: reason}: checks that this plugin is known to fail, by name without ``test_``. A waived check counts as
    an expected failure; one that passes all the same fails, so that no waiver outlives its reason."""

    @pytest.fixture(autouse=True)
    def _waive(self, request: pytest.FixtureRequest) -> None:
        check = getattr(request.node, "originalname", request.node.name).removeprefix("test_")
        if check in self.waivers:
            request.applymarker(pytest.mark.xfail(reason=self.waivers[check], strict=True))

    @pytest.fixture(autouse=True)
    def _seeded(self) -> Iterator[None]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            yield

    @pytest.fixture
    def card(self) -> Card:
        """The card under test."""
        return registry.find(self.model)

    @pytest.fixture
    def network_config(self, card: Card) -> Any:
        """The settings of a small network."""
        return from_dict(card.network_config.load(), self.small)

    @pytest.fixture
    def network(self, card: Card, network_config: Any) -> nn.Module:
        """A small network with fresh weights."""
        built: nn.Module = card.build.load()(network_config)
        return built

    @pytest.fixture
    def weights_file(self, card: Card, network: nn.Module, network_config: Any, tmp_path: Path) -> Path:
        """The small network's weights as a file."""
        from imtrans.weights.identity import metadata_for
        from imtrans.weights.writer import save

        return save(tmp_path / "small.safetensors", network.state_dict(), metadata_for(card.name, network_config))


def pictures(size: tuple[int, int], channels: int = 3, batch: int = 1) -> Tensor:
    """Random pictures (batch, channels, H, W) in [0, 1], the same ones at every call."""
    return torch.rand(batch, channels, *size, generator=torch.Generator().manual_seed(sum(size)))
