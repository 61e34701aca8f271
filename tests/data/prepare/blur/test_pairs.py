"""Pairs of a blurred and a sharp picture from one picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from imtrans.data.prepare.blur.convolution import blur
from imtrans.data.prepare.blur.pairs import BlurSettings, Pair, draw_kernel, make_pairs, randomness
from imtrans.errors import ConfigError, InputError

SMALL: dict[str, Any] = {"length": 8.0, "exposures": (1.0,)}


def picture(width: int = 40, height: int = 30) -> Image.Image:
    return Image.fromarray(np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8))


def pixels(pair: Pair | None) -> tuple[bytes, bytes]:
    assert pair is not None
    return pair.blurred.tobytes(), pair.sharp.tobytes()


def test_the_whole_picture_blurred_once() -> None:
    settings = BlurSettings(**SMALL)
    (pair,) = make_pairs(picture(), "a.png", settings)
    assert pair is not None
    kernel = draw_kernel(settings, randomness(0, "a.png", 0, 0))
    assert pair.sharp.tobytes() == picture().tobytes()
    assert np.array_equal(np.asarray(pair.blurred), blur(np.asarray(picture()), kernel))


def test_parts_are_blurred_with_what_surrounds_them() -> None:
    """Far from the picture's border a part is what it is in the whole."""
    settings = BlurSettings(**SMALL, crop=16, crops=4)
    whole = np.asarray(picture())
    for place, pair in enumerate(make_pairs(picture(), "a", settings)):
        assert pair is not None
        left, top = (int(x) for x in randomness(0, "a", place).integers([40 - 16 + 1, 30 - 16 + 1]))
        assert np.array_equal(np.asarray(pair.sharp), whole[top : top + 16, left : left + 16])
        blurred = blur(whole, draw_kernel(settings, randomness(0, "a", place, 0)))
        difference = np.abs(np.asarray(pair.blurred).astype(int) - blurred[top : top + 16, left : left + 16])
        assert difference.max() <= 1


def test_several_kernels_for_each_of_several_parts() -> None:
    settings = BlurSettings(**SMALL, crop=20, crops=2, kernels=3)
    made = [pixels(pair) for pair in make_pairs(picture(), "a", settings)]
    assert len(made) == settings.pairs == 6
    assert len({blurred for blurred, _ in made}) == 6
    assert [len({sharp for _, sharp in made[at : at + 3]}) for at in (0, 3)] == [1, 1]
    assert made[0][1] != made[3][1]


def test_seed_and_name_settle_everything() -> None:
    def made(name: str, seed: int) -> list[tuple[bytes, bytes]]:
        return [
            pixels(pair) for pair in make_pairs(picture(), name, BlurSettings(**SMALL, seed=seed, crop=20, crops=2))
        ]

    assert made("a", 1) == made("a", 1)
    assert made("a", 1) != made("b", 1)
    assert made("a", 1) != made("a", 2)
    more = BlurSettings(**SMALL, seed=1, crop=20, crops=5)
    assert [pixels(pair) for pair in make_pairs(picture(), "a", more)][:2] == made("a", 1)


def test_large_pictures_are_shrunk_first() -> None:
    (pair,) = make_pairs(picture(80, 40), "a", BlurSettings(**SMALL, max_size=20))
    assert pair is not None
    assert pair.sharp.size == pair.blurred.size == (20, 10)


def mostly_dark(side: int = 64, bright: int = 24) -> Image.Image:
    """Black with a level or two of noise, but for a corner."""
    random = np.random.default_rng(0)
    values = random.integers(0, 2, (side, side, 3), dtype=np.uint8)
    values[-bright:, -bright:] = random.integers(0, 256, (bright, bright, 3))
    return Image.fromarray(values)


def test_parts_without_anything_in_them_are_looked_for_elsewhere() -> None:
    settings = BlurSettings(**SMALL, crop=16, crops=12, kernels=2)
    made = list(make_pairs(mostly_dark(), "a", settings))
    assert len(made) == settings.pairs
    shown = [pair for pair in made if pair is not None]
    assert len(shown) >= 20  # a place at random has something in it half of the time
    assert all(pair.shows_blur for pair in shown)


def test_a_first_place_with_something_in_it_is_kept() -> None:
    """So a seed gives the parts that it always gave."""
    settings = BlurSettings(**SMALL, crop=16, crops=12)
    dark = np.asarray(mostly_dark())
    kept = 0
    for place, pair in enumerate(make_pairs(mostly_dark(), "a", settings)):
        left, top = (int(x) for x in randomness(0, "a", place).integers([49, 49]))
        first = dark[top : top + 16, left : left + 16]
        if np.ptp(first) > 100:
            kept += 1
            assert pair is not None
            assert np.array_equal(np.asarray(pair.sharp), first)
    assert 2 <= kept <= 10


@pytest.mark.parametrize("crop", [None, 16])
def test_an_even_picture_gives_no_pairs(crop: int | None) -> None:
    even = Image.new("RGB", (40, 30), (90, 120, 200))
    assert list(make_pairs(even, "a", BlurSettings(**SMALL, crop=crop, kernels=2))) == [None, None]


def test_a_picture_that_is_too_small_for_its_parts() -> None:
    with pytest.raises(InputError, match="it has 40 x 30 pixels, too few for parts of 64 x 64"):
        list(make_pairs(picture(), "a", BlurSettings(crop=64)))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"seed": -1}, "seed must not be negative"),
        ({"length": -1.0}, "length must not be negative"),
        ({"length": float("nan")}, "length must not be negative"),
        ({"kernels": 0}, "kernels must be at least 1"),
        ({"crop": 0}, "crop must be at least 1"),
        ({"crops": 2}, "several crops need a size"),
        ({"anxieties": ()}, "an anxiety lies in 0..1"),
        ({"anxieties": (2.0,)}, "an anxiety lies in 0..1"),
        ({"exposures": (0.5, 0.0)}, "an exposure lies above 0"),
        ({"gamma": 0.0}, "gamma lies above 0"),
    ],
)
def test_settings_that_cannot_be_meant(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        BlurSettings(**wrong)
