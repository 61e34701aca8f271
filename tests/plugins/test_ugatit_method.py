"""U-GAT-IT's losses and training steps are the authors', by the numbers of their own code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from golden.make import texture
from safetensors import safe_open
from torch import Tensor, nn

from imtrans.errors import ConfigError, UsageError
from imtrans.nn import LIN, AdaLIN
from imtrans.train.config import TrainConfig
from imtrans.train.freezing import learning_only
from imtrans.train.method import Phase, Step
from imtrans.train.optimise import make_optimiser
from imtrans_ugatit import room
from imtrans_ugatit.config import DiscriminatorConfig, GeneratorConfig, UGATITConfig
from imtrans_ugatit.method import UGATIT

GOLDEN = Path(__file__).parent / "golden"
SMALL = UGATITConfig(GeneratorConfig(ngf=2, blocks=1), DiscriminatorConfig(ndf=2, global_layers=4, local_layers=3))
OURS = {
    "generator_ab": "genA2B",
    "generator_ba": "genB2A",
    "global_a": "disGA",
    "global_b": "disGB",
    "local_a": "disLA",
    "local_b": "disLB",
}
"""The networks' names, and those of the authors: their discriminator A judges pictures of A."""


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def pairs(side: int = 32) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(5)
    return {name: torch.rand(1, 3, side, side, generator=random) * 2 - 1 for name in "AB"}


# --- against the authors --------------------------------------------------------------------------------------------


class Golden:
    """Weights at the start and losses of a few training steps, by the authors' code in float64."""

    def __init__(self, name: str) -> None:
        with safe_open(GOLDEN / f"ugatit-training-{name}.safetensors", "pt") as file:
            self.case: dict[str, Any] = json.loads(file.metadata()["case"])
            self.tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        rows = self.tensors.pop("golden.losses").tolist()
        self.losses = [dict(zip(self.case["losses"], row, strict=True)) for row in rows]
        self.rho = self.tensors.pop("golden.rho")

    def method(self) -> UGATIT:
        case = self.case
        size = {} if case["light"] else {"img_size": case["img_size"]}
        generator = GeneratorConfig(light=case["light"], ngf=case["ch"], blocks=case["n_res"], **size)
        method = UGATIT(UGATITConfig(generator, DiscriminatorConfig(ndf=case["ch"]), lr=case["lr"]))
        for ours, theirs in OURS.items():
            state = {k.removeprefix(f"{theirs}."): v for k, v in self.tensors.items() if k.startswith(theirs)}
            method.networks[ours].load_state_dict(state)
        return method

    def step(self, index: int, dtype: torch.dtype) -> Step:
        a = texture(self.case["img_size"], self.case["img_size"]).to(dtype)
        return Step({"A": a, "B": a.mT.flip(3)}, index, {})

    def expected(self, index: int) -> dict[str, float]:
        """The authors' losses with their weights, under our names."""
        found, case = self.losses[index], self.case
        losses = {}
        for mine, theirs, way in (("a", "A", "ba"), ("b", "B", "ab")):
            losses |= {
                f"discriminator_{mine}": found[f"D_ad_loss_G{theirs}"] + found[f"D_ad_loss_L{theirs}"],
                f"discriminator_cam_{mine}": found[f"D_ad_cam_loss_G{theirs}"] + found[f"D_ad_cam_loss_L{theirs}"],
                f"gan_{way}": found[f"G_ad_loss_G{theirs}"] + found[f"G_ad_loss_L{theirs}"],
                f"gan_cam_{way}": found[f"G_ad_cam_loss_G{theirs}"] + found[f"G_ad_cam_loss_L{theirs}"],
                f"cycle_{mine}": case["cycle_weight"] * found[f"G_recon_loss_{theirs}"],
                f"identity_{mine}": case["identity_weight"] * found[f"G_identity_loss_{theirs}"],
                f"cam_{way}": case["cam_weight"] * found[f"G_cam_loss_{theirs}"],
            }
        return losses


def update(method: UGATIT, phase: Phase, optimiser: torch.optim.Optimizer, step: Step) -> dict[str, float]:
    """What the loop does, but in the precision of the weights throughout."""
    optimiser.zero_grad()
    with learning_only(method.networks, phase):
        losses = phase.loss(step)
        torch.stack(list(losses.values())).sum().backward()
    optimiser.step()
    if phase.after is not None:
        with torch.no_grad():
            phase.after()
    return {key: loss.item() for key, loss in losses.items()}


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-4)], ids=str)
@pytest.mark.parametrize("name", ["light", "full"])
def test_three_steps_have_the_authors_losses(name: str, dtype: torch.dtype, tolerance: float) -> None:
    """Later steps depend on all that came before: order of the phases, gradients, weight decay, clipping of rho."""
    golden = Golden(name)
    method = golden.method()
    method.networks.to(dtype).train()
    phases = method.phases()
    optimisers = {phase.name: make_optimiser(phase) for phase in phases}
    for index in range(len(golden.losses)):
        step, losses = golden.step(index, dtype), {}
        for phase in phases:
            losses |= update(method, phase, optimisers[phase.name], step)
        assert losses == pytest.approx(golden.expected(index), rel=tolerance, abs=tolerance)
        total = golden.losses[index]["Generator_loss"] + golden.losses[index]["Discriminator_loss"]
        assert sum(losses.values()) == pytest.approx(total, rel=tolerance)
    states = [method.networks[name].state_dict() for name in ("generator_ab", "generator_ba")]
    rho = torch.cat([value.flatten() for state in states for key, value in state.items() if key.endswith("rho")])
    torch.testing.assert_close(rho.double(), golden.rho, rtol=0, atol=10 * tolerance)
    assert ((golden.rho == 0) | (golden.rho == 1)).any(), "nothing was clipped"


