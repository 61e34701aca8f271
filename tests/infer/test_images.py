"""Kinds of image in and out, with a network that changes nothing: whatever differs was changed by us."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from toys import CARD, Identity

from imtrans.data.picture import Picture
from imtrans.errors import InputError, UsageError
from imtrans.infer.translator import Translator

SIDES = st.integers(1, 70)
NOISE = np.random.default_rng(0).integers(0, 256, (70, 70, 4), dtype=np.uint8)


def noise(width: int, height: int, channels: int = 3) -> np.ndarray:
    return np.ascontiguousarray(NOISE[:height, :width, :channels])


@pytest.fixture(scope="module")
def same() -> Translator:
    return Translator(Identity(multiple=4, minimum=8), CARD)


@settings(deadline=None, max_examples=40)
@given(SIDES, SIDES)
def test_rgb_images_of_any_size(same: Translator, width: int, height: int) -> None:
    image = Image.fromarray(noise(width, height))
    out = same(image)
    assert (out.mode, out.size) == ("RGB", image.size)
    assert np.array_equal(np.asarray(out), np.asarray(image))


@settings(deadline=None, max_examples=40)
@given(SIDES, SIDES, st.sampled_from(["RGBA", "L", "LA", "P", "1", "CMYK", "I;16"]))
def test_images_of_other_modes(same: Translator, width: int, height: int, mode: str) -> None:
    rgba = Image.fromarray(noise(width, height, 4), "RGBA")
    image = rgba if mode == "RGBA" else Image.fromarray(noise(width, height)).convert("L").convert(mode)
    out = same(image)
    assert out.mode == ("RGBA" if mode in ("RGBA", "LA") else "RGB")
    assert out.size == image.size
    if mode in ("RGBA", "LA"):
        assert np.array_equal(np.asarray(out.getchannel("A")), np.asarray(image.getchannel("A")))
    if mode in ("RGBA", "LA", "L", "P", "1"):
        assert np.array_equal(np.asarray(out.convert("RGB")), np.asarray(image.convert("RGB")))


def test_alpha_grows_with_the_picture() -> None:
    from toys import Enlarge

    enlarge = Translator(Enlarge(3), replace(CARD, scale=3))
    out = enlarge(Image.fromarray(noise(5, 7, 4), "RGBA"))
    assert (out.mode, out.size) == ("RGBA", (15, 21))


@settings(deadline=None, max_examples=40)
@given(SIDES, SIDES, st.integers(0, 3))
def test_arrays(same: Translator, width: int, height: int, count: int) -> None:
    array = noise(width, height)
    array = np.stack([array] * count) if count else array
    out = same(array)
    assert out.dtype == np.uint8
    assert np.array_equal(out, array)


@settings(deadline=None, max_examples=40)
@given(SIDES, SIDES, st.integers(0, 3), st.sampled_from([torch.float32, torch.float64, torch.float16]))
def test_tensors(same: Translator, width: int, height: int, count: int, dtype: torch.dtype) -> None:
    tensor = torch.from_numpy(noise(width, height)).permute(2, 0, 1) / 255
    tensor = (torch.stack([tensor] * count) if count else tensor).to(dtype)
    out = same(tensor)
    assert (out.dtype, out.shape, out.device) == (torch.float32, tensor.shape, tensor.device)
    assert out.is_contiguous()
    assert torch.allclose(out, tensor.float(), atol=1e-6)


def test_lists_may_mix_kinds_and_sizes(same: Translator, tmp_path: Path) -> None:
    Image.fromarray(noise(6, 6)).save(tmp_path / "a.png")
    images = [Image.fromarray(noise(5, 9)), noise(12, 3), torch.rand(3, 4, 4), tmp_path / "a.png", noise(5, 9)]
    out = same(images)
    assert [type(o).__name__ for o in out] == ["Image", "ndarray", "Tensor", "Image", "ndarray"]
    assert np.array_equal(np.asarray(out[0]), out[4])
    assert np.array_equal(np.asarray(out[3]), noise(6, 6))
    assert same([]) == []
    assert len(same((noise(2, 2),))) == 1


def test_paths_and_pictures(same: Translator, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(noise(7, 9, 4), "RGBA").save(path)
    for source in (path, str(path), Picture(Image.fromarray(noise(7, 9)), Image.fromarray(NOISE[:9, :7, 3]))):
        out = same(source)
        assert np.array_equal(np.asarray(out), noise(7, 9, 4))
    with pytest.raises(InputError, match="nowhere"):
        same(tmp_path / "nowhere.png")


def test_opened_photographs_come_out_upright(same: Translator) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    Image.fromarray(noise(5, 9)).save(stream, "PNG", exif=exif)
    out = same(Image.open(stream))
    assert out.size == (9, 5)
    assert np.array_equal(np.asarray(out), np.rot90(noise(5, 9), -1))


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        3,
        b"bytes",
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((0, 4, 4, 3), np.uint8),
        torch.zeros(4, 4, 3),
        torch.zeros(3, 4),
        torch.zeros(3, 4, 4, dtype=torch.uint8),
        torch.zeros(0, 3, 4, 4),
        torch.full((3, 2, 2), -1.0),
        torch.full((3, 2, 2), 255.0),
        torch.full((3, 2, 2), float("nan")),
        [Image.new("RGB", (2, 2)), "s" * 10, None],
    ],
    ids=lambda wrong: f"{type(wrong).__name__}{tuple(getattr(wrong, 'shape', ()))}",
)
def test_anything_else_is_refused_in_words(same: Translator, wrong: Any) -> None:
    with pytest.raises((UsageError, InputError)) as caught:
        same(wrong)
    if isinstance(caught.value, UsageError):
        assert "PIL images" in caught.value.have or "from 0 (black) to 1" in caught.value.have


def test_the_input_is_never_written_to() -> None:
    class Destroys(Identity):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.zero_()

    destroys = Translator(Destroys(), replace(CARD, value_range=(0.0, 1.0)))
    array, tensor = noise(4, 4), torch.rand(3, 4, 4)
    before = array.copy(), tensor.clone()
    destroys([array, tensor])
    assert np.array_equal(array, before[0])
    assert torch.equal(tensor, before[1])
