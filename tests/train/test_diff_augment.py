"""Differentiable augmentation."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from imtrans.errors import UsageError
from imtrans.train.diff_augment import POLICY, check_policy, diff_augment
from imtrans.train.losses import r1_penalty

sides = st.integers(1, 19)


def pictures(count: int = 64, height: int = 16, width: int = 12) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(0)) * 2 - 1


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 3), sides, sides, st.sampled_from(["color", "translation", "cutout", POLICY, ""]))
def test_any_size_keeps_its_shape(count: int, height: int, width: int, policy: str) -> None:
    x = torch.rand(count, 3, height, width)
    assert diff_augment(x, policy).shape == x.shape


def test_no_policy_changes_nothing() -> None:
    x = pictures()
    assert torch.equal(diff_augment(x, ""), x)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), sides, sides)
def test_translation_moves_each_picture_by_an_eighth_at_most(seed: int, height: int, width: int) -> None:
    x = torch.arange(1.0, 1 + height * width).view(1, 1, height, width)
    moved = diff_augment(x, "translation", seeded(seed))
    room = int(height / 8 + 0.5), int(width / 8 + 0.5)
    candidates = [
        torch.nn.functional.pad(x, (dx, -dx, dy, -dy))
        for dy in range(-room[0], room[0] + 1)
        for dx in range(-room[1], room[1] + 1)
    ]
    assert any(torch.equal(moved, candidate) for candidate in candidates)


def test_every_shift_occurs() -> None:
    x = torch.zeros(2000, 1, 16, 16)
    x[:, :, 8, 8] = 1
    moved = diff_augment(x, "translation", seeded(0)).flatten(1).argmax(1)
    places = {(int(place) // 16 - 8, int(place) % 16 - 8) for place in moved}
    assert places == {(dy, dx) for dy in range(-2, 3) for dx in range(-2, 3)}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), sides, sides)
def test_cutout_is_one_rectangle_of_half_the_sides(seed: int, height: int, width: int) -> None:
    hole = diff_augment(torch.ones(1, 2, height, width), "cutout", seeded(seed)) == 0
    assert torch.equal(hole[0, 0], hole[0, 1])
    rows, columns = hole[0, 0].any(1), hole[0, 0].any(0)
    assert torch.equal(hole[0, 0], rows.unsqueeze(1) & columns)
    for line, side in ((rows, height), (columns, width)):
        size, places = int(side / 2 + 0.5), line.nonzero().flatten().tolist()
        assert places == list(range(places[0], places[0] + len(places)))
        # Its centre lies within, so at least about half of it does, and less only at the border.
        assert size // 2 <= len(places) <= size
        assert len(places) == size or places[0] == 0 or places[-1] == side - 1


def test_colours_have_the_authors_ranges() -> None:
    """Of a grey picture, saturation leaves everything, contrast the mean, and brightness adds up to a half."""
    x = torch.zeros(4000, 3, 2, 2)
    added = diff_augment(x, "color", seeded(0))[:, 0, 0, 0]
    assert -0.5 <= added.min() < -0.45
    assert 0.45 < added.max() <= 0.5
    x[:, :, :, 0], x[:, :, :, 1] = 1, -1  # grey, of mean 0 and contrast 2
    seen = diff_augment(x, "color", seeded(0))
    contrast = (seen[..., 0] - seen[..., 1])[:, 0, 0] / 2
    assert 0.5 <= contrast.min() < 0.55
    assert 1.45 < contrast.max() <= 1.5
    colour = torch.zeros(4000, 3, 1, 1)
    colour[:, 0], colour[:, 1] = 1, -1
    seen = diff_augment(colour, "color", seeded(0))
    difference = (seen[:, 0] - seen[:, 1]).flatten() / 2  # saturation times contrast
    assert 0 <= difference.min() < 0.05
    assert 2.5 < difference.max() <= 3


def test_pictures_are_augmented_each_by_itself() -> None:
    x = pictures(1).expand(8, -1, -1, -1)
    augmented = diff_augment(x, "color")
    assert len({tuple(picture.flatten().tolist()) for picture in augmented}) == 8


def test_random_numbers_are_torchs_or_the_given_ones() -> None:
    x = pictures()
    torch.manual_seed(1)
    first = diff_augment(x)
    torch.manual_seed(1)
    assert torch.equal(first, diff_augment(x))
    assert not torch.equal(first, diff_augment(x))
    before = torch.get_rng_state()
    assert torch.equal(diff_augment(x, POLICY, seeded(7)), diff_augment(x, POLICY, seeded(7)))
    assert torch.equal(before, torch.get_rng_state())


def test_first_and_second_gradients() -> None:
    x = torch.randn(2, 3, 5, 4, dtype=torch.float64, requires_grad=True)
    for policy in ("color", "translation", "cutout", POLICY):

        def run(y: Tensor, policy: str = policy) -> Tensor:
            return diff_augment(y, policy, seeded(3)).pow(3)

        assert torch.autograd.gradcheck(run, (x,))
        assert torch.autograd.gradgradcheck(run, (x,))


def test_penalties_go_through() -> None:
    weight = torch.ones((), dtype=torch.float64, requires_grad=True)
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    r1_penalty(lambda y: weight * diff_augment(y).square().sum((1, 2, 3)), x).backward()
    assert weight.grad is not None
    assert weight.grad.isfinite()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_type_and_layout_stay(dtype: torch.dtype) -> None:
    x = pictures().to(dtype).contiguous(memory_format=torch.channels_last)
    augmented = diff_augment(x)
    assert augmented.dtype == dtype
    assert augmented.is_contiguous(memory_format=torch.channels_last)


def test_nan_passes() -> None:
    assert diff_augment(torch.full((1, 3, 8, 8), math.nan), "color").isnan().all()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: diff_augment(pictures(), "colour"), "called 'colour'(.|\n)*Did you mean 'color'"),
        (lambda: diff_augment(pictures(), "color,,cutout"), "called ''"),
        (lambda: check_policy("flip"), "called 'flip'"),
        (lambda: diff_augment(torch.ones(3, 8, 8)), r"not a tensor of shape \(3, 8, 8\)"),
    ],
)
def test_what_cannot_be_meant_is_said_in_words(call: Callable[[], object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        call()


def test_spaces_in_a_policy_do_no_harm() -> None:
    check_policy(" color , cutout ")
