"""Where the pictures of a domain lie."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imtrans.data.folders import domain_pictures
from imtrans.errors import InputError


def fill(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def found(root: Path, domain: str = "A", split: str = "train") -> list[str]:
    return [path.relative_to(root).as_posix() for path in domain_pictures(root, domain, split)]


def test_pictures_in_natural_order_at_any_depth(tmp_path: Path) -> None:
    fill(tmp_path, "trainA/10.png", "trainA/9.JPG", "trainA/more/1.webp", "trainA/notes.txt", "trainB/x.png")
    assert found(tmp_path) == ["trainA/9.JPG", "trainA/10.png", "trainA/more/1.webp"]


def test_split_before_plain(tmp_path: Path) -> None:
    fill(tmp_path, "trainA/1.png", "testA/2.png", "A/3.png", "B/4.png")
    assert found(tmp_path) == ["trainA/1.png"]
    assert found(tmp_path, split="test") == ["testA/2.png"]
    assert found(tmp_path, "B", split="test") == ["B/4.png"]


def test_hidden_files_and_links_to_nowhere_do_not_count(tmp_path: Path) -> None:
    fill(tmp_path, "A/1.png", "A/._1.png", "A/.hidden/2.png")
    (tmp_path / "A" / "3.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "A" / "4.png").mkdir()
    assert found(tmp_path) == ["A/1.png"]


def test_links_to_pictures_count(tmp_path: Path) -> None:
    fill(tmp_path, "store/1.png")
    (tmp_path / "A").mkdir()
    (tmp_path / "A" / "1.png").symlink_to(tmp_path / "store" / "1.png")
    assert found(tmp_path) == ["A/1.png"]


@pytest.mark.parametrize(
    ("names", "words", "have"),
    [
        ((), "has no folder trainA", "holds nothing"),
        (("trainB/1.png", "notes.txt"), "has no folder trainA .nor A.", "notes.txt, trainB/"),
        (("trainA/notes.txt",), "trainA holds no pictures", ".jpg"),
        (("trainA",), "has no folder trainA", "trainA"),
        (tuple(f"{n}.png" for n in range(20)), "has no folder trainA", "…"),
    ],
)
def test_folders_that_will_not_do(tmp_path: Path, names: tuple[str, ...], words: str, have: str) -> None:
    fill(tmp_path, *names)
    with pytest.raises(InputError, match=words) as caught:
        domain_pictures(tmp_path, "A")
    assert have in caught.value.have
    assert "trainA/ and trainB/" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "words", "have"),
    [
        ("nothing", "nothing does not exist", "holds a.png."),
        ("a.png", "is a file, not a folder", "a.png"),
        ("no/where", "does not exist", "does not exist either"),
    ],
)
def test_no_folder_at_all(tmp_path: Path, name: str, words: str, have: str) -> None:
    fill(tmp_path, "a.png")
    with pytest.raises(InputError, match=words) as caught:
        domain_pictures(tmp_path / name, "A")
    assert have in caught.value.have
    assert "--data" in caught.value.hint


def test_names_cannot_repaint_the_terminal(tmp_path: Path) -> None:
    fill(tmp_path, "evil\x1b[2J.png")
    with pytest.raises(InputError) as caught:
        domain_pictures(tmp_path, "A")
    assert "\x1b" not in str(caught.value)


def test_a_folder_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "trainA/1.png")

    def refuse(path: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match="trainA cannot be read: Permission denied") as caught:
        domain_pictures(tmp_path, "A")
    assert "chmod" in caught.value.hint
