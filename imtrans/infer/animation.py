"""Pictures in a row as a moving one: GIF through Pillow, MP4 through PyAV where it is installed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from imtrans.data.atomic import atomic_file
from imtrans.data.names import shown
from imtrans.errors import MissingExtraError, OutputError

SUFFIXES = {"gif": ".gif", "mp4": ".mp4"}
_MOST_FPS = {"gif": 50.0, "mp4": 240.0}
"""GIF counts hundredths of a second, and viewers slow down what takes less than two of them."""


def write_animation(frames: Sequence[Image.Image], path: Path, *, fps: float, comment: str = "") -> None:
    """Write the frames as an endless loop (GIF) or a film (MP4), by the file's suffix: whole, or not at all.

    Args:
        frames: of one size.
        path: ends in ``.gif`` or ``.mp4``; its folder is made if need be.
        fps: frames a second, at most 50 in a GIF.
        comment: text that the file carries.

    Raises:
        MissingExtraError: MP4 needs PyAV, which is not installed.
        OutputError: the file cannot be written, or ``fps`` is none that it can have.
    """
    check_film(path.suffix, fps)
    kind = path.suffix.lower().removeprefix(".")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as stream:
            (_write_mp4 if kind == "mp4" else _write_gif)(frames, stream, fps, comment)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(f"{shown(path)} cannot be written: {reason or type(error).__name__}.") from error


def check_film(suffix: str, fps: float) -> None:
    """Refuse a film that could not be written, before minutes of drawing its frames.

    Args:
        suffix: ``".gif"`` or ``".mp4"``.
        fps: frames a second.

    Raises:
        MissingExtraError, OutputError: see :func:`write_animation`.
    """
    kind = suffix.lower().removeprefix(".")
    if not 0 < fps <= _MOST_FPS[kind]:
        raise OutputError(f"{kind} files show up to {_MOST_FPS[kind]:g} frames a second, not {fps:g}.")
    if kind == "mp4":
        require_pyav()


def require_pyav() -> None:
    """Refuse what needs PyAV where it is not installed.

    Raises:
        MissingExtraError: the message says how to install it.
    """
    try:
        import av  # type: ignore[import-not-found, unused-ignore]  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            "MP4 files need PyAV, which is not installed.",
            hint="Type: pip install 'imtrans[video]', or write a GIF: --format gif.",
        ) from error


def _write_gif(frames: Sequence[Image.Image], stream: object, fps: float, comment: str) -> None:
    first, *rest = frames
    duration = max(20, round(100 / fps) * 10)  # milliseconds, in whole hundredths of a second
    first.save(
        stream,  # type: ignore[arg-type]  # an open file
        "GIF",
        save_all=True,
        append_images=rest,
        duration=duration,
        loop=0,
        comment=comment.encode()[:4000],
    )


def _write_mp4(frames: Sequence[Image.Image], stream: object, fps: float, comment: str) -> None:
    import av

    with av.open(stream, "w", format="mp4") as film:
        film.metadata["comment"] = comment
        video = film.add_stream("libx264", rate=round(fps))
        # Colours are stored for squares of four pixels, so that both sides have to be even.
        video.width, video.height = (side + side % 2 for side in frames[0].size)
        video.pix_fmt, video.options = "yuv420p", {"crf": "17"}
        for image in frames:
            even = Image.new("RGB", (video.width, video.height))
            even.paste(image)
            film.mux(video.encode(av.VideoFrame.from_image(even)))
        film.mux(video.encode())
