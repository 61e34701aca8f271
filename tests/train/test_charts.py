"""Curves and strips of samples."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageColor

from imtrans.errors import TrainingError
from imtrans.train.charts import COLOURS, draw_curves, draw_strip, spread, stack

POINTS = st.lists(st.tuples(st.integers(0, 10**7), st.floats(-1e30, 1e30)), max_size=20)


def colours(picture: Image.Image) -> set[tuple[int, ...]]:
    return {pixel for _, pixel in picture.getcolors(maxcolors=picture.width * picture.height)}


def test_every_run_has_its_colour() -> None:
    line = [(step, float(step % 7)) for step in range(100)]
    picture = draw_curves({"one": {"loss": line}, "two": {"loss": line[::-1], "other": line}})
    assert {ImageColor.getrgb(COLOURS[0]), ImageColor.getrgb(COLOURS[1])} <= colours(picture)
    assert picture.size == (2 * 380, 240 + 30)


def test_a_falling_loss_falls() -> None:
    """The bold line is in the upper half at the left, in the lower half at the right."""
    picture = draw_curves({"run": {"loss": [(step, 100.0 - step) for step in range(101)]}})
    bold = ImageColor.getrgb(COLOURS[0])
    where = [(x, y) for x in range(picture.width) for y in range(picture.height) if picture.getpixel((x, y)) == bold]
    leftmost, rightmost = min(where), max(where)
    assert leftmost[1] < 60
    assert rightmost[1] > 160


@given(st.dictionaries(st.sampled_from("abc"), POINTS, min_size=1, max_size=2))
def test_any_numbers_can_be_drawn(curves: dict[str, list[tuple[int, float]]]) -> None:
    assert draw_curves({"run": curves}).width >= 380


def test_nothing_to_draw() -> None:
    with pytest.raises(TrainingError, match="no losses to draw") as caught:
        draw_curves({"run": {}})
    assert caught.value.hint
    with pytest.raises(TrainingError, match="no samples to show") as caught:
        draw_strip({})
    assert caught.value.hint


def test_a_strip_leaves_out_what_is_broken(tmp_path: Path) -> None:
    Image.new("RGB", (30, 10), "red").save(tmp_path / "1.png")
    Image.new("RGB", (10, 20), "blue").save(tmp_path / "2.png")
    (tmp_path / "3.png").write_bytes(b"half")
    strip = draw_strip({name: tmp_path / f"{name}.png" for name in "123"}, height=40)
    assert strip.size == (120 + 8 + 20 + 8, 40 + 24)
    assert {(255, 0, 0), (0, 0, 255)} <= colours(strip)
    assert stack([strip, strip]).size == (strip.width, 2 * strip.height)


@pytest.mark.parametrize(("most", "expected"), [(20, list(range(10))), (4, [0, 3, 6, 9]), (2, [0, 9]), (1, [9])])
def test_steps_are_spread_from_first_to_last(most: int, expected: list[int]) -> None:
    assert spread(range(10), most) == expected
