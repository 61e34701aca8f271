"""Face identity through small embedding networks."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from imtrans.errors import UnsafeCheckpointError, UsageError, WeightsError
from imtrans.train.losses.face_identity import FaceIdentityLoss, load_embedding, photo2cartoon_face


class Corner(nn.Module):
    """The vector of a picture is its first two pixels."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :2]


class Learnt(nn.Module):
    """With weights and a batch norm, as real embeddings have."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.head = nn.Linear(3 * 4 * 4, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(x).flatten(1))


class Grid(nn.Module):
    """Gives maps, not vectors."""

    def forward(self, x: Tensor) -> Tensor:
        return x


learnt = Learnt()
number = 3


def test_value_is_one_minus_the_cosine() -> None:
    x = torch.tensor([[3.0, 4.0, 7.0, 7.0], [1.0, 0.0, 7.0, 7.0]]).view(2, 1, 2, 2)
    y = torch.tensor([[4.0, 3.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0]]).view(2, 1, 2, 2)
    loss = FaceIdentityLoss(Corner(), side=None)(x, y)
    assert loss.item() == pytest.approx(((1 - 24 / 25) + 1) / 2, abs=1e-6)


def test_gradients_flow_into_the_pictures_alone_and_statistics_stand_still() -> None:
    loss = FaceIdentityLoss(Learnt(), side=4).train()
    before = loss.embedding.norm.running_mean.clone()
    x, y = torch.rand(2, 3, 9, 9, requires_grad=True), torch.rand(2, 3, 9, 9, requires_grad=True)
    loss(x, y).backward()
    assert x.grad is not None
    assert y.grad is not None
    assert not loss.embedding.training
    assert torch.equal(before, loss.embedding.norm.running_mean)
    assert all(parameter.grad is None for parameter in loss.parameters())


def test_gradient_in_float64() -> None:
    loss = FaceIdentityLoss(Learnt().double(), side=4)
    x, y = (torch.rand(1, 3, 5, 5, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(loss, (x, y))


def test_float32_under_autocast() -> None:
    loss, x, y = FaceIdentityLoss(Learnt(), side=4), torch.rand(2, 3, 9, 9), torch.rand(2, 3, 9, 9)
    wanted = loss(x, y)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(loss(x, y), wanted)


def test_nan_passes() -> None:
    assert FaceIdentityLoss(Corner(), side=None)(torch.full((1, 1, 2, 2), math.nan), torch.ones(1, 1, 2, 2)).isnan()


def test_photo2cartoons_square() -> None:
    rows = torch.arange(256.0).view(1, 1, 256, 1).expand(1, 1, 256, 256)
    face = photo2cartoon_face(rows)
    assert face.shape == (1, 1, 162, 162)
    assert face[0, 0, 0, 0] == 57
    assert torch.equal(photo2cartoon_face(rows.mT)[0, 0, 0, :1], torch.tensor([47.0]))
    with pytest.raises(UsageError, match="no room"):
        photo2cartoon_face(torch.zeros(1, 3, 256, 100))


@pytest.mark.parametrize("name", ["Learnt", "learnt"])
def test_a_network_by_name_with_weights_from_a_file(tmp_path: Path, name: str) -> None:
    torch.manual_seed(5)
    state = {f"module.{key}": tensor for key, tensor in Learnt().state_dict().items()}
    save_file(state, tmp_path / "face.safetensors")
    network = load_embedding(f"{__name__}:{name}", tmp_path / "face.safetensors")
    assert torch.equal(network.state_dict()["head.weight"], state["module.head.weight"])


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return (print, ("ran",))


def test_a_file_runs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"head.weight": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(UnsafeCheckpointError):
        load_embedding(f"{__name__}:Learnt", tmp_path / "evil.pth")
    assert "ran" not in capsys.readouterr().out


def test_hostile_inputs(tmp_path: Path) -> None:
    save_file({"other": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="does not fit"):
        load_embedding(f"{__name__}:Learnt", tmp_path / "other.safetensors")
    for reference, words in [
        ("nothing", "written 'package.module:attribute'"),
        ("no_such_module_here:x", "No module named"),
        (f"{__name__}:Missing", "Missing"),
        (f"{__name__}:number", "is a int, not a torch module"),
    ]:
        with pytest.raises(UsageError, match=words):
            load_embedding(reference)
    with pytest.raises(UsageError, match="gave shape"):
        FaceIdentityLoss(Grid(), side=4)(torch.ones(1, 3, 8, 8), torch.ones(1, 3, 8, 8))
    with pytest.raises(UsageError, match="there are 2 and 1"):
        FaceIdentityLoss(Corner())(torch.ones(2, 3, 8, 8), torch.ones(1, 3, 8, 8))
    with pytest.raises(UsageError, match="there are 0 and 0"):
        FaceIdentityLoss(Corner())(torch.ones(0, 3, 8, 8), torch.ones(0, 3, 8, 8))
