"""The adaptive instance norm: from a style's statistics and with given scale and shift."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional

from imtrans.errors import UsageError
from imtrans.ops import adain, adain_affine, use_backend
from tests.ops.paddings import channels_last, contiguous

FORMATS = [contiguous, channels_last]


def of_the_authors(content: Tensor, style: Tensor, eps: float = 1e-5) -> Tensor:
    """Equation 8 with unbiased variances, by torch.var."""

    def moments(x: Tensor) -> tuple[Tensor, Tensor]:
        return x.mean((2, 3), keepdim=True), (x.var((2, 3), keepdim=True) + eps).sqrt()

    (mean_c, std_c), (mean_s, std_s) = moments(content), moments(style)
    return (content - mean_c) / std_c * std_s + mean_s


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("layout", FORMATS)
@pytest.mark.parametrize("images", [1, 2])
def test_equals_the_authors_arithmetic(backend: str, layout: Callable[[Tensor], Tensor], images: int) -> None:
    content, residual = (layout(torch.randn(2, 5, 6, 7).double()) for _ in range(2))
    style = layout(3 + 2 * torch.randn(images, 5, 3, 9).double())
    with use_backend(backend):
        torch.testing.assert_close(adain(content, style, eps=1e-2), of_the_authors(content, style, 1e-2))
        full = adain(content, style, residual, activation="relu", pad=1)
    want = of_the_authors(content, style).relu() + residual
    torch.testing.assert_close(full, functional.pad(want, (1, 1, 1, 1), mode="reflect"))


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gives_the_statistics_of_the_style(backend: str, dtype: torch.dtype) -> None:
    content, style = torch.randn(2, 5, 32, 32).to(dtype), (1 + 3 * torch.randn(2, 5, 16, 16)).to(dtype)
    with use_backend(backend):
        y = adain(content, style)
    assert y.dtype == dtype
    torch.testing.assert_close(y.mean((2, 3)), style.mean((2, 3)), atol=2e-2, rtol=2e-2)
    torch.testing.assert_close(y.float().std((2, 3)), style.float().std((2, 3)), atol=2e-2, rtol=2e-2)


def test_types_of_content_and_style_may_differ() -> None:
    content, style = torch.randn(1, 3, 6, 6).double(), torch.randn(1, 3, 6, 6)
    torch.testing.assert_close(adain(content, style), of_the_authors(content, style.double()), atol=1e-5, rtol=1e-5)
    assert adain(content.bfloat16(), style.double()).dtype == torch.bfloat16


@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_one_pixel_becomes_the_mean_of_the_style(backend: str) -> None:
    style = torch.randn(2, 3, 4, 4)
    with use_backend(backend):
        y = adain(torch.randn(2, 3, 1, 1), style)
    torch.testing.assert_close(y, style.mean((2, 3), keepdim=True))


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("layout", FORMATS)
@pytest.mark.parametrize("images", [1, 2])
def test_first_and_second_gradient(layout: Callable[[Tensor], Tensor], images: int) -> None:
    content = layout(torch.randn(2, 3, 3, 4).double()).requires_grad_()
    style = layout(torch.randn(images, 3, 2, 3).double()).requires_grad_()

    def function(*inputs: Tensor) -> Tensor:
        return adain(*inputs, activation="leaky_relu", pad=1)

    assert gradcheck(function, (content, style))
    assert gradgradcheck(function, (content, style))


@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_affine(backend: str) -> None:
    x, scale, shift = torch.randn(2, 5, 6, 7), torch.randn(2, 5), torch.randn(2, 5)
    with use_backend(backend):
        y = adain_affine(x, scale, shift, x, activation="relu", pad=2)
    want = functional.instance_norm(x) * scale[..., None, None] + shift[..., None, None]
    want = functional.pad(want.relu() + x, (2, 2, 2, 2), mode="reflect")
    torch.testing.assert_close(y, want, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("shape", [(2, 4, 3, 3), (3, 3, 3, 3), (2, 3, 3)])
def test_refuses_styles_that_do_not_fit(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="the style of adain has shape"):
        adain(torch.zeros(2, 3, 4, 4), torch.zeros(shape))


def test_refuses_a_style_elsewhere() -> None:
    with pytest.raises(UsageError, match="the style of adain is on meta"):
        adain(torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4, device="meta"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"scale": torch.ones(3)}, r"the scale of adain_affine has shape \(3,\)"),
        ({"shift": torch.ones(1, 3)}, r"the shift of adain_affine has shape \(1, 3\)"),
        ({"x": torch.ones(0, 3, 4, 4)}, "adain_affine has nothing to take statistics from"),
        ({"pad": 7}, "adain_affine cannot reflect 7 pixels"),
    ],
)
def test_affine_refuses(arguments: dict[str, object], words: str) -> None:
    valid = {"x": torch.ones(2, 3, 4, 4), "scale": torch.ones(2, 3), "shift": torch.ones(2, 3)}
    with pytest.raises(UsageError, match=words):
        adain_affine(**valid | arguments)
