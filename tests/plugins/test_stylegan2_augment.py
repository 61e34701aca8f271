"""StyleGAN2's augmentations are NVIDIA's, and differentiable twice."""

from __future__ import annotations

import pytest
import torch
from golden.stylegan2_values import faces
from stylegan2_golden import golden
from torch import Tensor
from torch.nn import functional

from imtrans_stylegan2.ada import augment
from imtrans_stylegan2.draws import Draws
from imtrans_stylegan2.grid_sample import grid_sample

SECOND_TURN = {"b": 0, "g": 4, "c": 0, "bgc": 7}
"""Which of the events that happen or not is the second free turn, which NVIDIA leaves out where it fixes all others."""


class At(Draws):
    """Every number at one place of its distribution, and every event happens but one; NVIDIA's ``debug_percentile``."""

    def __init__(self, percentile: float, never: int) -> None:
        super().__init__(1)
        self.percentile, self.never, self.events = torch.tensor([percentile]), never, 0

    def uniform(self) -> Tensor:
        return self.percentile

    def normal(self) -> Tensor:
        return torch.erfinv(self.percentile * 2 - 1)

    def happens(self, probability: Tensor | float) -> Tensor:
        self.events += 1
        return torch.tensor([self.events != self.never])


@pytest.mark.parametrize("percentile", [0.3, 0.7])
@pytest.mark.parametrize("pipe", SECOND_TURN)
def test_transformations_equal_nvidias(pipe: str, percentile: float) -> None:
    """Group by group, and all of them one after another."""
    found = augment(faces(1, 32), 1.0, pipe, At(percentile, SECOND_TURN[pipe]))[..., ::2, ::2]
    wanted = golden("nvidia")[0][f"augment.{pipe}.{percentile}"]
    torch.testing.assert_close(found, wanted, atol=5e-5, rtol=1e-4)


def test_probability_zero_changes_nothing() -> None:
    """Up to the filters of the resampling, which keep what they can."""
    x = functional.interpolate(faces(2, 8), 32, mode="bicubic")
    torch.testing.assert_close(augment(x, 0.0), x, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(augment(x, 0.0, "c"), x, atol=1e-6, rtol=1e-6)
    assert torch.equal(augment(x, 1.0, ""), x)


@pytest.mark.parametrize("pipe", SECOND_TURN)
def test_autocast_changes_nothing(pipe: str) -> None:
    """Transformations and their gradients are those of float32, in which half a pixel is still half a pixel."""
    found = []
    for enabled in (False, True):
        x = faces(2, 16).requires_grad_()
        torch.manual_seed(0)
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            y = augment(x, 0.8, pipe)
        y.square().sum().backward()
        found.append((y.detach(), x.grad))
    (plain, gradient), (cast, other) = found
    assert torch.equal(plain, cast)
    torch.testing.assert_close(gradient, other)


def test_each_picture_has_its_own_transformation() -> None:
    """And the same seed gives the same ones."""
    x = faces(1, 16).repeat(2, 1, 1, 1)
    torch.manual_seed(0)
    one = augment(x, 1.0)
    torch.manual_seed(0)
    assert torch.equal(augment(x, 1.0), one)
    assert not torch.allclose(one[0], one[1], atol=0.1)


def test_gradients_of_second_order() -> None:
    """R1 differentiates the discriminator's gradient through the augmentation."""

    def transformed(x: Tensor) -> Tensor:
        torch.manual_seed(3)
        return augment(x, 1.0)[:, :, 2:5, 2:5].square()

    x = faces(1, 6).double().requires_grad_()
    torch.autograd.gradcheck(transformed, (x,), fast_mode=True)
    torch.autograd.gradgradcheck(transformed, (x,), fast_mode=True)


def test_grid_sample_is_torchs() -> None:
    """Forward and first gradient."""
    grid = torch.rand(2, 5, 4, 2) * 2.4 - 1.2
    one, other = (faces(2, 8).requires_grad_() for _ in range(2))
    ours, torchs = grid_sample(one, grid), functional.grid_sample(other, grid, align_corners=False)
    torch.testing.assert_close(ours, torchs)
    ours.square().sum().backward()
    torchs.square().sum().backward()
    torch.testing.assert_close(one.grad, other.grad)
