"""Two generators that undo each other: what is shown of them, and what the training yields."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from imtrans.train.cycles import CycleMethod
from imtrans.train.method import Losses, Phase, Step


class Brighter(nn.Module):
    """Pictures brighter by a number."""

    def __init__(self, by: float) -> None:
        super().__init__()
        self.by = nn.Parameter(torch.tensor(by))

    def forward(self, pictures: Tensor) -> Tensor:
        return pictures + self.by


class Toy(CycleMethod):
    """A method whose generators brighten and darken."""

    def phases(self) -> Sequence[Phase]:
        return (Phase("generators", (self.generator_ab, self.generator_ba), self.loss),)

    def loss(self, step: Step) -> Losses:
        return {"gan": self.generator_ab(step.batch["A"]).mean()}


def test_previews_go_there_and_back() -> None:
    settings = SimpleNamespace(generator="settings")
    method = Toy(settings, Brighter(1.0), Brighter(-0.5), {"discriminator_b": nn.Linear(1, 1)})
    shown = method.preview({"A": torch.zeros(2, 3, 4, 4), "B": torch.ones(2, 3, 4, 4)})
    levels = {title: pictures.unique().item() for title, pictures in shown.items()}
    assert levels == {"A": 0, "A to B": 1, "A to B to A": 0.5, "B": 1, "B to A": 0.5, "B to A to B": 1.5}
    assert method.data == "unpaired"
    assert list(method.networks) == ["generator_ab", "generator_ba", "discriminator_b"]
    assert method.translators() == {"a2b": ("generator_ab", "settings"), "b2a": ("generator_ba", "settings")}
