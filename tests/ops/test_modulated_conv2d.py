"""The modulated convolution: against its grouped form, gradients, memory, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from imtrans.errors import UsageError
from imtrans.ops import (
    bias_act,
    conv2d_resample,
    demodulation,
    modulated_conv2d,
    no_weight_gradients,
    setup_filter,
    use_backend,
)
from imtrans.ops.modulated_conv2d import grouped
from tests.ops.paddings import Layout, assert_close, channels_last, contiguous

FILTER = setup_filter([1, 3, 3, 1])
KINDS: dict[str, dict[str, Any]] = {
    "3x3": {"padding": 1},
    "3x3 up": {"padding": 1, "up": 2, "resample_filter": FILTER, "flip_weight": False},
    "3x3 down": {"padding": 1, "down": 2, "resample_filter": FILTER},
    "to RGB": {"demodulate": False},
}


def operands(kind: str, dtype: torch.dtype = torch.float64, layout: Layout = contiguous) -> tuple[Tensor, ...]:
    """Map, weight and styles, with gradients."""
    torch.manual_seed(0)
    side = 1 if kind == "to RGB" else 3
    x, weight, styles = torch.randn(2, 3, 5, 4), torch.randn(4, 3, side, side), 1 + torch.randn(2, 3)
    return tuple(each.to(dtype).requires_grad_() for each in (layout(x), weight, styles))


# --- values ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", [contiguous, channels_last])
@pytest.mark.parametrize("kind", KINDS)
def test_equals_a_weight_for_each_image(kind: str, layout: Layout) -> None:
    x, weight, styles = operands(kind, layout=layout)
    torch.testing.assert_close(
        modulated_conv2d(x, weight, styles, **KINDS[kind]), grouped(x, weight, styles, **KINDS[kind])
    )


def test_a_whole_layer_equals_its_parts() -> None:
    x, weight, styles = operands("3x3 up", torch.float32)
    bias, noise, next_style = torch.randn(4), torch.randn(10, 8), torch.randn(2, 4)
    got = modulated_conv2d(
        x,
        weight,
        styles,
        bias,
        noise=noise,
        noise_strength=0.3,
        next_style=next_style,
        activation="lrelu",
        clamp=1.0,
        **KINDS["3x3 up"],
    )
    y = grouped(x, weight, styles, **KINDS["3x3 up"]) + 0.3 * noise + bias[:, None, None]
    want = (functional.leaky_relu(y, 0.2) * 2**0.5).clamp(-1, 1) * next_style[:, :, None, None]
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)


def test_two_layers_may_share_the_pass_between_them() -> None:
    x, weight, styles = operands("3x3")
    second, next_style = torch.randn(5, 4, 3, 3, dtype=torch.float64), torch.randn(2, 4, dtype=torch.float64)
    apart = modulated_conv2d(modulated_conv2d(x, weight, styles, padding=1), second, next_style, padding=1)
    first = modulated_conv2d(x, weight, styles, next_style=next_style, padding=1)
    torch.testing.assert_close(modulated_conv2d(first, second, next_style, modulated=True, padding=1), apart)


def test_each_image_gets_what_it_gets_alone() -> None:
    x, weight, styles = operands("3x3 up", torch.float32)
    together = modulated_conv2d(x, weight, styles, **KINDS["3x3 up"])
    for n in range(2):
        alone = modulated_conv2d(x[n : n + 1], weight, styles[n : n + 1], **KINDS["3x3 up"])
        torch.testing.assert_close(together[n : n + 1], alone)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_stays_near(kind: str, dtype: torch.dtype) -> None:
    x, weight, styles = operands(kind)
    y = modulated_conv2d(channels_last(x.to(dtype)), weight.float(), styles.float(), **KINDS[kind])
    assert y.dtype == dtype
    assert_close(y, modulated_conv2d(x, weight, styles, **KINDS[kind]), 3e-2 if dtype == torch.bfloat16 else 5e-3)


def test_large_styles_do_not_overflow_float16() -> None:
    x, weight, styles = operands("3x3")
    y = modulated_conv2d(x.half(), 1e3 * weight.float(), 1e4 * styles.float(), padding=1)
    assert_close(y, modulated_conv2d(x, weight, styles, padding=1), 5e-3)


def test_autocast_narrows_the_convolution_and_nothing_else() -> None:
    x, weight, styles = operands("3x3 up", torch.float32)
    want = modulated_conv2d(x, weight, styles, **KINDS["3x3 up"])
    with torch.autocast("cpu", torch.bfloat16):
        got = modulated_conv2d(x, weight, styles, **KINDS["3x3 up"])
        assert torch.equal(demodulation(weight, styles), demodulation(weight.detach(), styles.detach()))
    assert got.dtype == torch.bfloat16
    assert_close(got, want, 3e-2)
    assert_close(demodulation(weight, styles), demodulation(weight.double(), styles.double()), 1e-6)


# --- gradients ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", [contiguous, channels_last])
@pytest.mark.parametrize("kind", KINDS)
def test_first_and_second_gradient(kind: str, layout: Layout) -> None:
    x, weight, styles = operands(kind, layout=layout)
    bias = torch.randn(4, dtype=torch.float64, requires_grad=True)

    def layer(x: Tensor, weight: Tensor, styles: Tensor, bias: Tensor) -> Tensor:
        return modulated_conv2d(x, weight, styles, bias, activation="lrelu", **KINDS[kind])

    assert gradcheck(layer, (x, weight, styles, bias), fast_mode=True)
    assert gradgradcheck(layer, (x, weight, styles, bias), fast_mode=True)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("numbers", [{"up": 2}, {"down": 2}, {}], ids=str)
def test_convolutions_have_every_gradient(numbers: dict[str, int], groups: int) -> None:
    x, weight = torch.randn(1, 4, 6, 5).double(), torch.randn(2, 4 // groups, 3, 3).double()
    x, weight = x.requires_grad_(), weight.requires_grad_()

    def convolved(x: Tensor, weight: Tensor) -> Tensor:
        return conv2d_resample(x, weight, FILTER, padding=1, groups=groups, **numbers).pow(2)

    def first(x: Tensor, weight: Tensor) -> tuple[Tensor, ...]:
        return torch.autograd.grad(convolved(x, weight).sum(), (x, weight), create_graph=True)

    assert gradcheck(convolved, (x, weight), fast_mode=True)
    assert gradgradcheck(convolved, (x, weight), fast_mode=True)
    assert gradgradcheck(first, (x, weight), fast_mode=True)  # up to the third order


def test_path_length_equals_that_of_the_grouped_form() -> None:
    x, weight, styles = operands("3x3 up")

    def penalty(layer: Any) -> tuple[Tensor, ...]:
        y = layer(x, weight, styles, **KINDS["3x3 up"])
        noise = torch.randn(y.shape, generator=torch.Generator().manual_seed(1), dtype=y.dtype)
        (gradient,) = torch.autograd.grad((y * noise).sum(), styles, create_graph=True)
        lengths = gradient.square().sum(1).sqrt()
        return lengths, *torch.autograd.grad((lengths - 1).square().mean(), (x, weight, styles))

    for got, want in zip(penalty(modulated_conv2d), penalty(grouped), strict=True):
        torch.testing.assert_close(got, want)


def test_no_weight_gradients_leaves_out_that_gradient_and_no_other() -> None:
    x, weight, styles = operands("3x3")
    y = modulated_conv2d(x, weight, styles, padding=1, demodulate=False)
    whole = torch.autograd.grad(y.sum(), (x, weight, styles), retain_graph=True)
    with no_weight_gradients():
        part = torch.autograd.grad(y.sum(), (x, weight, styles), retain_graph=True, allow_unused=True)
    assert part[1] is None
    assert torch.equal(part[0], whole[0])
    assert torch.equal(part[2], whole[2])
    with no_weight_gradients(False):
        assert torch.equal(torch.autograd.grad(y.sum(), weight)[0], whole[1])


def test_a_penalty_computed_without_them_still_teaches_the_weights() -> None:
    x, weight, _ = operands("3x3")

    def penalised(disable: bool) -> Tensor:
        y = bias_act(conv2d_resample(x, weight, padding=1), activation="lrelu")
        with no_weight_gradients(disable):
            (gradient,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
        return torch.autograd.grad(gradient.square().sum(), weight)[0]

    assert torch.equal(penalised(True), penalised(False))
    assert penalised(True).abs().max() > 0


# --- memory ---------------------------------------------------------------------------------------------------------


def test_a_layer_makes_no_weight_for_each_image() -> None:
    x, weight, styles = torch.randn(8, 64, 4, 4), torch.randn(64, 64, 3, 3), torch.randn(8, 64)
    sizes = []

    class Sizes(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = func(*args, **(kwargs or {}))
            made = [each for each in torch.utils._pytree.tree_leaves(result) if isinstance(each, Tensor)]
            sizes.extend(each.untyped_storage().nbytes() // each.element_size() for each in made)
            return result

    with Sizes():
        modulated_conv2d(x, weight, styles, padding=1)
    assert max(sizes) <= weight.numel()


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"x": torch.zeros(2, 4, 5, 5)}, "modulated_conv2d takes"),
        ({"x": torch.zeros(3, 5, 5)}, "modulated_conv2d takes"),
        ({"weight": torch.zeros(4, 3)}, "modulated_conv2d takes"),
        ({"styles": torch.zeros(3)}, "the styles of modulated_conv2d has shape"),
        ({"weight": torch.zeros(4, 3, 3, 3, dtype=torch.int64)}, "floating type"),
        ({"up": 2, "down": 2}, "enlarges or shrinks"),
        ({"up": 0}, "up is a whole number"),
        ({"bias": torch.zeros(3)}, "the bias of bias_act has shape"),
        ({"noise": torch.zeros(3, 3)}, "the noise of bias_act has shape"),
    ],
)
def test_refuses(changed: dict[str, Any], words: str) -> None:
    given = {"x": torch.zeros(2, 3, 5, 5), "weight": torch.zeros(4, 3, 3, 3), "styles": torch.zeros(2, 3), "padding": 1}
    with pytest.raises(UsageError, match=words):
        modulated_conv2d(**{**given, **changed})


@pytest.mark.parametrize(
    ("weight", "numbers", "words"),
    [
        (torch.zeros(4, 2, 3, 3), {}, "and x has 3 channels"),
        (torch.zeros(4, 3, 3, 3), {"groups": 0}, "and x has 3 channels"),
        (torch.zeros(4, 3, 3, 3).double(), {}, "is torch.float64"),
        (torch.zeros(4, 3, 3), {}, "conv2d_resample takes"),
    ],
)
def test_convolutions_refuse(weight: Tensor, numbers: dict[str, int], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        conv2d_resample(torch.zeros(1, 3, 5, 5), weight, **numbers)


def test_the_reference_backend_serves_the_whole_layer() -> None:
    x, weight, styles = operands("3x3 up", torch.float32)
    got = modulated_conv2d(x, weight, styles, activation="lrelu", **KINDS["3x3 up"])
    with use_backend("reference"):
        torch.testing.assert_close(got, modulated_conv2d(x, weight, styles, activation="lrelu", **KINDS["3x3 up"]))
