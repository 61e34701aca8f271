"""From a picture to the portraits in it, with a detector that finds drawn faces."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from imtrans.data.picture import Picture
from imtrans.data.prepare.faces.geometry import Margins
from imtrans.data.prepare.faces.portrait import PortraitOptions, Portraits
from imtrans.errors import InputError, UsageError

from .drawn import LEFT, RIGHT, SKIN, Detector, draw, portrait, segment


def portraits(segmenter: Any = segment, **options: Any) -> Portraits:
    return Portraits(Detector(), segmenter, PortraitOptions(**options))


def two_faces() -> Picture:
    image = Image.new("RGB", (300, 120), "green")
    draw(image, (70, 60), 30)
    draw(image, (210, 60), 50)
    return Picture(image)


@pytest.mark.parametrize("angle", [0.0, 0.5, -1.0])
def test_a_tilted_head_comes_out_upright_on_white(angle: float) -> None:
    found = portraits(size=64)(Picture(portrait(angle=angle)))
    (made,) = found.portraits
    assert found.faces == 1
    image = made.picture.image
    assert image.size == (64, 64)
    ((left, right),) = (face.eyes for face in Detector()(image))
    assert left[1] == pytest.approx(right[1], abs=1)
    assert (left[0] + right[0]) / 2 == pytest.approx(32, abs=1)
    corners = [image.getpixel((x, y)) for x in (0, 63) for y in (0, 63)]
    assert corners == [(255, 255, 255)] * 4


def test_without_segmentation_the_background_stays() -> None:
    (made,) = portraits(None, size=64)(Picture(portrait())).portraits
    assert made.picture.image.getpixel((0, 63)) == (0, 128, 0)
    assert made.picture.alpha is None


def test_the_outline_can_be_kept() -> None:
    (made,) = portraits(size=64, transparent=True)(Picture(portrait())).portraits
    assert made.picture.alpha is not None
    assert (made.picture.alpha.getpixel((0, 0)), made.picture.alpha.getpixel((32, 36))) == (0, 255)


def test_the_largest_face_is_taken_and_all_are_counted() -> None:
    found = portraits()(two_faces())
    assert (found.faces, len(found.portraits)) == (2, 1)
    both = portraits(which="all")(two_faces())
    assert both.portraits[0].side > both.portraits[1].side
    assert np.array_equal(np.asarray(both.portraits[0].picture.image), np.asarray(found.portraits[0].picture.image))


def test_several_faces_can_be_refused() -> None:
    with pytest.raises(InputError, match="2 faces were found") as caught:
        portraits(which="error")(two_faces())
    assert "--faces" in caught.value.hint
    assert portraits(which="error")(Picture(portrait())).faces == 1


def test_no_face_is_an_error_in_words() -> None:
    with pytest.raises(InputError, match="no face was found"):
        portraits()(Picture(Image.new("RGB", (1, 1))))


def test_a_face_that_is_lost_in_the_background_is_no_blank_portrait() -> None:
    def blind(image: Image.Image) -> Image.Image:
        return Image.new("L", image.size)

    with pytest.raises(InputError, match="cannot be told from the background") as caught:
        portraits(blind)(Picture(portrait()))
    assert "--no-segment" in caught.value.hint
    masks = iter([segment, blind])
    found = portraits(lambda image: next(masks)(image), which="all")(two_faces())
    assert (found.faces, len(found.portraits)) == (2, 1)


def test_margins_make_the_face_smaller() -> None:
    near = portraits(margins=Margins(0, 0, 0))(Picture(portrait())).portraits[0].side
    assert portraits(margins=Margins(1, 1, 0))(Picture(portrait())).portraits[0].side == pytest.approx(3 * near)


def test_transparent_parts_are_white_before_anyone_looks() -> None:
    seen: list[Image.Image] = []

    def detector(image: Image.Image) -> list[Any]:
        seen.append(image)
        return []

    hole = Image.new("L", (20, 10), 255)
    hole.paste(0, (0, 0, 5, 5))
    with pytest.raises(InputError, match="no face"):
        Portraits(detector)(Picture(Image.new("RGB", (20, 10), "green"), hole))
    assert (seen[0].getpixel((0, 0)), seen[0].getpixel((10, 9))) == ((255, 255, 255), (0, 128, 0))


def test_small_portraits_are_segmented_at_a_size_that_shows_something() -> None:
    sizes = []

    def segmenter(image: Image.Image) -> Image.Image:
        sizes.append(image.size)
        return segment(image)

    for size in (32, 300):
        assert portraits(segmenter, size=size)(Picture(portrait())).portraits[0].picture.size == (size, size)
    assert sizes == [(256, 256), (300, 300)]


def test_tools_that_give_something_else_are_named() -> None:
    with pytest.raises(UsageError, match="the detector gave a tuple"):
        Portraits(lambda image: [(1, 2)])(Picture(portrait()))  # type: ignore[list-item]
    with pytest.raises(UsageError, match="the segmenter gave an image of mode RGB"):
        Portraits(Detector(), lambda image: image)(Picture(portrait()))


def test_the_drawn_faces_are_what_they_say() -> None:
    image = portrait(height=60)
    ((left, right),) = (face.eyes for face in Detector()(image))
    assert image.getpixel(tuple(map(int, left))) == LEFT
    assert image.getpixel(tuple(map(int, right))) == RIGHT
    assert image.getpixel((80, 75)) == SKIN
