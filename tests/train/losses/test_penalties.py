"""Gradient penalties: values by hand, second gradients by finite differences, and through the fused norm."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from imtrans.errors import UsageError
from imtrans.nn import InstanceNorm2d
from imtrans.nn.spectral_norm import spectral_norm
from imtrans.ops import use_backend
from imtrans.ops.library import why_no_kernel
from imtrans.train.losses.penalties import clip_weights, drift_penalty, gradient_penalty, input_gradient, r1_penalty


def pictures(count: int = 3, side: int = 4) -> Tensor:
    return torch.randn(count, 2, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(count))


def quadratic(x: Tensor) -> Tensor:
    """D(x) = |x|^2 / 2, whose gradient is x."""
    return x.square().flatten(1).sum(1) / 2


def test_r1_of_a_quadratic_is_the_mean_square_norm() -> None:
    x = pictures()
    norms = [sum(value**2 for value in picture.flatten().tolist()) for picture in x]
    assert r1_penalty(quadratic, x, gamma=10).item() == pytest.approx(5 * sum(norms) / 3, rel=1e-14)
    assert r1_penalty(quadratic, x, gamma=10, every=16).item() == pytest.approx(16 * 5 * sum(norms) / 3, rel=1e-14)


@pytest.mark.parametrize("one_sided", [False, True])
def test_gradient_penalty_of_a_linear_critic(one_sided: bool) -> None:
    """D(x) = <a, x> has the gradient a everywhere, so the mixture does not matter."""
    x = pictures()
    for length in (0.25, 3.0):
        a = torch.zeros(2, 4, 4, dtype=torch.float64)
        a[1, 2, 3] = length
        excess = max(0.0, length - 1) if one_sided else length - 1
        found = gradient_penalty(lambda y, a=a: (y * a).sum((1, 2, 3)), x, -x, weight=7, one_sided=one_sided)
        assert found.item() == pytest.approx(7 * excess**2, rel=1e-14)


def test_the_mixture_lies_between_real_and_fake_at_a_place_of_its_own() -> None:
    real, fake = torch.ones(400, 1, 2, 2), torch.zeros(400, 1, 2, 2)
    seen: list[Tensor] = []

    def judge(y: Tensor) -> Tensor:
        seen.append(y.detach())
        return quadratic(y)

    torch.manual_seed(0)
    gradient_penalty(judge, real, fake)
    shares = seen[0].flatten(1)
    assert (shares == shares[:, :1]).all()  # one share for all pixels of a picture
    assert shares[:, 0].unique().numel() == 400
    assert shares.min() >= 0
    assert shares.max() <= 1
    assert shares[:, 0].mean() == pytest.approx(0.5, abs=5 / math.sqrt(12 * 400))


def test_random_numbers_are_torchs() -> None:
    x = pictures()
    torch.manual_seed(3)
    first = gradient_penalty(quadratic, x, -x)
    torch.manual_seed(3)
    assert torch.equal(first, gradient_penalty(quadratic, x, -x))
    assert not torch.equal(first, gradient_penalty(quadratic, x, -x))


def test_second_gradients_equal_finite_differences() -> None:
    x = pictures()

    def with_weights(penalty: Callable[..., Tensor], *weights: Tensor) -> Tensor:
        first, second = weights
        torch.manual_seed(0)
        return penalty(lambda y: torch.tanh(torch.tanh(y.flatten(1) @ first) @ second))

    weights = [torch.randn(32, 5, dtype=torch.float64) / 6, torch.randn(5, 1, dtype=torch.float64)]
    for weight in weights:
        weight.requires_grad_()
    for penalty in (lambda judge: r1_penalty(judge, x), lambda judge: gradient_penalty(judge, x, x.flip(0))):
        assert torch.autograd.gradcheck(lambda *w, p=penalty: with_weights(p, *w), weights)
        assert torch.autograd.gradgradcheck(lambda *w, p=penalty: with_weights(p, *w), weights)


class Discriminator(nn.Module):
    """A small PatchGAN with the fused norm."""

    def __init__(self, spectral: bool = False) -> None:
        super().__init__()
        convolutions = [nn.Conv2d(3, 8, 4, 2, 1), nn.Conv2d(8, 16, 4, 2, 1), nn.Conv2d(16, 1, 3)]
        a, b, c = (spectral_norm(layer) if spectral else layer for layer in convolutions)
        norms = [InstanceNorm2d(width, affine=True, activation="leaky_relu") for width in (8, 16)]
        self.layers = nn.Sequential(a, norms[0], b, norms[1], c)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def penalty_gradients(discriminator: nn.Module, penalty: Callable[[nn.Module], Tensor], backend: str) -> list[Tensor]:
    torch.manual_seed(1)
    discriminator.zero_grad()
    with use_backend(backend):  # type: ignore[arg-type]
        loss = penalty(discriminator)
        loss.backward()
    # A bias that no second derivative reaches may have no gradient at all in place of zeros.
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in discriminator.parameters()]
    return [loss.detach(), *gradients]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", ["r1", "wgan-gp"])
@pytest.mark.parametrize("spectral", [False, True])
def test_fused_and_reference_norm_agree(spectral: bool, name: str, layout: torch.memory_format) -> None:
    if reason := why_no_kernel("instance_norm", "cpu"):
        pytest.skip(reason)
    torch.manual_seed(0)
    discriminator = Discriminator(spectral).eval()  # eval: the power iteration would go on between the two
    real, fake = (torch.randn(2, 3, 16, 16).contiguous(memory_format=layout) for _ in range(2))
    penalty = {
        "r1": lambda judge: r1_penalty(judge, real),
        "wgan-gp": lambda judge: gradient_penalty(judge, real, fake),
    }[name]
    got = penalty_gradients(discriminator, penalty, "fused")
    want = penalty_gradients(discriminator, penalty, "reference")
    largest = max(float(gradient.abs().max()) for gradient in want[1:])
    assert largest > 0.1
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b, rtol=2e-4, atol=1e-5 * largest)


def test_autocast_does_not_reach_the_discriminator() -> None:
    torch.manual_seed(0)
    discriminator, real = Discriminator(), torch.randn(2, 3, 16, 16)
    exact = r1_penalty(discriminator, real)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(r1_penalty(discriminator, real), exact)
        assert r1_penalty(discriminator, real.bfloat16()).dtype == torch.float32


def test_scales_are_added() -> None:
    x = pictures()
    torch.testing.assert_close(input_gradient(lambda y: [quadratic(y), 2 * quadratic(y)], x), 3 * x)


def test_a_constant_stretch_gives_no_nan() -> None:
    """At a gradient of 0 the norm has a corner; its slope there is taken as 0."""
    weight = torch.zeros(32, 1, dtype=torch.float64, requires_grad=True)
    loss = gradient_penalty(lambda y: y.flatten(1) @ weight, pictures(), -pictures())
    loss.backward()
    assert loss.item() == pytest.approx(10)
    assert weight.grad is not None
    assert weight.grad.isfinite().all()


def test_pictures_get_no_gradient_and_nan_passes() -> None:
    x = pictures().requires_grad_()
    weight = torch.ones((), dtype=torch.float64, requires_grad=True)
    r1_penalty(lambda y: weight * quadratic(y), x).backward()
    assert x.grad is None
    assert weight.grad is not None
    broken = pictures()
    broken[0, 0, 0, 0] = math.nan
    assert r1_penalty(quadratic, broken).isnan()
    assert gradient_penalty(quadratic, broken, pictures()).isnan()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: r1_penalty(lambda y: quadratic(y.detach()), pictures()), "do not depend on the pictures"),
        (lambda: r1_penalty(lambda y: torch.ones(3, requires_grad=True), pictures()), "do not depend on the pictures"),
        (lambda: r1_penalty(lambda y: [], pictures()), "empty list of scores"),
        (lambda: gradient_penalty(quadratic, pictures(3), pictures(2)), r"\(3, 2, 4, 4\) and \(2, 2, 4, 4\)"),
        (lambda: clip_weights(nn.Linear(2, 2), 0), "a limit above 0"),
        (lambda: clip_weights(nn.Linear(2, 2), math.nan), "a limit above 0"),
        (lambda: drift_penalty([]), "empty list of scores"),
    ],
)
def test_what_cannot_be_meant_is_said_in_words(call: Callable[[], object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        call()


def test_drift() -> None:
    assert drift_penalty(torch.tensor([3.0, -1.0])).item() == pytest.approx(1e-3 * 5)
    assert drift_penalty([torch.tensor([3.0]), torch.tensor([1.0])], weight=1).item() == pytest.approx(5)


@given(st.floats(1e-4, 10), st.integers(0, 100))
def test_clipping_bounds_and_keeps_what_is_within(limit: float, seed: int) -> None:
    torch.manual_seed(seed)
    layer = nn.Linear(4, 4)
    before = [parameter.detach().clone() for parameter in layer.parameters()]
    clip_weights(layer, limit)
    for old, new in zip(before, layer.parameters(), strict=True):
        assert new.requires_grad
        bound = torch.tensor(limit)
        assert (new.abs() <= bound).all()
        assert torch.equal(new[old.abs() <= bound], old[old.abs() <= bound])
