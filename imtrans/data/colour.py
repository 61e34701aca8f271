"""From whatever a file holds to 8-bit sRGB and an alpha channel.

Networks are trained on sRGB pictures of 8 bits, so every other kind of pixel is brought to that before it meets one.
"""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

_COLOUR_SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK", "LAB": "Lab "}


def to_srgb(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Split a loaded picture into its sRGB colours (mode RGB) and its alpha channel (mode L, or None).

    Grey, palette, 1-bit, 16-bit, CMYK, Lab, YCbCr and premultiplied pixels are understood; an embedded ICC profile is
    applied. 16-bit values v become round(v * 255 / 65535), so that 8-bit values survive a trip through 16 bits.

    Raises:
        ValueError: the pixels have no agreed white (32-bit integers or floats out of range).
    """
    profile = image.info.get("icc_profile")
    colour, alpha = _split(image)
    return _bare(_apply_profile(colour, profile)), alpha and _bare(alpha)


def _bare(image: Image.Image) -> Image.Image:
    """A copy without metadata: a profile or a transparent colour that is settled by now would be written to files."""
    copy = image.copy()
    copy.info.clear()
    return copy


def _split(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """The colours in mode L, RGB, CMYK or LAB, and the alpha channel."""
    if image.mode.startswith("I") or image.mode == "F":
        return _deep_grey(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        straight = image.convert("RGBA")  # this also divides premultiplied colours by their alpha
        return straight.convert("RGB"), straight.getchannel("A")
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image, None
    return image.convert("L" if image.mode == "1" else "RGB"), None


def _deep_grey(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Grey of 16 bits or more a pixel. Pillow's own conversion would clip these at 255 instead of scaling them."""
    values = np.asarray(image)
    if image.mode == "F":
        if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
            raise ValueError("it holds floating-point values outside 0..1, which have no agreed white")
        return _grey8(values.astype(np.float32), 1), None
    white = _white(image)
    if values.min() < 0 or values.max() > white:
        raise ValueError("it holds 32-bit values outside 0..65535, which have no agreed white")
    alpha = None
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        alpha = Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8))
    if _white_is_zero(image):
        values = white - values.astype(np.int32)
    return _grey8(values.astype(np.float32), white), alpha


def _grey8(values: np.ndarray, white: int) -> Image.Image:
    return Image.fromarray(np.rint(values * np.float32(255 / white)).astype(np.uint8))


_BITS_PER_SAMPLE, _PHOTOMETRIC = 258, 262


def _white(image: Image.Image) -> int:
    # Pillow unpacks a 12-bit TIFF into 16 bits without scaling it.
    bits = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (16,))[0]
    return 4095 if bits == 12 else 65535


def _white_is_zero(image: Image.Image) -> bool:
    # Pillow inverts such TIFFs at 8 bits, not at 16.
    return bool(getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == 0)


def _apply_profile(colour: Image.Image, profile: bytes | None) -> Image.Image:
    if colour.mode == "LAB":
        return _convert(colour, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            space = source.profile.xcolor_space
            if colour.mode == "L" and space == "RGB ":
                colour = colour.convert("RGB")
            if _COLOUR_SPACES[colour.mode] == space and not _is_srgb(profile):
                return _convert(colour, source)
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a broken profile says nothing; the pixels are then taken for sRGB, as browsers do
    return colour.convert("RGB")


def _convert(colour: Image.Image, source: ImageCms.ImageCmsProfile) -> Image.Image:
    converted = ImageCms.profileToProfile(colour, source, _srgb(), outputMode="RGB")
    if converted is None:
        raise ValueError("its colours cannot be converted to sRGB")
    return converted


@lru_cache(maxsize=1)
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@lru_cache(maxsize=64)
def _is_srgb(profile: bytes) -> bool:
    """Whether the profile moves no colour by more than one level.

    The many variants of sRGB profiles would otherwise shift colours by rounding alone, and a picture that is sRGB
    already should come through untouched.
    """
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    if source.profile.xcolor_space != "RGB ":
        return False
    steps = np.linspace(0, 255, 18).astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(18, -1, 3)
    moved = np.asarray(_convert(Image.fromarray(cube), source))
    return bool(np.abs(moved.astype(int) - cube).max() <= 1)