# --- phases ---------------------------------------------------------------------------------------------------------


class Counting(nn.Module):
    """A generator that counts its forward passes."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.passes = inner, 0

    def forward(self, x: Tensor, attention: bool = False) -> Any:
        self.passes += 1
        return self.inner(x, attention)


def test_both_phases_see_one_translation() -> None:
    method = UGATIT(SMALL)
    for name in ("generator_ab", "generator_ba"):
        setattr(method, name, Counting(getattr(method, name)))
        method.networks[name] = getattr(method, name)
    step = Step(pairs(), 0, {})
    for phase in method.phases():
        with learning_only(method.networks, phase):
            sum(phase.loss(step).values(), torch.zeros(())).backward()
        learning = {id(parameter) for module in phase.learns for parameter in module.parameters()}
        for key, parameter in method.networks.named_parameters():
            assert (parameter.grad is not None) == (id(parameter) in learning), key
            parameter.grad = None
    # Translation, way back, identity: three each.
    assert (method.generator_ab.passes, method.generator_ba.passes) == (3, 3)


def test_the_generators_phase_clips_rho() -> None:
    method = UGATIT(SMALL)
    after = [phase.after for phase in method.phases() if phase.after is not None]
    layers = [layer for layer in method.networks.modules() if isinstance(layer, AdaLIN | LIN)]
    for layer in layers:
        nn.init.uniform_(layer.rho, -2, 2)
    with torch.no_grad():
        after[0]()
    assert len(after) == 1
    assert all(0 <= rho <= 1 for layer in layers for rho in layer.rho.flatten().tolist())


def test_samples_show_where_the_generators_look() -> None:
    method, batch = UGATIT(SMALL), pairs()
    with torch.inference_mode():
        columns = method.preview(batch)
    assert list(columns)[:3] == ["A", "A, where it looks", "A to B"]
    attended = columns["A, where it looks"]
    assert attended.shape == batch["A"].shape
    assert attended.min() >= -1
    assert attended.max() <= 1
    assert not attended.equal(batch["A"])


def test_the_paper_s_settings() -> None:
    """Weights 1, 10, 10, 1000; Adam at 0.0001 with beta1 0.5 and weight decay 0.0001; 7 and 5 layers; no pool."""
    config = UGATITConfig()
    assert (config.lambda_gan, config.lambda_cycle, config.lambda_identity, config.lambda_cam) == (1, 10, 10, 1000)
    assert (config.discriminator.global_layers, config.discriminator.local_layers) == (7, 5)
    assert (config.generator.ngf, config.generator.blocks, config.generator.img_size) == (64, 4, 256)
    method = UGATIT(SMALL)
    assert method.pool_sizes() == {}
    assert [phase.name for phase in method.phases()] == ["discriminators", "generators"]
    for phase in method.phases():
        adam = phase.optimiser
        assert (adam.lr, adam.beta1, adam.beta2, adam.weight_decay) == (1e-4, 0.5, 0.999, 1e-4)
    assert (UGATIT.augmentation.load_size, UGATIT.augmentation.crop_size) == (286, 256)
    assert (TrainConfig().schedule, TrainConfig().decay_from) == ("linear", 0.5)


# --- what cannot be meant -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "key"),
    [
        (UGATITConfig(generator=GeneratorConfig(input_nc=1, output_nc=1)), "generator.input_nc is 1"),
        (UGATITConfig(discriminator=DiscriminatorConfig(input_nc=6)), "discriminator.input_nc is 6"),
    ],
)
def test_other_channels_are_refused(config: UGATITConfig, key: str) -> None:
    with torch.device("meta"), pytest.raises(ConfigError, match=key) as caught:
        UGATIT(config)
    assert "Leave" in caught.value.hint


def test_full_generators_that_do_not_fit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice where a GPU takes the gradients; with gradients and Adam's moments, eight times, where it does not."""
    monkeypatch.setattr(room, "available_bytes", lambda device: 4_000_000_000)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match=r"takes 1\.1 GB, 8 times, and 4\.0 GB are left"):
        UGATIT(UGATITConfig(GeneratorConfig(light=False)))


@pytest.mark.parametrize("name", ["lambda_gan", "lambda_cycle", "lambda_identity", "lambda_cam", "weight_decay"])
def test_a_negative_weight_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must not be negative"):
        UGATITConfig(**{name: -1})


def test_generators_feed_one_another() -> None:
    with pytest.raises(ValueError, match="must be equal"):
        UGATITConfig(GeneratorConfig(output_nc=1))


def test_discriminators_have_three_layers_at_least() -> None:
    with pytest.raises(ValueError, match="local_layers must be at least 3"):
        DiscriminatorConfig(local_layers=2)
