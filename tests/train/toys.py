"""A method of two scalars, a real CycleGAN of a few weights, and how to train either in a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from imtrans import registry
from imtrans.card import Card, Ref
from imtrans.data.unpaired import UnpairedFolders
from imtrans.train.loop import Trainer
from imtrans.train.method import Adam, Losses, Method, Phase, Step
from imtrans.train.run import RunFolder
from imtrans.train.settings import RunConfig

SMALL = (
    "augmentation.load_size=10",
    "augmentation.crop_size=8",
    "train.steps=20",
    "train.workers=0",
    "train.tensorboard=false",
)
"""For any method."""
SMALL_CYCLEGAN = (
    "generator.ngf=2",
    "generator.blocks=1",
    "generator.dropout=true",
    "discriminator.ndf=2",
    "discriminator.layers=1",
)


@dataclass(frozen=True)
class ToyNetworkConfig:
    """Settings of :class:`Gain`."""

    start: float = 0.0
    """The gain before training."""


@dataclass(frozen=True)
class ToyConfig:
    """Settings of :class:`Toy`."""

    network: ToyNetworkConfig = field(default_factory=ToyNetworkConfig)
    lr: float = 0.01
    beta1: float = 0.5
    explode_at: int = -1
    """The step whose loss is infinite; -1 for none."""


class Gain(nn.Module):
    """One learnt number that multiplies pictures."""

    def __init__(self, config: ToyNetworkConfig) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(config.start))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gain


class Toy(Method):
    """A generator that runs in every step, and a critic that runs twice in every third."""

    def __init__(self, config: ToyConfig) -> None:
        super().__init__(config)
        self.networks = nn.ModuleDict({"generator": Gain(config.network), "critic": Gain(config.network)})
        self.seen: list[tuple[str, int, tuple[bool, bool]]] = []

    def pool_sizes(self) -> Mapping[str, int]:
        return {"fakes": 4}

    def phases(self) -> Sequence[Phase]:
        adam = Adam(self.config.lr, self.config.beta1)
        return (
            Phase("generator", (self.networks["generator"],), self.generator_loss, adam),
            Phase("critic", (self.networks["critic"],), self.critic_loss, adam, every=3, repeat=2),
        )

    def generator_loss(self, step: Step) -> Losses:
        self._note("generator", step)
        fake = self.networks["generator"](step.batch["A"])
        step.shared["fake"] = step.pools["fakes"].query(fake.detach())
        loss = (fake - step.batch["B"]).square().mean()
        return {"distance": loss * float("inf") if step.index == self.config.explode_at else loss}

    def critic_loss(self, step: Step) -> Losses:
        self._note("critic", step)
        return {"critic": (self.networks["critic"](step.shared["fake"]) - 1).square().mean()}

    def _note(self, phase: str, step: Step) -> None:
        needs = tuple(next(net.parameters()).requires_grad for net in self.networks.values())
        self.seen.append((phase, step.index, needs))

    def preview(self, batch: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return {"A": batch["A"], "B": self.networks["generator"](batch["A"])}

    def translators(self) -> Mapping[str, tuple[str, Any]]:
        return {"a2b": ("generator", self.config.network)}


class FreshToy(Toy):
    """The same with a critic that runs three times in every second step, on three batches."""

    def phases(self) -> Sequence[Phase]:
        generator, critic = super().phases()
        return generator, replace(critic, loss=self.fresh_critic_loss, every=2, repeat=3, fresh=True)

    def fresh_critic_loss(self, step: Step) -> Losses:
        real = step.batch["A"]
        return {"critic": (self.networks["critic"](real) - real.square() + torch.rand_like(real)).square().mean()}


def recognise(shapes: Mapping[str, tuple[int, ...]]) -> ToyNetworkConfig | None:
    """Toys are known by their only key."""
    return ToyNetworkConfig() if set(shapes) == {"gain"} else None


CARD = Card(
    name="toy",
    summary="learns a number",
    network_config=Ref(f"{__name__}:ToyNetworkConfig"),
    build=Ref(f"{__name__}:Gain"),
    recognise=Ref(f"{__name__}:recognise"),
    method=Ref(f"{__name__}:Toy"),
    method_config=Ref(f"{__name__}:ToyConfig"),
)
FRESH_CARD = replace(CARD, method=Ref(f"{__name__}:FreshToy"))


def cyclegan() -> Card:
    """The real card."""
    return registry.find("cyclegan")


def make_trainer(
    card: Any,
    data: Path,
    folder: Path,
    settings: Sequence[str],
    *,
    resume: bool = False,
    dtype: Any = None,
    evaluator: Any = None,
) -> Trainer:
    """A trainer on the CPU over a run folder that is made, or resumed."""
    run = RunFolder(folder)
    config = RunConfig.defaults(card, str(data)).override(list(settings))
    dataset = UnpairedFolders(data, config.augmentation, seed=config.train.seed)
    cpu, preview = torch.device("cpu"), dataset.preview(4)
    trainer = Trainer(card, config, run, dataset, preview, cpu, dtype or torch.float32, evaluator=evaluator)
    if resume:
        trainer.resume()
    else:
        run.create(config)
    return trainer


def everything(trainer: Trainer) -> dict[str, Any]:
    """All that a run has come to: weights, optimisers, pools, random states, flat by name."""
    flat: dict[str, Any] = {f"network.{key}": value for key, value in trainer.method.networks.state_dict().items()}
    for name, network in trainer.averages.networks.items():
        flat |= {f"{name}.{key}": value for key, value in network.state_dict().items()}

    def flatten(prefix: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                flatten(f"{prefix}.{key}", inner)
        elif isinstance(value, list):
            for place, inner in enumerate(value):
                flatten(f"{prefix}.{place}", inner)
        else:
            flat[prefix] = value

    flatten("state", trainer.state.whole(trainer.step))
    return flat


def assert_equal(one: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    """Bit for bit."""
    assert one.keys() == other.keys()
    for key, value in one.items():
        same = torch.equal(value, other[key]) if isinstance(value, Tensor) else value == other[key]
        assert same, f"{key} differs"
