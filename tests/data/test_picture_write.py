"""Writing pictures: formats, alpha, and nothing half done."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
from PIL import Image

from imtrans.data import picture as module
from imtrans.data.picture import Picture, read_picture, write_picture
from imtrans.errors import OutputError, UsageError

NOISE = np.random.default_rng(1).integers(0, 256, (9, 11, 4), dtype=np.uint8)
OPAQUE = Image.fromarray(np.ascontiguousarray(NOISE[..., :3]))
ALPHA = Image.fromarray(np.ascontiguousarray(NOISE[..., 3]))


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff", ".bmp", ".PNG"])
def test_lossless_round_trip(tmp_path: Path, suffix: str) -> None:
    write_picture(OPAQUE, tmp_path / f"a{suffix}")
    assert np.array_equal(np.asarray(read_picture(tmp_path / f"a{suffix}").image), NOISE[..., :3])


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_alpha_is_kept_exactly(tmp_path: Path, suffix: str) -> None:
    write_picture(Picture(OPAQUE, ALPHA), tmp_path / f"a{suffix}")
    read = read_picture(tmp_path / f"a{suffix}")
    assert read.alpha is not None
    assert np.array_equal(np.asarray(read.alpha), NOISE[..., 3])


@pytest.mark.parametrize("suffix", [".jpg", ".bmp"])
def test_formats_without_alpha_lay_the_picture_over_white(tmp_path: Path, suffix: str) -> None:
    clear = Picture(Image.new("RGB", (16, 16), "black"), Image.new("L", (16, 16), 0))
    write_picture(clear, tmp_path / f"a{suffix}")
    read = read_picture(tmp_path / f"a{suffix}")
    assert read.alpha is None
    assert read.image.getpixel((8, 8)) == (255, 255, 255)


def test_quality_and_chroma(tmp_path: Path) -> None:
    write_picture(OPAQUE, tmp_path / "low.jpg", quality=10)
    write_picture(OPAQUE, tmp_path / "high.jpg", quality=100)
    assert (tmp_path / "low.jpg").stat().st_size < (tmp_path / "high.jpg").stat().st_size
    error = np.asarray(read_picture(tmp_path / "high.jpg").image).astype(int) - NOISE[..., :3]
    assert np.abs(error).max() < 8  # noise of full chroma survives only without subsampling


def test_folders_are_made_and_files_replaced(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.png"
    write_picture(Image.new("RGB", (1, 1)), path)
    write_picture(Image.new("RGB", (2, 2)), path)
    assert read_picture(path).size == (2, 2)
    assert listed(path.parent) == ["a.png"]


def test_permissions_follow_the_users_mask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_picture(OPAQUE, tmp_path / "a.png")
    finally:
        os.umask(before)
    assert (tmp_path / "a.png").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("name", ["a.gif", "a.txt", "a"])
def test_unwritable_suffixes_are_a_usage_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"cannot be written as") as caught:
        write_picture(OPAQUE, tmp_path / name)
    assert ".png" in caught.value.have


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_write_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def half(image: Image.Image, stream: IO[bytes], *rest: Any) -> None:
        stream.write(b"half of a pict")
        stream.flush()
        raise failure

    monkeypatch.setattr(module, "_encode", half)
    with pytest.raises((OutputError, KeyboardInterrupt)) as caught:
        write_picture(OPAQUE, path)
    if isinstance(caught.value, OutputError):
        assert "No space left" in caught.value.what
        assert str(path) in caught.value.what
    assert path.read_bytes() == b"old"
    assert listed(tmp_path) == ["a.png"]


def test_the_final_name_appears_only_when_the_file_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, seen, encode = tmp_path / "a.png", [], module._encode

    def watched(image: Image.Image, stream: IO[bytes], *rest: Any) -> None:
        encode(image, stream, *rest)
        seen.append((path.exists(), Path(stream.name).parent))

    monkeypatch.setattr(module, "_encode", watched)
    write_picture(OPAQUE, path)
    assert seen == [(False, tmp_path)]
    assert path.exists()


def test_no_permission_is_an_output_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(self: Path, *args: object, **kwargs: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", forbid)
    with pytest.raises(OutputError, match="Permission denied"):
        write_picture(OPAQUE, tmp_path / "a.png")


def test_a_folder_or_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    with pytest.raises(OutputError, match="folder"):
        write_picture(OPAQUE, tmp_path / "a.png")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        write_picture(OPAQUE, tmp_path / "file" / "a.png")


def test_too_large_for_the_format(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"wide\.webp cannot be written"):
        write_picture(Image.new("RGB", (16_384, 1)), tmp_path / "wide.webp")
    assert listed(tmp_path) == []


def test_the_longest_possible_name(tmp_path: Path) -> None:
    name = "x" * 251 + ".png"
    write_picture(OPAQUE, tmp_path / name)
    assert listed(tmp_path) == [name]
