"""What methods with two generators that undo each other share: their networks, previews, and what they yield."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from imtrans.data.kinds import KindName
from imtrans.train.method import Method


class CycleMethod(Method):
    """A generator from A to B and one from B to A, trained on pictures that are not paired (Zhu et al., 2017).

    Networks: ``generator_ab``, ``generator_ba``, and the discriminators under their own names.

    Args:
        config: settings with ``generator``, the configuration of both.
        generator_ab: pictures of A, (N, C, H, W) in the card's value range -> pictures of B.
        generator_ba: the way back.
        discriminators: by name.
    """

    data: ClassVar[KindName] = "unpaired"

    def __init__(
        self, config: Any, generator_ab: nn.Module, generator_ba: nn.Module, discriminators: Mapping[str, nn.Module]
    ) -> None:
        super().__init__(config)
        self.generator_ab, self.generator_ba = generator_ab, generator_ba
        self.networks = nn.ModuleDict({"generator_ab": generator_ab, "generator_ba": generator_ba, **discriminators})

    def preview(self, batch: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """A, its translation and its way back, and the same from B."""
        a, b = batch["A"], batch["B"]
        fake_b, fake_a = self.generator_ab(a), self.generator_ba(b)
        return {
            "A": a,
            "A to B": fake_b,
            "A to B to A": self.generator_ba(fake_b),
            "B": b,
            "B to A": fake_a,
            "B to A to B": self.generator_ab(fake_a),
        }

    def translators(self) -> Mapping[str, tuple[str, Any]]:
        """Both generators."""
        return {"a2b": ("generator_ab", self.config.generator), "b2a": ("generator_ba", self.config.generator)}
