"""ICC profiles: other colour spaces are converted, sRGB in any disguise is left alone."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from imtrans.data.colour import to_srgb
from imtrans.data.picture import read_picture

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
D50 = (0.9642, 1.0, 0.8249)


def profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """An ICC version 2 display profile with the given tags (ICC.1:2001-04, chapters 6 and 7)."""
    body, table = b"", struct.pack(">I", len(tags))
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        content += b"\0" * (-len(content) % 4)
        table += name + struct.pack(">II", start + len(body), len(content))
        body += content
    header = bytearray(128)
    header[0:4] = struct.pack(">I", start + len(body))
    header[8:24] = b"\x02\x10\0\0mntr" + space + b"XYZ "
    header[36:40] = b"acsp"
    header[68:80] = xyz(*D50)[8:]
    return bytes(header) + table + body


def xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))


def gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256))


def rgb_profile(red: tuple[float, ...], green: tuple[float, ...], blue: tuple[float, ...], power: float) -> bytes:
    colours = {b"rXYZ": xyz(*red), b"gXYZ": xyz(*green), b"bXYZ": xyz(*blue), b"wtpt": xyz(*D50)}
    return profile(b"RGB ", colours | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), gamma(power)))


# Adobe RGB (1998): primaries adapted to D50, gamma 2.2.
ADOBE = rgb_profile((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457), 2.19921875)


def saved(image: Image.Image, kind: str, icc: bytes) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, icc_profile=icc)
    return stream.getvalue()


def test_a_wide_gamut_is_converted() -> None:
    # Adobe RGB (100, 150, 100) is a stronger green in sRGB: about (67, 151, 97).
    picture = read_picture(saved(Image.new("RGB", (4, 4), (100, 150, 100)), "PNG", ADOBE))
    assert np.abs(np.subtract(picture.image.getpixel((0, 0)), (67, 151, 97))).max() <= 2
    assert "icc_profile" not in picture.image.info


def test_colours_are_converted_and_alpha_is_not() -> None:
    picture = read_picture(saved(Image.new("RGBA", (4, 4), (100, 150, 100, 77)), "PNG", ADOBE))
    assert picture.image.getpixel((0, 0))[0] < 80
    assert picture.alpha is not None
    assert picture.alpha.getpixel((0, 0)) == 77


def test_palettes_are_converted() -> None:
    image = Image.new("P", (2, 2), 0)
    image.putpalette([100, 150, 100])
    assert read_picture(saved(image, "PNG", ADOBE)).image.getpixel((0, 0))[0] < 80


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_srgb_leaves_the_pixels_as_they_are(kind: str) -> None:
    image = Image.radial_gradient("L").convert("RGB")
    plain = io.BytesIO()
    image.save(plain, kind)
    bare = read_picture(plain.getvalue())
    assert np.array_equal(np.asarray(read_picture(saved(image, kind, SRGB)).image), np.asarray(bare.image))


def test_grey_profiles() -> None:
    linear = profile(b"GRAY", {b"kTRC": gamma(1.0), b"wtpt": xyz(*D50)})
    picture = read_picture(saved(Image.new("L", (3, 3), 55), "PNG", linear))
    # sRGB encodes a linear 55/255 as 1.055 x^(1/2.4) - 0.055, which is 128.
    assert np.abs(np.subtract(picture.image.getpixel((0, 0)), 128)).max() <= 1


def test_a_grey_picture_with_an_rgb_profile() -> None:
    assert read_picture(saved(Image.new("L", (3, 3), 55), "PNG", SRGB)).image.getpixel((0, 0)) == (55, 55, 55)


def cmyk_profile() -> bytes:
    """CMYK to Lab through a table of 2 points a side (lut8Type) in which every ink simply darkens: L = 100 (1 - k)."""
    grid = np.stack(np.meshgrid(*[[0, 1]] * 4, indexing="ij"), axis=-1).reshape(-1, 4)
    lightness = np.where(grid[:, 3] == 1, 0, 255)
    lab = np.stack([lightness, np.full(16, 128), np.full(16, 128)], axis=1).astype(np.uint8)
    identity = bytes(range(256))
    matrix = struct.pack(">9i", *(65536 if i % 4 == 0 else 0 for i in range(9)))
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + matrix + identity * 4 + lab.tobytes() + identity * 3
    made = bytearray(profile(b"CMYK", {b"A2B0": lut, b"wtpt": xyz(*D50)}))
    made[12:16], made[20:24] = b"prtr", b"Lab "
    return bytes(made)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_with_a_profile_uses_it(kind: str) -> None:
    # Full cyan is white in this profile's world; without the profile it would be cyan.
    picture = read_picture(saved(Image.new("CMYK", (8, 8), (255, 0, 0, 0)), kind, cmyk_profile()))
    assert min(picture.image.getpixel((4, 4))) > 245
    black = read_picture(saved(Image.new("CMYK", (8, 8), (0, 0, 0, 255)), kind, cmyk_profile()))
    assert max(black.image.getpixel((4, 4))) < 10


@pytest.mark.parametrize("broken", [b"nonsense", ADOBE[:200], SRGB[:128]])
def test_broken_or_foreign_profiles_are_ignored(broken: bytes) -> None:
    assert read_picture(saved(Image.new("RGB", (3, 3), (9, 8, 7)), "PNG", broken)).image.getpixel((0, 0)) == (9, 8, 7)


def test_a_profile_of_another_space_is_ignored() -> None:
    image = Image.new("RGB", (3, 3), (9, 8, 7))
    image.info["icc_profile"] = cmyk_profile()
    assert to_srgb(image)[0].getpixel((0, 0)) == (9, 8, 7)


def test_white_is_zero_and_twelve_bits() -> None:
    values = np.array([[0, 4095, 65535]], dtype=np.uint16)
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "TIFF", tiffinfo={262: 0})
    assert np.asarray(to_srgb(Image.open(stream))[0])[0, :, 0].tolist() == [255, 239, 0]
