"""Where portraits are: level, in the middle, with the authors' margins."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imtrans.data.prepare.faces.geometry import Face, Margins, Points, Square, cut, portrait_square
from imtrans.errors import UsageError

coordinates = st.floats(-500, 500, allow_nan=False, width=32)
angles = st.floats(-math.pi, math.pi)
margins = st.builds(Margins, *(st.floats(0, 2) for _ in range(3)))


@st.composite
def faces(draw: st.DrawFn) -> Face:
    """An upright face of any size and place, turned by any angle, whose eyes lie within its outline."""
    width, height = (draw(st.floats(5, 400)) for _ in range(2))
    shares = [(draw(st.floats(0, 1)), draw(st.floats(0, 1))) for _ in range(6)]
    outline = np.array([(0.0, 0.5), (1.0, 0.5), (0.5, 0.0), (0.5, 1.0), *shares]) * (width, height)
    eyes = np.array([(0.25, 0.2), (0.75, 0.2)]) * (width, height)
    turn, shift = turning(draw(angles)), np.array([draw(coordinates), draw(coordinates)])
    return Face(outline @ turn + shift, eyes @ turn + shift)


def turning(angle: float) -> Points:
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, sin], [-sin, cos]])


@given(faces(), margins)
def test_eyes_are_level_and_in_their_order(face: Face, around: Margins) -> None:
    square = portrait_square(face, around)
    left, right = square.place(face.eyes)
    assert left[1] == pytest.approx(right[1], abs=1e-6 * square.side + 1e-9)
    assert left[0] < right[0]


@given(faces(), margins)
def test_the_face_has_its_margins(face: Face, around: Margins) -> None:
    square = portrait_square(face, around)
    outline = square.place(face.outline)
    (left, top), (right, bottom) = outline.min(axis=0), outline.max(axis=0)
    width, height = right - left, bottom - top
    slack = 1e-6 * square.side
    assert left == pytest.approx(square.side - right, abs=slack)  # in the middle
    assert left >= around.sides * width - slack
    assert top >= around.top * height - slack
    assert square.side - bottom >= around.bottom * height - slack
    assert top - around.top * height == pytest.approx(square.side - bottom - around.bottom * height, abs=slack)
    least = max((1 + 2 * around.sides) * width, (1 + around.top + around.bottom) * height)
    assert square.side == pytest.approx(least)  # and no more


@given(faces(), angles, st.floats(0.1, 10), coordinates, coordinates)
def test_a_turned_moved_or_larger_picture_gives_the_same_portrait(
    face: Face, angle: float, scale: float, x: float, y: float
) -> None:
    def moved(points: Points) -> Points:
        return scale * points @ turning(angle) + (x, y)

    before = portrait_square(face, Margins())
    after = portrait_square(Face(moved(face.outline), moved(face.eyes)), Margins())
    assert after.side == pytest.approx(scale * before.side)
    shares = (square.place(points) / square.side for square, points in ((before, face.eyes), (after, moved(face.eyes))))
    np.testing.assert_allclose(*shares, atol=1e-6)


@given(st.floats(10, 300), st.floats(10, 300), st.integers(0, 200), st.integers(0, 200))
def test_an_upright_face_is_cut_as_by_the_authors(width: float, height: float, x: int, y: int) -> None:
    """Their ``Preprocess.__crop``, which rounds every edge to a pixel."""
    top, bottom = int(y - 0.8 * height), int(y + height + 0.3 * height)
    left, right = int(x - 0.3 * width), int(x + width + 0.3 * width)
    if bottom - top > right - left:
        left -= ((bottom - top) - (right - left)) // 2
        right = left + (bottom - top)
    else:
        top -= ((right - left) - (bottom - top)) // 2
        bottom = top + (right - left)
    corners = np.array([(x, y), (x + width, y + height)])
    square = portrait_square(Face(corners, corners * (1, 0) + (0, y)), Margins())
    theirs = np.array([left, top, right - left])
    assert np.abs(theirs - [*square.corner, square.side]).max() <= 3


def gradient(width: int, height: int) -> Image.Image:
    """Red tells the column, green the row."""
    rows, columns = np.mgrid[:height, :width]
    return Image.fromarray(np.stack([columns, rows, 0 * rows], axis=-1).astype(np.uint8))


def test_a_square_on_the_pixels_is_cut_without_a_change() -> None:
    image = gradient(60, 50)
    found = cut(image, Square((10, 20), 16, 0.0), 16)
    np.testing.assert_array_equal(np.asarray(found), np.asarray(image.crop((10, 20, 26, 36))))


def test_a_quarter_turn_is_exact() -> None:
    """The upper edge runs down: what was at the left is then below."""
    image = gradient(60, 50)
    found = cut(image, Square((30, 10), 16, math.pi / 2), 16)
    expected = image.crop((14, 10, 30, 26)).transpose(Image.Transpose.ROTATE_90)
    np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))


@pytest.mark.parametrize("angle", [0.0, 0.3, -2.0])
@pytest.mark.parametrize(("side", "size"), [(100.0, 32), (20.0, 64), (90.5, 16)])
def test_pixels_come_from_where_the_square_lies(angle: float, side: float, size: int) -> None:
    """At any scale, by averages or by interpolation, to half a pixel of the coarser grid."""
    square = Square((120 - 0.5 * side * math.cos(angle), 110 - 0.5 * side * math.sin(angle)), side, angle)
    found = np.asarray(cut(gradient(250, 250), square, size)).astype(float)
    places = np.stack(np.meshgrid(*(np.arange(size) + 0.5,) * 2), axis=-1) * side / size
    expected = np.asarray(square.corner) + places @ turning(angle)
    assert np.abs(found[..., :2] - (expected - 0.5)).max() < max(1.0, 0.6 * side / size)


def test_what_is_outside_is_white() -> None:
    found = np.asarray(cut(Image.new("RGB", (10, 10)), Square((-10, -10), 20, 0.0), 20))
    assert found[:10].min() == 255
    assert found[:, :10].min() == 255
    assert found[10:, 10:].max() == 0


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, 11])
def test_impossible_margins_are_refused(value: float) -> None:
    with pytest.raises(UsageError, match=r"makes no portrait") as caught:
        Margins(bottom=value)
    assert "--margins" in caught.value.hint


@pytest.mark.parametrize(
    ("outline", "eyes"),
    [
        ([(1, 1), (1, 5)], [(0, 0), (1, 0)]),
        ([(0, 0), (3, 5)], [(1, 1), (1, 1)]),
        ([(0, 0), (math.nan, 5)], [(0, 0), (1, 0)]),
    ],
)
def test_faces_without_extent_are_refused(outline: list[tuple[float, float]], eyes: list[tuple[float, float]]) -> None:
    with pytest.raises(UsageError, match="without extent"):
        portrait_square(Face(np.array(outline), np.array(eyes)), Margins())
