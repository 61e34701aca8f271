"""photo2cartoon's losses and training steps are the authors', by the numbers of their own code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from golden.make import texture
from golden.photo2cartoon_parts import drawn
from safetensors import safe_open
from torch import Tensor

from imtrans.errors import UsageError
from imtrans.nn import SoftAdaLIN
from imtrans.train.freezing import learning_only
from imtrans.train.method import Step
from imtrans.train.optimise import make_optimiser
from imtrans_photo2cartoon.config import DiscriminatorConfig, FaceIdentityConfig, GeneratorConfig, Photo2CartoonConfig
from imtrans_photo2cartoon.method import Photo2Cartoon

GOLDEN = Path(__file__).parent / "golden"
AUTHORS = {
    "generator_ab": "genA2B",
    "generator_ba": "genB2A",
    "discriminator_global_a": "disGA",
    "discriminator_global_b": "disGB",
    "discriminator_local_a": "disLA",
    "discriminator_local_b": "disLB",
}
SMALL: dict[str, Any] = {"generator": GeneratorConfig(4), "discriminator": DiscriminatorConfig(1, 4, 3)}
FACES = FaceIdentityConfig("golden.photo2cartoon_parts:Embedding")


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


# --- against the authors --------------------------------------------------------------------------------------------


class Golden:
    """Every loss that the authors' loop computed in two steps, and what it began with."""

    def __init__(self) -> None:
        with safe_open(GOLDEN / "photo2cartoon-training.safetensors", "pt") as file:
            told = file.metadata()
            self.rows = file.get_tensor("losses")
        self.case: dict[str, Any] = json.loads(told["case"])
        self.shapes: dict[str, dict[str, list[int]]] = json.loads(told["shapes"])

    def method(self) -> Photo2Cartoon:
        case = self.case
        config = Photo2CartoonConfig(
            GeneratorConfig(case["ch"]),
            DiscriminatorConfig(case["ndf"]),
            FACES,
            lambda_gan=case["adv_weight"],
            lambda_cycle=case["cycle_weight"],
            lambda_identity=case["identity_weight"],
            lambda_cam=case["cam_weight"],
            lambda_faceid=case["faceid_weight"],
            lr=case["lr"],
        )
        method = Photo2Cartoon(config)
        for name, theirs in AUTHORS.items():
            seed = 10 + list(self.shapes).index(theirs)
            method.networks[name].load_state_dict(drawn(self.shapes[theirs], seed))
        return method

    def losses(self, step: int) -> dict[str, float]:
        """The authors' numbers, by the names and with the weights that they have here."""
        row, case = self.rows[step], self.case
        patches = ["global_a", "local_a", "global_b", "local_b"]
        deceiving = {name: row[16 + 2 * place : 18 + 2 * place].sum() for place, name in enumerate(patches)}
        found = {f"discriminator_{name}": row[4 * place : 4 * place + 4].sum() for place, name in enumerate(patches)}
        found |= {f"gan_{name}": case["adv_weight"] * loss for name, loss in deceiving.items()}
        for place, domain in enumerate("ab"):
            found[f"cycle_{domain}"] = case["cycle_weight"] * row[24 + place]
            found[f"identity_{domain}"] = case["identity_weight"] * row[26 + place]
            found[f"cam_{domain}"] = case["cam_weight"] * row[28 + 2 * place : 30 + 2 * place].sum()
            found[f"faceid_{domain}"] = case["faceid_weight"] * row[32 + place]
        return {name: float(loss) for name, loss in found.items()}

    def step(self, index: int, dtype: torch.dtype) -> Step:
        a = texture(self.case["size"], self.case["size"]).to(dtype)
        return Step({"A": a, "B": a.mT.flip(3)}, index, {})


@pytest.mark.parametrize(("dtype", "steps", "tolerance"), [(torch.float64, 2, 1e-9), (torch.float32, 1, 1e-4)], ids=str)
def test_steps_have_the_authors_losses(dtype: torch.dtype, steps: int, tolerance: float) -> None:
    """Later steps depend on all that came before: phases, gradients, decay, clipping and power iterations.

    In float32 they cannot be compared: Adam takes a full step where a gradient is nothing but rounding.
    """
    golden = Golden()
    method = golden.method()
    method.networks.to(dtype).train()
    optimisers = {phase.name: make_optimiser(phase) for phase in method.phases()}
    for index in range(steps):
        step, losses = golden.step(index, dtype), {}
        for phase in method.phases():
            optimisers[phase.name].zero_grad()
            with learning_only(method.networks, phase):
                found = phase.loss(step)
                torch.stack(list(found.values())).sum().backward()
            optimisers[phase.name].step()
            if phase.after is not None:
                with torch.no_grad():
                    phase.after()
            losses |= {key: loss.item() for key, loss in found.items()}
        assert losses == pytest.approx(golden.losses(index), rel=tolerance, abs=tolerance)


