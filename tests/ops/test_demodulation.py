"""Demodulation: values of the kernel and of the reference, gradients, and memory."""

from __future__ import annotations

import weakref
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.library import opcheck
from torch.utils._python_dispatch import TorchDispatchMode

from imtrans.ops import demodulation, use_backend
from tests.ops.paddings import Layout, assert_close, channels_last, contiguous, interior

TOLERANCE = {torch.float64: 1e-13, torch.float32: 1e-6, torch.bfloat16: 1e-6, torch.float16: 1e-6}


def expected(weight: Tensor, styles: Tensor, eps: float = 1e-8) -> Tensor:
    """By a weight for each image."""
    kernels = weight[None] * styles[:, None, :, None, None]
    return torch.rsqrt(kernels.square().sum((2, 3, 4)) + eps)


# --- values ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("layout", [contiguous, channels_last, interior])
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", [(5, 3, 3, 3), (1, 1, 1, 1), (20, 70, 3, 3), (4, 33, 1, 5)], ids=str)
def test_equals_that_of_a_weight_for_each_image(shape: tuple[int, ...], dtype: torch.dtype, layout: Layout) -> None:
    weight, styles = layout(torch.randn(shape).to(dtype)), torch.randn(3, shape[1]).to(dtype)
    want = expected(weight.double(), styles.double())
    for backend in ("auto", "reference"):
        with use_backend(backend):
            got = demodulation(weight, styles)
        assert got.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
        assert_close(got, want, TOLERANCE[dtype])


@pytest.mark.usefixtures("fused")
def test_weight_and_styles_may_differ_in_type() -> None:
    weight, styles = torch.randn(6, 5, 3, 3), torch.randn(2, 5)
    for one, other in (
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.bfloat16),
        (torch.float32, torch.float64),
    ):
        narrow, factors = weight.to(one), styles.to(other)
        got = demodulation(narrow, factors)
        assert got.dtype == (torch.float64 if other == torch.float64 else torch.float32)
        assert_close(got, expected(narrow.double(), factors.double()), 1e-6)


@pytest.mark.usefixtures("fused")
def test_no_images_and_no_channels() -> None:
    assert demodulation(torch.ones(4, 3, 1, 1), torch.ones(0, 3)).shape == (0, 4)
    assert demodulation(torch.ones(4, 3, 0, 0), torch.ones(2, 3)).eq(1e4).all()


@pytest.mark.usefixtures("fused")
def test_a_weight_that_changes_in_place_is_measured_anew() -> None:
    weight, styles = torch.ones(2, 3, 1, 1), torch.ones(1, 3)
    before = demodulation(weight, styles)
    weight *= 2
    assert_close(demodulation(weight, styles), before / 2, 1e-6)


# --- gradients ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("layout", [contiguous, channels_last])
def test_first_and_second_gradient(layout: Layout) -> None:
    weight = layout(torch.randn(3, 9, 2, 1, dtype=torch.float64)).requires_grad_()
    styles = torch.randn(2, 9, dtype=torch.float64, requires_grad=True)
    assert gradcheck(demodulation, (weight, styles))
    assert gradgradcheck(demodulation, (weight, styles))


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gradients_equal_those_of_the_reference(dtype: torch.dtype) -> None:
    weight = channels_last(torch.randn(6, 20, 3, 3).to(dtype)).requires_grad_()
    styles = torch.randn(2, 20).to(dtype).requires_grad_()
    wide = [each.detach().double().requires_grad_() for each in (weight, styles)]
    dd = torch.randn(2, 6)
    got = torch.autograd.grad(demodulation(weight, styles), (weight, styles), dd)
    want = torch.autograd.grad(expected(*wide), wide, dd.double())
    for one, other, leaf in zip(got, want, (weight, styles), strict=True):
        assert one.dtype == leaf.dtype
        assert_close(one, other, 1e-2 if dtype == torch.bfloat16 else 1e-5)


@pytest.mark.usefixtures("fused")
def test_opcheck() -> None:
    opcheck(torch.ops.imtrans.squared_lengths.default, (channels_last(torch.randn(4, 6, 3, 3)), torch.rand(2, 6)))


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize(
    ("weight", "squares", "words"),
    [
        (torch.zeros(2, 6, 8, 8)[:, ::2], torch.zeros(1, 3), "dense"),
        (torch.zeros(2, 6, 3, 3), torch.zeros(1, 5), "a factor for each channel"),
        (torch.zeros(2, 6, 3, 3), torch.zeros(1, 6).double(), "squares is float32"),
    ],
)
def test_the_bare_operator_checks(weight: Tensor, squares: Tensor, words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        torch.ops.imtrans.squared_lengths(weight, squares)


# --- memory ---------------------------------------------------------------------------------------------------------


class _Ledger(TorchDispatchMode):
    """The most bytes that tensors made within the block held at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.held = self.most = 0

    def _release(self, size: int) -> None:
        self.held -= size

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        known = {each.untyped_storage().data_ptr() for each in _tensors((args, kwargs))}
        result = func(*args, **(kwargs or {}))
        for made in _tensors(result):
            storage = made.untyped_storage()
            if storage.data_ptr() not in known:
                self.held += storage.nbytes()
                weakref.finalize(storage, self._release, storage.nbytes())
        self.most = max(self.most, self.held)
        return result


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in torch.utils._pytree.tree_leaves(tree) if isinstance(leaf, Tensor)]


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_needs_less_than_a_megabyte_where_weights_for_each_image_need_75(dtype: torch.dtype, backend: str) -> None:
    weight, styles = torch.randn(512, 512, 3, 3).to(dtype), torch.randn(8, 512).to(dtype)
    with use_backend(backend), _Ledger() as ledger:
        d = demodulation(weight, styles)
    assert ledger.most < 1e6
    with _Ledger() as ledger:
        want = expected(weight.float(), styles.float())
    assert ledger.most > 75e6
    torch.testing.assert_close(d, want)
