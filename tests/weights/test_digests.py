"""Published digests, and trust on first use."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from imtrans.errors import WeightsError
from imtrans.weights import digests


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "w.pth"
    path.write_bytes(b"weights")
    return path


def test_a_published_digest_holds(file: Path) -> None:
    digest = hashlib.sha256(b"weights").hexdigest()
    assert digests.sha256_of(file) == digest
    digests.check_published(file, digest.upper())
    with pytest.raises(WeightsError, match="not the file that was published") as caught:
        digests.check_published(file, "0" * 64)
    assert digest in caught.value.what
    assert "0" * 64 in caught.value.have


def test_the_first_use_is_recorded_and_later_ones_are_held_to_it(file: Path) -> None:
    assert "is kept in w.pth.sha256" in digests.check_recorded(file)
    assert digests.record_of(file).read_text() == f"{hashlib.sha256(b'weights').hexdigest()}  w.pth\n"
    assert "unchanged since its first use" in digests.check_recorded(file)
    file.write_bytes(b"other weights")
    with pytest.raises(WeightsError, match="has changed since it was first used"):
        digests.check_recorded(file)


@pytest.mark.parametrize("content", ["", "no digest", "abc123  w.pth", "\x00\xff"])
def test_a_broken_record_is_refused(file: Path, content: str) -> None:
    digests.record_of(file).write_text(content)
    with pytest.raises(WeightsError, match="holds no sha256"):
        digests.check_recorded(file)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot be read"):
        digests.sha256_of(tmp_path)


def test_a_folder_that_takes_no_record(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_text", refuse)
    assert "trusted as it is" in digests.check_recorded(file)