def test_the_authors_settings() -> None:
    """Their train.py; 256 of 286 pixels."""
    config = Photo2CartoonConfig()
    weights = (config.lambda_gan, config.lambda_cycle, config.lambda_identity, config.lambda_cam, config.lambda_faceid)
    assert weights == (1, 50, 10, 1000, 1)
    assert (config.generator.ngf, config.generator.light, config.discriminator.ndf) == (32, True, 32)
    for phase in Photo2Cartoon(Photo2CartoonConfig(**SMALL)).phases():
        adam = phase.optimiser
        assert (adam.lr, adam.beta1, adam.beta2, adam.weight_decay) == (1e-4, 0.5, 0.999, 1e-4)
    assert (Photo2Cartoon.augmentation.load_size, Photo2Cartoon.augmentation.crop_size) == (286, 256)


# --- the parts ------------------------------------------------------------------------------------------------------


def batch(side: int = 32) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(5)
    return {name: torch.rand(2, 3, side, side, generator=random) * 2 - 1 for name in "AB"}


def test_shares_come_back_into_their_bounds() -> None:
    method = Photo2Cartoon(Photo2CartoonConfig(**SMALL))
    with torch.no_grad():
        for layer in method.generator_ba.modules():
            if isinstance(layer, SoftAdaLIN):
                layer.w_gamma.fill_(-0.5)
                layer.w_beta.fill_(1.5)
                layer.norm.rho.fill_(2.0)
        method.phases()[1].after()  # type: ignore[misc]  # it is there
    ends = {
        (key.rpartition(".")[2], value.unique().item())
        for key, value in method.generator_ba.state_dict().items()
        if key.startswith("Decode") and key.endswith(("rho", "w_gamma", "w_beta"))
    }
    assert ends == {("rho", 1.0), ("w_gamma", 0.0), ("w_beta", 1.0)}


def test_without_an_embedding_the_identity_loss_is_off_and_said_to_be() -> None:
    method = Photo2Cartoon(Photo2CartoonConfig(**SMALL))
    assert not any(name.startswith("faceid") for name in method.generator_loss(Step(batch(), 0, {})))
    (note,) = method.notes()
    assert "face-identity loss is off" in note
    assert "face_identity.embedding" in note


def test_the_embedding_is_the_user_s_own_and_stays_out_of_checkpoints(tmp_path: Path) -> None:
    from golden.photo2cartoon_parts import Embedding

    other = {"weight": torch.full_like(Embedding().weight.detach(), 0.5)}
    torch.save(other, tmp_path / "faces.pth")
    faces = FaceIdentityConfig("golden.photo2cartoon_parts:Embedding", tmp_path / "faces.pth")
    method = Photo2Cartoon(Photo2CartoonConfig(**SMALL, face_identity=faces))
    assert method.face_identity is not None
    assert method.face_identity.embedding.weight.unique().tolist() == [0.5]
    assert method.notes() == ()
    assert not any(key.startswith("face") for key in method.networks.state_dict())
    learnt = {id(each) for phase in method.phases() for module in phase.learns for each in module.parameters()}
    assert id(method.face_identity.embedding.weight) not in learnt


def test_an_embedding_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match="there is no face embedding 'nowhere:net'"):
        Photo2Cartoon(Photo2CartoonConfig(**SMALL, face_identity=FaceIdentityConfig("nowhere:net")))
    with pytest.raises(ValueError, match="weights without embedding"):
        FaceIdentityConfig(weights=Path("faces.pth"))


@pytest.mark.parametrize("name", ["lambda_gan", "lambda_cycle", "lambda_identity", "lambda_cam", "lambda_faceid"])
def test_negative_weights_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must not be negative"):
        Photo2CartoonConfig(**{name: -1.0})


def test_a_discriminator_that_is_too_shallow_is_refused() -> None:
    with pytest.raises(ValueError, match="global_layers must be at least 3"):
        DiscriminatorConfig(global_layers=2)
