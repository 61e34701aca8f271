"""Pictures brought together by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from imtrans.errors import InputError, UsageError
from imtrans.metrics.matching import by_name, match, pictures_in


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


def test_suffixes_do_not_matter_and_the_order_is_natural(tmp_path: Path) -> None:
    results = touch(tmp_path / "r", "10.png", "2.png", "only.png")
    targets = touch(tmp_path / "t", "2.jpg", "10.JPG", "else.tiff")
    found = match(
        {role: by_name(root, pictures_in(root, option="--x")) for role, root in (("r", results), ("t", targets))}
    )
    assert list(found.together) == ["2", "10"]
    assert found.together["2"] == {"r": results / "2.png", "t": targets / "2.jpg"}
    assert found.alone == {"r": [results / "only.png"], "t": [targets / "else.tiff"]}


def test_folders_of_folders(tmp_path: Path) -> None:
    root = touch(tmp_path, "a/1.png", "b/1.png")
    with pytest.raises(InputError, match="there is no picture in the folder") as raised:
        pictures_in(root, option="--results")
    assert "--recursive" in raised.value.hint
    assert list(by_name(root, pictures_in(root, option="--results", recursive=True))) == ["a/1", "b/1"]


def test_two_pictures_of_one_name(tmp_path: Path) -> None:
    root = touch(tmp_path, "1.png", "1.jpg")
    with pytest.raises(UsageError, match="have one name"):
        by_name(root, pictures_in(root, option="--results"))


def test_names_with_dots_keep_them(tmp_path: Path) -> None:
    root = touch(tmp_path, "a.b.png", "a.c.png")
    assert list(by_name(root, pictures_in(root, option="--results"))) == ["a.b", "a.c"]


def test_folders_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist") as raised:
        pictures_in(tmp_path / "nowhere", option="--targets")
    assert "--targets" in raised.value.hint
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file, not a folder"):
        pictures_in(tmp_path / "file", option="--targets")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="there is no picture in the folder"):
        pictures_in(tmp_path / "empty", option="--targets")
