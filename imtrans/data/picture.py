"""Picture files in and out: any of the usual formats to 8-bit sRGB and alpha, and back."""

from __future__ import annotations

import io
import stat
import struct
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from PIL import ExifTags, Image, ImageFile, ImageOps, PngImagePlugin

from imtrans.data.atomic import atomic_file
from imtrans.data.colour import to_srgb
from imtrans.data.names import FORMATS, WRITABLE, shown
from imtrans.errors import InputError, OutputError, UsageError

MAX_PIXELS = 200_000_000
"""Pictures with more pixels than this are refused: a file of a few kilobytes can claim any size."""

_DECODERS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")
_WITH_ALPHA = ("PNG", "WEBP", "TIFF")
_STRANGERS = (
    (b"8BPS", "a Photoshop file"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive or an office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"\x00\x00\x00\x0cjP", "a JPEG 2000 picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
)


@dataclass(frozen=True)
class Picture:
    """A picture, upright and in sRGB.

    Attributes:
        image: the colours, mode RGB, 8 bits a channel.
        alpha: the opacity, mode L, 0 transparent to 255 opaque, same size; None where the file has none.
        format: Pillow's name of the file's format (``"JPEG"``, ``"PNG"``, ...), or None for a picture from memory.
    """

    image: Image.Image
    alpha: Image.Image | None = None
    format: str | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.image.size

    def merged(self) -> Image.Image:
        """One image: mode RGBA with an alpha channel, otherwise RGB."""
        if self.alpha is None:
            return self.image
        merged = self.image.convert("RGBA")
        merged.putalpha(self.alpha)
        return merged


def read_picture(
    source: str | Path | bytes, *, max_pixels: int = MAX_PIXELS, least: tuple[int, int] | None = None
) -> Picture:
    """Read a JPEG, PNG, WebP, TIFF, BMP or GIF (its first frame) file, or the bytes of one.

    EXIF orientation is applied, colours are converted to sRGB, see :func:`imtrans.data.colour.to_srgb`.

    Args:
        source: a path, or what is in the file.
        max_pixels: larger pictures are refused.
        least: (width, height) that will do; a JPEG is then decoded at 1/2, 1/4 or 1/8 of its size if that is no
            smaller, which takes a fraction of the time.

    Raises:
        InputError: the file is missing, forbidden, empty, truncated, larger than ``max_pixels``, of another format, or
            no picture; the message names the file and says which.
    """
    name = "the picture" if isinstance(source, bytes) else shown(source)
    with _opened(source, name) as stream:
        try:
            return _decode(stream, name, max_pixels, least)
        except InputError:
            raise
        except MemoryError:
            raise InputError(f"{name}: there is not enough memory to decode it.") from None
        except Exception as error:  # a hostile file may make a decoder raise anything
            raise InputError(f"{name}: {_reason(error)}.") from error


def open_picture(source: Path) -> ImageFile.ImageFile:
    """A file recognised but not decoded, as Pillow's lazy image: its size, mode and format, and pixels as stored.

    The caller closes it, and reads ``load`` errors into words by :func:`damaged`.

    Raises:
        InputError: the file is missing, forbidden, empty, larger than :data:`MAX_PIXELS`, of another format, or none.
    """
    name = shown(source)
    stream = cast(IO[bytes], _opened(source, name))  # a real file, which the image takes over
    try:
        return _checked(stream, name, MAX_PIXELS)
    except Exception as error:
        stream.close()
        raise error if isinstance(error, InputError) else damaged(source, error) from error


def damaged(source: Path, error: Exception) -> InputError:
    """A decoder's complaint about a file, in words."""
    return InputError(f"{shown(source)}: {_reason(error)}.")


def picture_from_image(image: Image.Image) -> Picture:
    """The same contract for a Pillow image from memory, of any mode.

    Raises:
        InputError: the pixels cannot be read or have no agreed white.
    """
    try:
        image.load()
        return _upright(image)
    except Exception as error:  # an image that was opened lazily is decoded only here
        raise InputError(f"the picture: {_reason(error)}.") from error


def write_picture(picture: Picture | Image.Image, path: str | Path, *, quality: int = 95, comment: str = "") -> None:
    """Write a picture in the format of the path's suffix, whole or not at all.

    PNG, WebP and TIFF keep the alpha channel. JPEG and BMP have none: there the picture is laid over white. JPEG is
    written without chroma subsampling, because networks put detail into colours.

    Args:
        picture: what to write.
        path: the file; its folders are made, an existing file is replaced.
        quality: 1 to 100, for JPEG and WebP.
        comment: text that the file carries: a PNG as text under the key ``imtrans``, JPEG, WebP and TIFF as the image
            description of their EXIF data, BMP not at all.

    Raises:
        UsageError: the suffix is none of a writable format.
        OutputError: the file cannot be written (no permission, disk full, too large for the format).
    """
    path = Path(path)
    kind = WRITABLE.get(path.suffix.lower())
    if kind is None:
        raise UsageError(
            f"{shown(path)}: pictures cannot be written as {shown(path.suffix) or 'a file without a suffix'!r}.",
            have=f"Writable are {', '.join(WRITABLE)}.",
        )
    image = picture.merged() if isinstance(picture, Picture) else picture
    image = _writable(image, kind)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as stream:
            _encode(image, stream, kind, quality, comment)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise OutputError(f"{shown(path)} cannot be written: {reason or type(error).__name__}.") from error


def _opened(source: str | Path | bytes, name: str) -> AbstractContextManager[IO[bytes]]:
    if isinstance(source, bytes):
        if not source:
            raise InputError(f"{name}: the data is empty.")
        return nullcontext(io.BytesIO(source))
    try:
        status = Path(source).stat()
        # Opening a pipe or a device would wait for ever, or read for ever.
        if stat.S_ISDIR(status.st_mode):
            raise InputError(f"{name}: it is a folder, not a picture.")
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{name}: it is a pipe or a device, not a picture file.")
        if status.st_size == 0:
            raise InputError(f"{name}: the file is empty.")
        return Path(source).open("rb")
    except FileNotFoundError:
        raise InputError(f"{name}: there is no such file.") from None
    except PermissionError:
        raise InputError(f"{name}: no permission to read it.") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: {getattr(error, 'strerror', None) or error}.") from error


def _decode(stream: IO[bytes], name: str, max_pixels: int, least: tuple[int, int] | None) -> Picture:
    image = _checked(stream, name, max_pixels)
    if least is not None:
        image.draft(None, least)
    image.load()
    return _upright(image, "JPEG" if image.format == "MPO" else image.format)


def _checked(stream: IO[bytes], name: str, max_pixels: int) -> ImageFile.ImageFile:
    image = _recognised(stream)
    if image is None:
        raise InputError(f"{name}: {_stranger(stream)}.", have=f"Readable are {FORMATS}.")
    width, height = image.size
    if width * height > max_pixels:
        raise InputError(
            f"{name}: it claims {width} x {height} pixels, more than the limit of {max_pixels / 1e6:g} million.",
            hint="If it is an honest picture, make it smaller first.",
        )
    return image


def _recognised(stream: IO[bytes]) -> ImageFile.ImageFile | None:
    """The file, opened but not decoded, by the decoder that its first bytes call for; None when none knows it.

    ``Image.open`` would consult a limit on pixels that the whole process shares; here the limit is an argument, and so
    the decoders are asked directly.
    """
    Image.preinit()
    Image.init()
    prefix = stream.read(16)
    for kind in _DECODERS:
        factory, accepts = Image.OPEN[kind]
        if accepts is not None and accepts(prefix) is True:
            stream.seek(0)
            opened: ImageFile.ImageFile = factory(stream, "")
            return opened
    return None


def _stranger(stream: IO[bytes]) -> str:
    """What a file is that no decoder knows, as far as its first bytes tell."""
    stream.seek(0)
    start = stream.read(512)
    if start[4:8] == b"ftyp":
        return f"it is a {shown(start[8:12].decode('latin-1')).strip()} file (HEIC, AVIF or video), which is not read"
    for magic, what in _STRANGERS:
        if start.startswith(magic):
            return f"it is {what}, which is not read"
    try:
        text = start[:509].decode("utf-8", errors="strict" if len(start) < 509 else "ignore")
    except UnicodeDecodeError:
        text = "\0"
    if all(c.isprintable() or c.isspace() for c in text):
        return "it is a text file, not a picture"
    return "it is not a picture of a known format"


def _upright(image: Image.Image, kind: str | None = None) -> Picture:
    try:
        turned = ImageOps.exif_transpose(image)
    except Exception:  # broken EXIF data tells nothing about which way is up
        turned = image
    colour, alpha = to_srgb(turned)
    return Picture(colour, alpha, kind)


def _reason(error: Exception) -> str:
    """A decoder's complaint as a clause that follows the file's name."""
    text = str(error).strip().rstrip(".")
    if isinstance(error, Image.DecompressionBombError):
        return "it claims more pixels than any honest picture has"
    if isinstance(error, EOFError | struct.error | IndexError) or "truncated" in text.lower():
        return "the file is damaged or ends too early (truncated)"
    if isinstance(error, ValueError) and text.startswith("it holds"):
        return text
    return f"the file is damaged ({text or type(error).__name__})"


def _writable(image: Image.Image, kind: str) -> Image.Image:
    """The image in a mode that the format can hold: RGB, or RGBA where the format has alpha."""
    if image.mode == "RGB":
        return image
    straight = image.convert("RGBA")
    if kind in _WITH_ALPHA:
        return straight if image.has_transparency_data else image.convert("RGB")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, straight).convert("RGB")


def _encode(image: Image.Image, stream: IO[bytes], kind: str, quality: int, comment: str) -> None:
    exif = Image.Exif()
    if comment:
        exif[ExifTags.Base.ImageDescription] = comment
    if kind == "JPEG":
        image.save(stream, "JPEG", quality=quality, subsampling=0, exif=exif)
    elif kind == "WEBP":
        image.save(stream, "WEBP", quality=quality, exif=exif)
    elif kind == "TIFF":
        image.save(stream, "TIFF", compression="tiff_lzw", exif=exif)
    elif kind == "PNG" and comment:
        text = PngImagePlugin.PngInfo()
        text.add_itxt("imtrans", comment)
        image.save(stream, "PNG", pnginfo=text)
    else:
        image.save(stream, kind)
