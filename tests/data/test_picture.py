"""Every kind of picture file, honest and hostile."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imtrans.data.picture import Picture, picture_from_image, read_picture
from imtrans.errors import InputError


def pattern(width: int = 7, height: int = 5, channels: int = 3) -> np.ndarray:
    """Distinct values everywhere, so that a swapped axis or channel shows."""
    values = np.arange(width * height * channels) * 37 % 256
    return values.reshape(height, width, channels).astype(np.uint8)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def png16(values: np.ndarray) -> bytes:
    """A 16-bit PNG of (H, W) grey or (H, W, 3) RGB values, written by hand: Pillow cannot write the latter."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width = values.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 16, 0 if values.ndim == 2 else 2, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_lossless_rgb_comes_back_exactly(kind: str) -> None:
    picture = read_picture(encoded(Image.fromarray(pattern()), kind))
    assert picture.format == kind
    assert picture.size == (7, 5)
    assert picture.alpha is None
    assert np.array_equal(np.asarray(picture.image), pattern())


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_rgb_comes_back_closely(kind: str) -> None:
    smooth = np.asarray(Image.linear_gradient("L").resize((40, 30)).convert("RGB"))
    picture = read_picture(encoded(Image.fromarray(smooth), kind, quality=100))
    assert picture.format == kind
    assert np.abs(np.asarray(picture.image).astype(int) - smooth).max() <= 4


def test_gif_gives_its_first_frame() -> None:
    red, blue = Image.new("P", (4, 3), 0), Image.new("P", (4, 3), 1)
    for frame in (red, blue):
        frame.putpalette([255, 0, 0, 0, 0, 255])
    picture = read_picture(encoded(red, "GIF", save_all=True, append_images=[blue]))
    assert picture.format == "GIF"
    assert picture.image.getpixel((0, 0)) == (255, 0, 0)


def test_animated_webp_gives_its_first_frame() -> None:
    frames = [Image.new("RGB", (4, 3), colour) for colour in ("lime", "blue")]
    picture = read_picture(encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True))
    assert picture.image.getpixel((0, 0)) == (0, 255, 0)


def test_phone_jpeg_with_a_second_picture_inside_is_a_jpeg() -> None:
    data = encoded(Image.new("RGB", (8, 8), "red"), "MPO", save_all=True, append_images=[Image.new("RGB", (8, 8))])
    picture = read_picture(data)
    assert picture.format == "JPEG"
    assert picture.image.getpixel((4, 4))[0] > 250


def test_grey_and_one_bit_become_rgb() -> None:
    grey = read_picture(encoded(Image.fromarray(pattern(channels=1)[..., 0]), "PNG"))
    assert np.array_equal(np.asarray(grey.image), np.repeat(pattern(channels=1), 3, axis=2))
    bits = Image.fromarray(pattern(channels=1)[..., 0] > 127)
    assert np.array_equal(np.asarray(read_picture(encoded(bits, "PNG")).image)[..., 0] == 255, np.asarray(bits))


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_kept_exactly(kind: str) -> None:
    image = Image.fromarray(pattern(channels=4), "RGBA")
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    picture = read_picture(encoded(image, kind, **options))
    assert picture.alpha is not None
    assert picture.alpha.mode == "L"
    assert np.array_equal(np.asarray(picture.alpha), pattern(channels=4)[..., 3])
    assert np.array_equal(np.asarray(picture.image), pattern(channels=4)[..., :3])


def test_grey_with_alpha() -> None:
    picture = read_picture(encoded(Image.fromarray(pattern(channels=2), "LA"), "PNG"))
    assert np.array_equal(np.asarray(picture.alpha), pattern(channels=2)[..., 1])
    assert np.array_equal(np.asarray(picture.image)[..., 2], pattern(channels=2)[..., 0])


