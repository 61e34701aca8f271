"""Classifiers that judge translations."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from imtrans.data.pixels import luma
from imtrans.metrics.domain import (
    ClassifierConfig,
    DomainClassifier,
    augment,
    prepare,
    share_taken_for,
    train_classifier,
    verdicts,
)

QUICK = ClassifierConfig("colour", width=4, steps=100, batch_size=16)


def discs(count: int, *, red: bool, large: bool, seed: int) -> Tensor:
    """Discs at random places, red or grey, large or small: (count, 3, 80, 80)."""
    random = torch.Generator().manual_seed(seed)
    place = torch.rand(count, 2, 1, 1, generator=random) * 30 + 25
    row, column = torch.meshgrid(torch.arange(80), torch.arange(80), indexing="ij")
    inside = (row - place[:, 0]).square() + (column - place[:, 1]).square() < (22 if large else 7) ** 2
    colour = torch.tensor([1.0, 0.2, 0.2] if red else [0.44, 0.44, 0.44]).view(1, 3, 1, 1)
    return 0.2 + 0.7 * inside.float()[:, None] * colour


@pytest.fixture(scope="module")
def judges() -> dict[str, DomainClassifier]:
    """A has large red discs, B small grey ones."""
    a, b = discs(60, red=True, large=True, seed=0), discs(60, red=False, large=False, seed=1)
    return {sees: train_classifier(a, b, replace(QUICK, sees=sees)) for sees in ("colour", "luminance")}


@pytest.mark.parametrize("sees", ["colour", "luminance"])
def test_domains_are_told_apart_on_pictures_never_seen(judges: dict[str, DomainClassifier], sees: str) -> None:
    assert share_taken_for(judges[sees], discs(20, red=True, large=True, seed=2), "A") > 0.9
    assert share_taken_for(judges[sees], discs(20, red=False, large=False, seed=3), "B") > 0.9


def test_a_grey_filter_does_not_fool_luminance(judges: dict[str, DomainClassifier]) -> None:
    a = discs(20, red=True, large=True, seed=2)
    grey = luma(a).expand(-1, 3, -1, -1)
    torch.testing.assert_close(verdicts(judges["luminance"], grey), verdicts(judges["luminance"], a))
    assert verdicts(judges["colour"], grey).mean() > verdicts(judges["colour"], a).mean() + 0.1


def test_shares_of_both_domains_are_one(judges: dict[str, DomainClassifier]) -> None:
    mixed = torch.cat([discs(7, red=True, large=True, seed=4), discs(3, red=False, large=False, seed=5)])
    shares = [share_taken_for(judges["colour"], mixed, domain) for domain in ("A", "B")]  # type: ignore[arg-type]
    assert sum(shares) == pytest.approx(1)
    assert shares[0] == pytest.approx(0.7)


def test_pictures_of_any_size_are_judged(judges: dict[str, DomainClassifier]) -> None:
    for size in ((160, 160), (33, 210)):
        given = verdicts(judges["colour"], torch.rand(40, 3, *size))
        assert given.shape == (40,)
        assert ((given >= 0) & (given <= 1)).all()


def test_training_is_reproducible_and_leaves_random_numbers_alone() -> None:
    a, b = discs(8, red=True, large=True, seed=0), discs(8, red=False, large=False, seed=1)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first = train_classifier(a, b, replace(QUICK, steps=3))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(4)
    second = train_classifier(a, b, replace(QUICK, steps=3))
    other = train_classifier(a, b, replace(QUICK, steps=3, seed=1))
    for key, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[key])
    assert any(not torch.equal(x, y) for x, y in zip(first.parameters(), other.parameters(), strict=True))


def test_progress_is_reported() -> None:
    a = discs(4, red=True, large=True, seed=0)
    seen: list[tuple[int, float]] = []
    train_classifier(a, a, replace(QUICK, width=1, batch_size=2), report=lambda *line: seen.append(line))
    assert [step for step, _ in seen] == [100]


def test_augmentation_keeps_range_and_varies() -> None:
    random = torch.Generator().manual_seed(0)
    picture = discs(1, red=True, large=True, seed=0).expand(16, -1, -1, -1)
    crops = augment(picture, random)
    assert crops.shape == (16, 3, 64, 64)
    assert crops.min() >= 0
    assert crops.max() <= 1
    assert (crops[0] - crops[1]).abs().mean() > 0.01
    torch.testing.assert_close(crops.mean(), picture.mean(), rtol=0, atol=0.1)


def test_preparation_does_not_alias() -> None:
    """A grid of single pixels becomes an even grey, where taking every n-th pixel would make it black or white."""
    picture = torch.zeros(1, 3, 160, 160)
    picture[..., ::2, ::2] = 1
    torch.testing.assert_close(prepare(picture)[..., 5:-5, 5:-5], torch.full((1, 3, 70, 70), 0.25), rtol=0, atol=0.15)
