"""Resize, crop, mirror."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imtrans.data.augmentation import Augmentation, Mode, check_crop, check_sizes
from imtrans.errors import ConfigError


def ramp(width: int = 16, height: int = 16) -> Image.Image:
    """A picture whose red is the column and green the row."""
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[..., 0], pixels[..., 1] = np.arange(width), np.arange(height)[:, None]
    return Image.fromarray(pixels)


def crops(augmentation: Augmentation, count: int = 300) -> list[np.ndarray]:
    return [np.array(augmentation.apply(ramp(), np.random.default_rng(seed))) for seed in range(count)]


def test_defaults_are_the_paper_s() -> None:
    assert Augmentation() == Augmentation(load_size=286, crop_size=256, flip=True)


def test_every_place_is_cropped_and_half_are_mirrored() -> None:
    found = crops(Augmentation(load_size=16, crop_size=14))
    mirrored = [pixels for pixels in found if pixels[0, 0, 0] > pixels[0, -1, 0]]
    assert 110 < len(mirrored) < 190  # 300 fair coins: standard deviation 9
    places = {(int(pixels[..., 0].min()), int(pixels[..., 1].min())) for pixels in found}
    assert places == {(left, top) for left in range(3) for top in range(3)}
    assert all(pixels[0, 0, 1] < pixels[-1, 0, 1] for pixels in found)  # never upside down


def test_without_mirroring() -> None:
    assert all(p[0, 0, 0] < p[0, -1, 0] for p in crops(Augmentation(load_size=16, crop_size=14, flip=False), 50))


@settings(max_examples=40, deadline=None)
@given(width=st.integers(1, 40), height=st.integers(1, 40), load=st.integers(1, 30), data=st.data())
def test_any_size_becomes_the_square(width: int, height: int, load: int, data: st.DataObject) -> None:
    crop = data.draw(st.integers(1, load))
    augmentation = Augmentation(load_size=load, crop_size=crop)
    assert augmentation.apply(ramp(width, height), np.random.default_rng(0)).size == (crop, crop)
    assert augmentation.fit(ramp(width, height)).size == (crop, crop)


@pytest.mark.parametrize(("load", "crop"), [(10, 11), (10, 0), (0, 0), (-3, -3)])
def test_sizes_that_cannot_be(load: int, crop: int) -> None:
    with pytest.raises(ValueError, match="crop_size must lie in 1"):
        Augmentation(load_size=load, crop_size=crop)


@pytest.mark.parametrize(("crop", "multiple", "minimum"), [(256, 4, 8), (8, 4, 8), (7, 1, 1), (24, 1, 24)])
def test_crops_that_fit(crop: int, multiple: int, minimum: int) -> None:
    check_crop(crop, multiple, minimum)


@given(crop=st.integers(1, 400), multiple=st.integers(1, 256), minimum=st.integers(1, 100))
def test_the_hint_of_a_crop_that_does_not_fit_fits(crop: int, multiple: int, minimum: int) -> None:
    if crop % multiple == 0 and crop >= minimum:
        return
    with pytest.raises(ConfigError, match=f"crop_size {crop} does not fit") as caught:
        check_crop(crop, multiple, minimum)
    nearest = int(caught.value.hint.split("--crop-size ")[1].split(",")[0])
    check_crop(nearest, multiple, minimum)
    assert abs(nearest - crop) <= max(multiple, minimum + multiple - crop)


# --- the other modes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "size", "expected"),
    [
        ("resize_and_crop", (100, 50), (30, 30)),
        ("crop", (100, 50), (100, 50)),
        ("crop", (10, 50), (20, 100)),
        ("scale_width", (60, 120), (32, 60)),
        ("scale_width", (100, 10), (32, 20)),
        ("scale_width_and_crop", (60, 120), (30, 60)),
        ("scale_width_and_crop", (100, 10), (30, 20)),
        ("none", (101, 50), (100, 48)),
        ("none", (1, 1), (4, 4)),
    ],
)
def test_load_sizes(mode: Mode, size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert Augmentation(load_size=30, crop_size=20, mode=mode).loaded(size) == expected


@settings(max_examples=60, deadline=None)
@given(
    mode=st.sampled_from(["resize_and_crop", "crop", "scale_width", "scale_width_and_crop", "none"]),
    width=st.integers(1, 60),
    height=st.integers(1, 60),
    load=st.integers(1, 30),
    multiple=st.integers(1, 9),
    data=st.data(),
)
def test_results_are_squares_or_multiples(
    mode: Mode, width: int, height: int, load: int, multiple: int, data: st.DataObject
) -> None:
    crop = data.draw(st.integers(1, load))
    augmentation = Augmentation(load, crop, mode=mode, multiple=multiple)
    size = augmentation.apply(ramp(width, height), np.random.default_rng(1)).size
    if augmentation.crops:
        assert size == augmentation.fit(ramp(width, height)).size == (crop, crop)
    else:
        assert all(side > 0 and side % multiple == 0 for side in size)


def test_a_placement_serves_images_of_any_mode() -> None:
    augmentation = Augmentation(load_size=16, crop_size=9)
    grey = ramp().getchannel("R")
    for seed in range(20):
        placement = augmentation.draw((16, 16), np.random.default_rng(seed))
        assert placement.apply(ramp()).getchannel("R").tobytes() == placement.apply(grey).tobytes()


@pytest.mark.parametrize(("mode", "expected"), [("resize_and_crop", (60, 60)), ("crop", None), ("none", None)])
def test_what_a_jpeg_may_be_decoded_at(mode: Mode, expected: tuple[int, int] | None) -> None:
    assert Augmentation(load_size=30, crop_size=20, mode=mode).draft_size == expected


@pytest.mark.parametrize("mode", ["scale_width", "none"])
def test_sides_that_the_networks_cannot_take(mode: Mode) -> None:
    check_sizes(Augmentation(mode=mode, multiple=32), 16, 16)
    with pytest.raises(ConfigError, match="multiples of 4 do not fit the networks") as caught:
        check_sizes(Augmentation(mode=mode), 32, 32)
    assert "augmentation.multiple=32" in caught.value.hint
    with pytest.raises(ConfigError, match="crop_size 20 does not fit"):
        check_sizes(Augmentation(load_size=30, crop_size=20), 8, 8)


@pytest.mark.parametrize("given", [Augmentation(load_size=30, crop_size=20), Augmentation(mode="scale_width")])
def test_networks_of_one_size_take_no_other(given: Augmentation) -> None:
    check_sizes(Augmentation(load_size=30, crop_size=24), 4, 8, fixed=24)
    with pytest.raises(ConfigError, match="take pictures of 24 x 24 pixels, and no others") as caught:
        check_sizes(given, 4, 8, fixed=24)
    assert "--crop-size 24" in caught.value.hint


@pytest.mark.parametrize("settings", [{"multiple": 0}, {"load_size": 0, "mode": "none"}, {"crop_size": 0}])
def test_settings_that_cannot_be(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"at least 1|must lie in"):
        Augmentation(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mode", "size", "expected"),
    [
        ("scale_shortside_and_crop", (40, 30), (32, 24)),
        ("scale_shortside_and_crop", (30, 50), (24, 40)),
        ("scale_shortside_and_crop", (24, 31), (24, 31)),
        ("scale_shortside", (41, 30), (32, 24)),
        ("fixed", (41, 30), (16, 8)),
        ("fixed", (5, 90), (16, 8)),
    ],
)
def test_the_modes_of_spade(mode: Mode, size: tuple[int, int], expected: tuple[int, int]) -> None:
    """The shorter side becomes load_size; or all pictures become crop_size by crop_size / aspect_ratio."""
    augmentation = Augmentation(load_size=24, crop_size=16, mode=mode, aspect_ratio=2.0)
    assert augmentation.loaded(size) == expected
    found = augmentation.apply(ramp(*size), np.random.default_rng(0)).size
    assert found == ((16, 16) if "crop" in mode else expected)
    assert augmentation.fit(ramp(*size)).size == found
    assert augmentation.draft_size == ((32, 16) if mode == "fixed" else (48, 48))


@settings(max_examples=40, deadline=None)
@given(width=st.integers(1, 60), height=st.integers(1, 60), load=st.integers(1, 30), data=st.data())
def test_the_shorter_side_holds_the_crop(width: int, height: int, load: int, data: st.DataObject) -> None:
    crop = data.draw(st.integers(1, load))
    augmentation = Augmentation(load_size=load, crop_size=crop, mode="scale_shortside_and_crop")
    assert min(augmentation.loaded((width, height))) == load
    assert augmentation.apply(ramp(width, height), np.random.default_rng(0)).size == (crop, crop)


def test_fixed_sizes_that_networks_cannot_take() -> None:
    check_sizes(Augmentation(512, 512, mode="fixed", aspect_ratio=2.0), 256, 256)
    with pytest.raises(ConfigError, match="pictures of 512 x 341 do not fit") as caught:
        check_sizes(Augmentation(512, 512, mode="fixed", aspect_ratio=1.5), 4, 4)
    assert "multiples of 4" in caught.value.have
    assert "aspect_ratio" in caught.value.hint


@pytest.mark.parametrize("ratio", [0.0, -1.0, float("inf"), float("nan"), 1000.0])
def test_aspect_ratios_that_cannot_be(ratio: float) -> None:
    with pytest.raises(ValueError, match="aspect_ratio must leave"):
        Augmentation(aspect_ratio=ratio)