def palette_image() -> Image.Image:
    image = Image.fromarray(np.array([[0, 1], [2, 0]], dtype=np.uint8), "P")
    image.putpalette([10, 20, 30, 200, 100, 50, 0, 255, 0])
    return image


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_palette_with_a_transparent_colour(kind: str) -> None:
    picture = read_picture(encoded(palette_image(), kind, transparency=1))
    assert np.array_equal(np.asarray(picture.alpha), [[255, 0], [255, 255]])
    assert picture.image.getpixel((0, 0)) == (10, 20, 30)
    assert picture.image.getpixel((0, 1)) == (0, 255, 0)


def test_palette_with_an_alpha_table() -> None:
    picture = read_picture(encoded(palette_image(), "PNG", transparency=bytes([255, 77, 0])))
    assert np.array_equal(np.asarray(picture.alpha), [[255, 77], [0, 255]])


def test_palette_without_transparency_has_no_alpha() -> None:
    assert read_picture(encoded(palette_image(), "PNG")).alpha is None


def test_rgb_with_a_transparent_colour() -> None:
    image = Image.new("RGB", (2, 1), (1, 2, 3))
    image.putpixel((1, 0), (9, 9, 9))
    picture = read_picture(encoded(image, "PNG", transparency=(9, 9, 9)))
    assert np.array_equal(np.asarray(picture.alpha), [[255, 0]])


def test_premultiplied_colours_are_divided_by_alpha() -> None:
    image = Image.new("RGBA", (2, 2), (200, 100, 50, 128)).convert("RGBa")
    picture = picture_from_image(image)
    assert picture.alpha is not None
    assert picture.alpha.getpixel((0, 0)) == 128
    assert np.abs(np.subtract(picture.image.getpixel((0, 0)), (200, 100, 50))).max() <= 1


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    values = np.array([[0, 257, 32768, 65535, 1000]], dtype=np.uint16)
    expected = np.rint(values / 257).astype(np.uint8)
    for data in (png16(values), encoded(Image.fromarray(values), "TIFF")):
        assert np.array_equal(np.asarray(read_picture(data).image)[..., 0], expected)


@settings(deadline=None)
@given(st.integers(0, 255))
def test_eight_bits_survive_sixteen(value: int) -> None:
    wide = np.full((1, 1), value * 257, dtype=np.uint16)
    assert read_picture(png16(wide)).image.getpixel((0, 0)) == (value, value, value)


def test_sixteen_bit_rgb() -> None:
    values = pattern().astype(np.uint16) * 257
    assert np.array_equal(np.asarray(read_picture(png16(values)).image), pattern())


def test_float_grey_within_its_range_and_beyond() -> None:
    inside = encoded(Image.fromarray(np.array([[0, 0.5, 1]], dtype=np.float32)), "TIFF")
    assert np.asarray(read_picture(inside).image)[0, :, 0].tolist() == [0, 128, 255]
    beyond = encoded(Image.fromarray(np.array([[0, 300]], dtype=np.float32)), "TIFF")
    with pytest.raises(InputError, match="no agreed white"):
        read_picture(beyond)


def test_cmyk_without_a_profile() -> None:
    cyan = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    for kind in ("JPEG", "TIFF"):
        red, green, blue = read_picture(encoded(cyan, kind)).image.getpixel((4, 4))
        assert (red < 10, green > 245, blue > 245) == (True, True, True), kind


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    # What the camera's sensor stored for each orientation of the same upright scene (EXIF 2.3, tag 0x0112).
    upright = np.zeros((16, 24, 3), dtype=np.uint8)
    upright[:8, :8] = (250, 0, 0)
    upright[8:, 16:] = (0, 0, 250)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 100, "subsampling": 0} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    data = encoded(Image.fromarray(np.ascontiguousarray(stored)), kind, exif=exif, **options)
    read = np.asarray(read_picture(data).image).astype(int)
    assert read.shape == upright.shape
    assert np.abs(read - upright).max() <= 40


def test_nonsense_orientation_is_ignored() -> None:
    exif = Image.Exif()
    exif[0x0112] = 77
    assert read_picture(encoded(Image.new("RGB", (3, 2)), "PNG", exif=exif)).size == (3, 2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def refusal(source: Path | bytes, **options: int) -> str:
    with pytest.raises(InputError) as caught:
        read_picture(source, **options)
    if isinstance(source, Path):
        assert str(source) in caught.value.what
    return str(caught.value)


def test_refused_missing_folder_empty(folder: Path) -> None:
    assert "no such file" in refusal(folder / "nowhere.png")
    assert "folder" in refusal(folder)
    (folder / "empty.png").touch()
    assert "empty" in refusal(folder / "empty.png")
    assert "empty" in refusal(b"")


def test_refused_without_permission(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "secret.png"
    path.write_bytes(encoded(Image.new("RGB", (1, 1)), "PNG"))

    def forbid(self: Path, *args: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", forbid)  # the tests may run as root, whom no mode stops
    assert "no permission" in refusal(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_instead_of_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe.png")
    assert "pipe" in refusal(folder / "pipe.png")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"I am a text.\n", "text file"),
        ("Grüße, naïve Welt. ".encode() * 60, "text file"),
        (b"\x89PNG but not quite", "not a picture"),
        (bytes(range(256)), "not a picture"),
        (b"%PDF-1.7\n\x00", "PDF"),
        (b"8BPS\x00\x01", "Photoshop"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00", "HEIC"),
    ],
)
def test_files_that_only_claim_to_be_pictures(folder: Path, content: bytes, reason: str) -> None:
    path = folder / "claim.png"
    path.write_bytes(content)
    assert reason in refusal(path)
    assert "JPEG" in refusal(path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_truncated_files_are_refused(folder: Path, kind: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    path = folder / f"half.{kind.lower()}"
    path.write_bytes(data[: int(len(data) * share)])
    assert any(word in refusal(path) for word in ("damaged", "truncated"))


def test_decompression_bombs_are_refused_before_they_are_decoded(folder: Path) -> None:
    bomb = _claim(60_000, 60_000)
    path = folder / "bomb.png"
    path.write_bytes(bomb)
    assert "60000 x 60000" in refusal(path)
    assert "limit of 0.001 million" in refusal(encoded(Image.new("RGB", (40, 40)), "PNG"), max_pixels=1000)


def _claim(width: int, height: int) -> bytes:
    """A tiny PNG with a header that claims a huge size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = b"IHDR" + header
    data = b"IDAT" + zlib.compress(b"\0" * 1000)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return start + struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))


def test_large_honest_pictures_pass_pillows_own_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert read_picture(encoded(Image.new("RGB", (40, 40)), "PNG")).size == (40, 40)


@settings(deadline=None)
@given(st.data())
def test_damaged_bytes_are_read_or_refused_but_never_crash(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"]))
    content = bytearray(encoded(Image.fromarray(pattern(24, 16)), kind))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        picture = read_picture(bytes(content), max_pixels=100_000)
    except InputError:
        return
    assert picture.image.mode == "RGB"


def test_memory_images_of_every_mode() -> None:
    for mode in ("1", "L", "P", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB", "LA", "PA", "I", "F", "I;16"):
        picture = picture_from_image(Image.new(mode, (3, 2)))
        assert picture.image.mode == "RGB", mode
        assert picture.size == (3, 2)
        assert (picture.alpha is not None) == (mode in ("RGBA", "LA", "PA")), mode


def test_the_given_image_is_left_alone() -> None:
    image = Image.new("RGB", (2, 2), "red")
    image.info["dpi"] = (72, 72)
    picture = picture_from_image(image)
    picture.image.putpixel((0, 0), (0, 0, 0))
    assert image.getpixel((0, 0)) == (255, 0, 0)
    assert image.info == {"dpi": (72, 72)}


def test_merged_puts_alpha_back() -> None:
    alpha = Image.new("L", (2, 2), 99)
    merged = Picture(Image.new("RGB", (2, 2), (1, 2, 3)), alpha).merged()
    assert merged.getpixel((1, 1)) == (1, 2, 3, 99)
    assert Picture(Image.new("RGB", (2, 2))).merged().mode == "RGB"
